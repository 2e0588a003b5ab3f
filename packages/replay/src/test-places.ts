// What is looked up again and again of one test, read once: the places of flows in its request and answer, the learned kinds,
// the recorded leaves. Kept as long as the test is. Pure.
import {
  bodyJson,
  bodyText,
  type FlowLink,
  type HttpResponse,
  header,
  leafPattern,
  type RequestParts,
  type Test,
  type VolatileLeaf,
} from '@echoplane/traffic';
import { isReadingMethod, isReadingOperation, operationNamed } from './body-operation.ts';
import { isPage } from './body-tree.ts';
import { isCoinedName } from './coined-names.ts';
import { leavesInside, splitInside } from './json-inside.ts';
import { type Atom, atomsIn } from './kinds.ts';
import { headLeaves, insideAt, requestLeaves, responseLeaves } from './leaves.ts';
import type { Observed } from './observed.ts';
import { linkedIds } from './page-ids.ts';
import { isReadingPost } from './reading-posts.ts';
import { signsOfList } from './seeded-sets.ts';
import { linesOfText } from './text-lines.ts';
import type { Leaf } from './tree.ts';

/** A place in a request that holds a value of a flow: the leaf, and the way inside its text (`#2`, `!b64.id`). */
export interface LinkedPlace {
  path: string;
  inside: string;
  flow: string;
  recorded: string;
}

/** A value of the recorded answer that is followed: of a flow, or generated. */
export interface Spotted {
  path: string;
  space: 'seen' | { flow: string };
  value: string;
}

/** A link of the answer: the pattern's leaf, and the way inside its text. */
export interface AnswerLink {
  inside: string;
  flow: string;
  /** Whether only coined names belong to the flow. */
  isCoined?: boolean;
}

/** The recorded answer of a test as the comparison asks for it. */
export interface AnswerPlaces {
  /** Cookies, headers, trailers, without those that say nothing. */
  head: readonly Leaf[];
  /** How many leaves there are in all; of a text the lines. */
  count: number;
  bodyText: string | undefined;
  /** By pattern of the whole leaf. */
  links: ReadonlyMap<string, readonly AnswerLink[]>;
  learned: ReadonlyMap<string, VolatileLeaf>;
  spotted: readonly Spotted[];
  unordered: ReadonlySet<string>;
  /** Patterns of what may be there or not. */
  optional: ReadonlySet<string>;
  /** What is seen in a live answer that is equal. */
  asRecorded: Observed;
}

const NO_PLACES: readonly LinkedPlace[] = [];
const requests = new WeakMap<Test, readonly LinkedPlace[]>();
const answers = new WeakMap<Test, AnswerPlaces>();
/** Kinds whose values are followed from answer to answer; times are by their own rules. */
const FOLLOWED: ReadonlySet<Atom['kind']> = new Set(['uuid', 'token', 'hex']);
/** Values followed of one answer. */
const MAX_SPOTTED = 1_000;
const INSIDE = /#\d|!jwt|!b64|!number/;

/** What was read of a test or an answer before, or is read now. */
export function remembered<K extends object, V>(cache: WeakMap<K, V>, of: K, read: (of: K) => V): V {
  const known = cache.get(of);
  if (known !== undefined) return known;
  const made = read(of);
  cache.set(of, made);
  return made;
}

/** The places of flows in the request of a test. */
export function linkedPlaces(test: Test): readonly LinkedPlace[] {
  if (!test.links || test.links.length === 0) return NO_PLACES;
  return remembered(requests, test, placesOf);
}

/** A time in a request that is the client's own. */
export interface OwnTimePlace {
  path: string;
  recorded: string;
  isAgain: boolean;
}

const ownTimes = new WeakMap<Test, readonly OwnTimePlace[]>();

/** The times in the request of a test that its client made up. */
export function ownTimesOf(test: Test): readonly OwnTimePlace[] {
  if (!test.ownTimes || test.ownTimes.length === 0) return NO_TIMES;
  return remembered(ownTimes, test, ({ request, ownTimes: times = [] }) => {
    const written = textsIn(request);
    return times.flatMap(({ path, again = false }) => {
      const recorded = written.get(path);
      return recorded === undefined ? [] : [{ path, recorded, isAgain: again }];
    });
  });
}

