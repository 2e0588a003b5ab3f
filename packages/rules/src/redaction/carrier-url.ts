// Urls, absolute or not: userinfo, path segment by segment with its parameters, query and fragment like forms. The form of
// the url stays; only changed values are encoded anew.
import { redactComponent, redactForm, redactUserinfo } from './carrier-form.ts';
import type { Inspection } from './inspection.ts';
import { Splice } from './splice.ts';

/** A shorter segment has no shape. */
const MIN_SEGMENT_LENGTH = 5;

export interface UrlOptions {
  keptQuery?: ReadonlySet<string>;
  /** Indexes of path segments that stay. */
  keptSegments?: ReadonlySet<number>;
}

/** The url with its sensitive parts replaced; the same string when there is none. */
export function redactUrl(
  url: string,
  inspection: Inspection,
  depth: number,
  options: UrlOptions = {},
): string {
  const splice = new Splice(url);
  const path = authorityEnd(url);
  if (path > 0) redactAuthority(url, path, splice, inspection);
  const hash = indexOr(url, '#', path, url.length);
  const mark = Math.min(indexOr(url, '?', path, hash), hash);
  redactPath(url, path, mark, { splice, inspection, depth, kept: options.keptSegments });
  if (mark + 1 < hash) {
    const query = url.slice(mark + 1, hash);
    const kept = options.keptQuery ? { kept: options.keptQuery } : {};
    const redacted = redactForm(query, inspection, depth, { step: '.query.', ...kept });
    if (redacted !== query) splice.put(mark + 1, hash, redacted);
  }
  if (hash + 1 < url.length) {
    const fragment = url.slice(hash + 1);
    const redacted = redactForm(fragment, inspection, depth, { step: '.fragment.' });
    if (redacted !== fragment) splice.put(hash + 1, url.length, redacted);
  }
  return splice.done();
}

function indexOr(text: string, char: string, from: number, otherwise: number): number {
  const at = text.indexOf(char, from);
  return at < 0 ? otherwise : at;
}

/** Where the path begins; 0 when there is no authority. */
function authorityEnd(url: string): number {
  const scheme = url.indexOf('://');
  if (scheme < 0 || scheme > 20) return 0;
  for (let at = scheme + 3; at < url.length; at++) {
    const code = url.charCodeAt(at);
    if (code === 0x2f || code === 0x3f || code === 0x23) return at;
  }
  return url.length;
}

function redactAuthority(url: string, end: number, splice: Splice, inspection: Inspection): void {
  const start = url.indexOf('://') + 3;
  const at = url.lastIndexOf('@', end - 1);
  if (at >= start) {
    const userinfo = url.slice(start, at);
    inspection.notes.enter('.userinfo');
    const redacted = redactUserinfo(userinfo, inspection);
    inspection.notes.leave();
    if (redacted !== userinfo) splice.put(start, at, redacted);
  }
  const host = url.slice(Math.max(start, at + 1), end);
  const named = inspection.plainShapes(host);
  if (named !== host) splice.put(end - host.length, end, named);
}

interface PathPass {
  splice: Splice;
  inspection: Inspection;
  depth: number;
  kept: ReadonlySet<number> | undefined;
}

function redactPath(url: string, from: number, to: number, pass: PathPass): void {
  let index = -1;
  const parameters = indexOr(url, ';', from, to);
  for (let start = from; start <= to; index++) {
    let end = url.indexOf('/', start);
    if (end < 0 || end > to) end = to;
    const { inspection } = pass;
    const isShown = inspection.isShown(url, start, end);
    const isPlain = end <= parameters && !isShown && inspection.isPlain(url, start, end);
    if (end - start >= MIN_SEGMENT_LENGTH && !isPlain && !pass.kept?.has(index))
      redactSegment(url, start, end, index, pass);
    start = end + 1;
  }
}

/** `;jsessionid=x` belongs to its segment. */
function redactSegment(
  url: string,
  start: number,
  end: number,
  index: number,
  { splice, inspection, depth }: PathPass,
): void {
  inspection.notes.enter(`.path[${index}]`);
  for (let at = start; at < end; ) {
    let stop = url.indexOf(';', at);
    if (stop < 0 || stop > end) stop = end;
    const equals = at === start ? -1 : url.indexOf('=', at);
    const from = equals > 0 && equals < stop ? equals + 1 : at;
    const isShown = inspection.isShown(url, from, stop);
    const named = from === at ? null : inspection.fields.kindOf(url.slice(at, equals));
    const kind = isShown ? 'credential' : named;
    const written = url.slice(from, stop);
    const redacted = redactComponent(written, kind, inspection, depth);
    if (redacted !== written) splice.put(from, stop, redacted);
    at = stop + 1;
  }
  inspection.notes.leave();
}
