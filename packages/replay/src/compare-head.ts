// Cookies, headers and trailers of two answers. What only counts or measures (request ids, run times, remaining quotas) is
// compared by presence, entity tags by form, a media type by its parts. Pure.
import { type HttpResponse, header } from '@echoplane/traffic';
import { compareLeaf } from './compare-leaf.ts';
import { type Comparing, print } from './comparing.ts';
import { withRecordedNames } from './cookie-names.ts';
import { insideAt } from './leaves.ts';
import { arranged, directivesOf, isPolicy, spaced, withNonceSources } from './policies.ts';
import { noteShuffled } from './seeded-sets.ts';
import { isShuffled, meantHead } from './test-places.ts';
import { isTimeTag, readTime, SECOND_US } from './times.ts';
import type { Leaf } from './tree.ts';

/** Headers whose values are anew in every answer, by convention. */
const MEASURES =
  /^header\.(?:.*-)?(?:request-id|correlation-id|trace-?id|traceparent|tracestate|runtime|response-time|duration|elapsed|server-timing|ratelimit-(?:remaining|reset|used)|rate-limit-(?:remaining|reset|used))$/;

/** `limit=100, remaining=42, reset=17`, `"default";r=42;t=17`. https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html */
const QUOTA = 'header.ratelimit';
const LEFT = /(?<=\b(?:remaining|reset|r|t)=)\d+/g;

/** Compares what stands before and behind the bodies. */
export function compareHead(comparing: Comparing): void {
  const named = withRecordedNames(comparing, comparing.places.head, meantHead(comparing.live));
  const live = new Map(named.map((leaf) => [leaf.path, leaf]));
  for (const leaf of comparing.places.head) {
    const other = live.get(leaf.path);
    live.delete(leaf.path);
    if (!isAsked(comparing, leaf.path)) comparing.leaves.ignored++;
    else if (other) compareHeadLeaf(comparing, leaf, other);
    else {
      comparing.leaves.strict++;
      if (!isNamedBefore(comparing, leaf.path))
        comparing.differ(leaf.path, 'missing', print(leaf.value), null);
    }
  }
  for (const { path, value } of live.values())
    if (isAsked(comparing, path) && !isNamedBefore(comparing, path))
      comparing.differ(path, 'unexpected', null, print(value));
}

/** An attribute of a cookie that is itself missing or new. */
function isNamedBefore({ differences }: Comparing, path: string): boolean {
  const semicolon = path.indexOf(';');
  if (semicolon < 0) return false;
  const cookie = path.slice(0, semicolon);
  return differences.some((difference) => difference.path === cookie && difference.problem !== 'value');
}

function isAsked({ rules: { headers, cookies } }: Comparing, path: string): boolean {
  if (path.startsWith('cookie.')) return cookies;
  if (typeof headers === 'boolean') return headers;
  return headers.includes(path.slice(path.indexOf('.') + 1).replace(/\[\d+\]$/, ''));
}

function compareHeadLeaf(comparing: Comparing, { path, value }: Leaf, live: Leaf): void {
  if (value === live.value) compareLeaf(comparing, path, value, live.value);
  else if (path === 'header.etag') compareTags(comparing, String(value), String(live.value));
  else if (path === 'header.content-type') compareLeaf(comparing, path, mediaOf(value), mediaOf(live.value));
  else if (path === 'header.last-modified' && isLongAgo(comparing, value, live.value))
    comparing.loose(path, 'timestamp');
  else if (path === 'header.expires') compareExpiry(comparing, value, live.value);
  else if (MEASURES.test(path)) comparing.loose(path, 'measure');
  else if (path === QUOTA) compareQuotas(comparing, String(value), String(live.value));
  else if (isPolicy(path)) comparePolicies(comparing, path, String(value), String(live.value));
  else compareLeaf(comparing, path, value, live.value);
}

/** What is left of a quota, and until when, is anew in every answer; how much it is, is not. */
function compareQuotas(comparing: Comparing, recorded: string, live: string): void {
  if (recorded.replace(LEFT, '') === live.replace(LEFT, '')) comparing.loose(QUOTA, 'measure');
  else {
    comparing.leaves.strict++;
    comparing.differ(QUOTA, 'value', print(recorded), print(live));
  }
}

/** The order of directives means nothing, but may show that sets come in the order of seeded hashes. */
function comparePolicies(comparing: Comparing, path: string, recorded: string, live: string): void {
  noteShuffled(comparing, directivesOf(recorded), directivesOf(live), isShuffled);
  const [was, is] = [spaced(recorded), arranged(recorded, live)];
  const due = withNonceSources(was, is);
  if (due === was && is !== was) comparing.loose(path, 'token');
  else compareLeaf(comparing, path, was, due);
}

/** Of a tag one answer tells only that it is one, strong or weak; a second one with the same tag has the same again. */
function compareTags(comparing: Comparing, recorded: string, live: string): void {
  const path = 'header.etag';
  noteTag(comparing, recorded, live);
  if (comparing.values.seen(recorded)?.live === live) comparing.leaves.strict++;
  else if (isTimeTag(recorded)) compareLeaf(comparing, path, recorded, live);
  else if (recorded.startsWith('W/') !== live.startsWith('W/') || live.length <= '""'.length)
    compareLeaf(comparing, path, recorded, live);
  else {
    comparing.observe('seen', recorded, live);
    comparing.loose(path, 'token');
  }
}

/** Clients send tags back: what a flow says of one is known from here on. */
function noteTag(comparing: Comparing, recorded: string, live: string): void {
  for (const { inside, flow } of comparing.places.links.get('header.etag') ?? []) {
    const [was, is] = [insideAt(recorded, inside), insideAt(live, inside)];
    if (was !== undefined && is !== undefined && comparing.values.flow(flow, was) === undefined)
      comparing.observe({ flow }, was, is);
  }
}

/** Files of another installation: both are older than the runs. */
function isLongAgo({ own, values }: Comparing, recorded: Leaf['value'], live: Leaf['value']): boolean {
  const [was, is] = [readTime(recorded), readTime(live)];
  return was !== null && is !== null && own !== null && !values.clock.isInRun(was) && is.us <= own.liveFromUs;
}

function compareExpiry(comparing: Comparing, recorded: Leaf['value'], live: Leaf['value']): void {
  const mark = comparing.mark();
  compareLeaf(comparing, 'header.expires', recorded, live);
  const differs = comparing.differences.length > mark.differences;
  if (!differs || !isSameLifetime(comparing, recorded, live)) return;
  comparing.back(mark);
  comparing.leaves.time++;
}

/** How long an answer may be kept counts from its own date, whenever a slower one was given (RFC 9111 section 4.2.1). */
function isSameLifetime({ test, live }: Comparing, recorded: Leaf['value'], now: Leaf['value']): boolean {
  const [was, is] = [lifetimeUs(test.response, recorded), lifetimeUs(live, now)];
  return was !== null && is !== null && Math.abs(was - is) <= SECOND_US;
}

function lifetimeUs({ headers }: HttpResponse, expires: Leaf['value']): number | null {
  const [from, to] = [readTime(header(headers, 'date') ?? null), readTime(expires)];
  return from && to ? to.us - from.us : null;
}

/** Case, blanks and the boundary of parts say nothing. */
function mediaOf(value: Leaf['value']): string {
  return String(value)
    .split(';')
    .map((part) => part.trim().toLowerCase().replaceAll('"', ''))
    .filter((part) => part !== '' && !part.startsWith('boundary='))
    .join('; ');
}