/** The leaves of a request as texts, by path. */
export function textsIn(request: RequestParts): Map<string, string> {
  return new Map(requestLeaves(request).map(({ path, value }) => [path, String(value)]));
}

const NO_TIMES: readonly OwnTimePlace[] = [];
const hosts = new WeakMap<Test, boolean>();

/** Whether a request names the host it was sent to elsewhere than in its Host header. */
export function mentionsHost(test: Test): boolean {
  return remembered(hosts, test, ({ request }) => isHostMentioned(request));
}

function isHostMentioned({ target, headers, body }: Test['request']): boolean {
  const host = header(headers, 'host');
  if (!host) return false;
  const forms = [host, encodeURIComponent(host)];
  const texts = [
    target,
    bodyText(body) ?? '',
    ...headers.map(([name, value]) => (name.toLowerCase() === 'host' ? '' : value)),
  ];
  return texts.some((text) => forms.some((form) => text.includes(form)));
}

const made = new WeakMap<Test, readonly string[]>();
/** Words that a write brings; shorter ones, and more of them, tell nothing of what it makes. */
const MIN_MADE_CHARS = 4;
const MAX_MADE = 100;

/** The texts in the body of a write, none of a read. */
export function madeBy(test: Test): readonly string[] {
  return remembered(made, test, ({ request }) => {
    if (!isWriting(test)) return [];
    const texts = requestLeaves(request).flatMap(({ path, value, inner }) =>
      path.startsWith('body') && !inner && typeof value === 'string' && value.length >= MIN_MADE_CHARS
        ? [value]
        : [],
    );
    return texts.slice(0, MAX_MADE);
  });
}

const shown = new WeakMap<Test, readonly string[]>();

/** The generated values of the recorded answer, and the numbers of flows. */
export function shownBy(test: Test): readonly string[] {
  return remembered(shown, test, () =>
    answerPlaces(test).spotted.flatMap(({ space, value }) =>
      space === 'seen' ? [value] : /^\d{1,9}$/.test(value) ? [numberKey(space.flow, value)] : [],
    ),
  );
}

/** What a number of a flow is called among other values. */
export function numberKey(flow: string, value: string): string {
  return `${flow}\n${value}`;
}

const writing = new WeakMap<Test, boolean>();

/** Whether a request may change something. */
export function isWriting(test: Test): boolean {
  return remembered(writing, test, ({ request: { method, target, headers, body } }) => {
    if (method === 'GET' || method === 'HEAD' || isReadingPost(method, target)) return false;
    if (/^application\/grpc/i.test(header(headers, 'content-type') ?? ''))
      return !isReadingMethod(target.slice(target.lastIndexOf('/') + 1));
    return method !== 'POST' || !isReadingOperation(operationNamed(bodyJson(body)));
  });
}

const named = new WeakMap<Test, readonly string[]>();

/** What a write names: the texts in its body and the segments of its path; nothing of a read. */
export function namedBy(test: Test): readonly string[] {
  return remembered(named, test, ({ request }) => {
    if (!isWriting(test)) return [];
    const segments = requestLeaves(request).flatMap(({ path, value }) =>
      path.startsWith('path[') && String(value).length >= MIN_MADE_CHARS ? [String(value)] : [],
    );
    return [...new Set([...madeBy(test), ...segments])];
  });
}

const sent = new WeakMap<Test, string>();

/** Whether a request carries a value as it stands. */
export function mentions(test: Test, value: string): boolean {
  const text = remembered(
    sent,
    test,
    ({ request }) =>
      `${request.target}\n${bodyText(request.body) ?? [...textsIn(request).values()].join('\n')}`,
  );
  return text.includes(value);
}

function placesOf(test: Test): LinkedPlace[] {
  const asked = byPattern(test.links ?? [], 'request');
  if (asked.size === 0) return [];
  const leaves = requestLeaves(test.request);
  const inner = leaves.flatMap(({ path, value }) =>
    typeof value === 'string' ? insideOf(path, value, asked) : [],
  );
  const whole = leaves.flatMap(({ path, value, source }) =>
    (asked.get(leafPattern(path)) ?? asked.get(path) ?? []).flatMap(({ inside, flow, isCoined }) => {
      const recorded = value === null ? undefined : insideAt(source ?? String(value), inside);
      return recorded === undefined || (isCoined && !isCoinedName(recorded))
        ? []
        : [{ path, inside, flow, recorded }];
    }),
  );
  return inner.length > 0 ? [...whole, ...inner] : whole;
}

/** The places inside of a text that is JSON, each element of a list at its own. */
function insideOf(
  path: string,
  text: string,
  asked: ReadonlyMap<string, readonly AnswerLink[]>,
): LinkedPlace[] {
  return leavesInside(path, text).flatMap((leaf) =>
    (asked.get(leafPattern(leaf.path)) ?? []).flatMap(({ inside, flow, isCoined }) => {
      const recorded = leaf.value === null || inside !== '' ? undefined : (leaf.source ?? String(leaf.value));
      return recorded === undefined || (isCoined && !isCoinedName(recorded))
        ? []
        : [{ path, inside: splitInside(leaf.path)!.inside, flow, recorded }];
    }),
  );
}

/** Headers that say nothing about an answer's meaning. */
const SILENT: ReadonlySet<string> = new Set(['header.x-powered-by', 'header.x-echoplane-match']);

/** What a gRPC answer without messages says in its head. */
const GRPC_STATUS = /^header\.(?=grpc-(?:status|message)$)/;

/** The cookies, headers and trailers of an answer that say something. */
export function meantHead(response: HttpResponse): Leaf[] {
  return headLeaves(response)
    .filter(({ path }) => !SILENT.has(path))
    .map((leaf) =>
      GRPC_STATUS.test(leaf.path) ? { ...leaf, path: leaf.path.replace(GRPC_STATUS, 'trailer.') } : leaf,
    );
}

/** The status of a gRPC call; undefined for other answers. */
export function grpcStatus(head: readonly Leaf[]): string | undefined {
  return head.find(({ path }) => path === 'trailer.grpc-status')?.value as string | undefined;
}

/** The recorded answer of a test, read once. */
export function answerPlaces(test: Test): AnswerPlaces {
  return remembered(answers, test, readAnswer);
}

function readAnswer(test: Test): AnswerPlaces {
  const { response } = test;
  const links = byPattern(test.links ?? [], 'response');
  const leaves = responseLeaves(response).filter(({ inner, path }) => !inner && !SILENT.has(path));
  const spotted = [...spottedIn(leaves, links), ...setsIn(test, leaves)];
  const inPage = linkedIds(bodyText(response.body) ?? '', links, header(test.request.headers, 'host'));
  const observations = [...spotted, ...inPage].map(({ space, value }) => ({
    space,
    recorded: value,
    live: value,
  }));
  const lines = leaves.at(-1)?.path === 'body' ? linesOf(response, leaves.at(-1)!.value) : 1;
  return {
    head: meantHead(response),
    count: leaves.length + lines - 1,
    bodyText: bodyText(response.body),
    links,
    learned: new Map(test.volatile.map((leaf) => [leaf.path, leaf])),
    spotted,
    unordered: new Set(test.unordered),
    optional: new Set(test.optional?.map(({ path }) => path)),
    asRecorded: { observations, livePath: (path) => path },
  };
}

function linesOf({ headers }: HttpResponse, value: Leaf['value']): number {
  const format = isPage(headers) ? 'html' : 'text';
  return typeof value === 'string' ? linesOfText(format, value).length : 1;
}

/** Whether a piece of a leaf is a claim of the token that the leaf is. */
export function isClaim(inside: string): boolean {
  return inside.startsWith('!jwt.');
}

function byPattern(links: readonly FlowLink[], side: FlowLink['in']): Map<string, AnswerLink[]> {
  const found = new Map<string, AnswerLink[]>();
  for (const { in: where, path, flow, like } of links) {
    if (where !== side) continue;
    const at = path.search(INSIDE);
    const whole = at < 0 ? path : path.slice(0, at);
    const list = found.get(whole) ?? [];
    const inside = at < 0 ? '' : path.slice(at);
    list.push(like === 'words' ? { inside, flow, isCoined: true } : { inside, flow });
    found.set(whole, list);
    // A claim is a leaf of its own once its token is opened.
    if (side === 'response' && isClaim(inside)) found.set(path, [{ inside: '', flow }]);
  }
  return found;
}

function spottedIn(leaves: readonly Leaf[], links: AnswerPlaces['links']): Spotted[] {
  const spotted: Spotted[] = [];
  for (const { path, value, source } of leaves) {
    if (spotted.length >= MAX_SPOTTED) break;
    if (value === null) continue;
    for (const { inside, flow, isCoined } of links.size > 0 ? (links.get(leafPattern(path)) ?? []) : []) {
      const recorded = insideAt(source ?? String(value), inside);
      if (recorded !== undefined && (!isCoined || isCoinedName(recorded)))
        spotted.push({ path, space: { flow }, value: recorded });
    }
    if (typeof value !== 'string' || path === 'header.etag') continue;
    for (const atom of atomsIn(value))
      if (FOLLOWED.has(atom.kind)) spotted.push({ path, space: 'seen', value: atom.value });
  }
  return spotted;
}

/** A set of names as it stands: sets in equal order are known as that. */
function setsIn(test: Test, leaves: readonly Leaf[]): Spotted[] {
  const lists = new Map<string, unknown[]>();
  const add = (path: string, value: unknown) => {
    const array = /^(.*)\[\d+\]$/.exec(path)?.[1];
    if (array === undefined) return;
    const list = lists.get(array);
    if (list) list.push(value);
    else lists.set(array, [value]);
  };
  for (const { path, value } of leaves) add(path, value);
  for (const [path, row] of [...lists]) add(path, row);
  return [...lists].flatMap(([path, list]) => {
    const signs = isSetOfNames(test, list) ? [JSON.stringify(list)] : signsOfList(test, path, list);
    return signs.map((value) => ({ path, space: 'seen' as const, value }));
  });
}

/** Fewer names stand in some order by chance. */
const MIN_SET = 5;
const MAX_OF_ROW = 4;
const NAME = /^[A-Za-z][\w.:-]*$/;
/** In a row, which tells more than a name alone. */
const TITLE = /^[A-Za-z][\w.:&/() -]{0,59}$/;

/**
 * Distinct names, in no order that can be seen, and not as the request lists them: the order of a hash table. So are rows of a
 * few names each, `["can_read", "Chart"]`.
 */
export function isSetOfNames(test: Test, list: readonly unknown[]): list is (string | string[])[] {
  if (list.length < MIN_SET) return false;
  const rows = list.map((one) => (Array.isArray(one) ? one : [one]));
  const width = rows[0]!.length;
  const areRows = rows.every((row) => row.length === width && row.every((name) => isName(name, width)));
  if (!areRows || width === 0 || width > MAX_OF_ROW) return false;
  const whole = rows.map((row) => row.join('\n'));
  if (new Set(whole).size < list.length) return false;
  const columns = width === 1 ? [] : rows[0]!.map((_, n) => rows.map((row) => row[n] as string));
  if ([whole, ...columns].some(isInOrder)) return false;
  return !rows.every((row) => row.every((name) => mentions(test, name)));
}

function isName(name: unknown, width: number): boolean {
  return typeof name === 'string' && (width === 1 ? NAME : TITLE).test(name);
}

/** Whether names go up, or down, and are not all the same. */
function isInOrder(names: readonly string[]): boolean {
  const sorted = [...names].sort();
  if (sorted[0] === sorted.at(-1)) return false;
  return sorted.join() === names.join() || sorted.reverse().join() === names.join();
}

/** Whether a list is another in no way that could be told: turned, reversed and sorted ones are. */
export function isShuffled(recorded: readonly string[], live: readonly string[]): boolean {
  const list = live.join();
  const sorted = [...live].sort();
  if ([sorted.join(), sorted.reverse().join(), [...recorded].reverse().join()].includes(list)) return false;
  const first = live.indexOf(recorded[0]!);
  return !recorded.every((name, i) => live[(first + i) % live.length] === name);
}
