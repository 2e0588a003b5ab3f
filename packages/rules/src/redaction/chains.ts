// Users' redaction chains: places of a pair that a rule names, and what becomes of the value there. They run before the
// detectors; places that a chain keeps are handed to the carriers, which pass them by.
import type { HttpRequest, HttpResponse, RRPair } from '@echoplane/traffic';
import type { RedactionChain } from '../rules-document.ts';
import { readText, writeText } from './body-text.ts';
import { ChainAction } from './chain-action.ts';
import type { Inspection } from './inspection.ts';
import { locate, pathKeys } from './json-path.ts';
import { RuleError } from './rule-error.ts';
import { Splice } from './splice.ts';

/** What stays of a request or a response. */
export interface KeptOf {
  headers: Set<string>;
  cookies: Set<string>;
  query: Set<string>;
  segments: Set<number>;
  form: Set<string>;
  json: string[][];
  body: boolean;
}
export type Kept = Record<'request' | 'response', KeptOf>;

type When = (pair: RRPair) => boolean;
interface CompiledChain {
  chain: RedactionChain;
  when: When | null;
  action: ChainAction;
  /** Of a chain on JSON. */
  keys: string[];
}

export class Chains {
  readonly #chains: readonly CompiledChain[];
  readonly #inspection: Inspection;

  /** Throws a RuleError when a `when` cannot be compiled. */
  constructor(
    chains: readonly RedactionChain[],
    inspection: Inspection,
    compile?: (expression: string) => When,
  ) {
    this.#inspection = inspection;
    this.#chains = chains.map((chain, index) => ({
      chain,
      when: whenOf(chain, index, compile),
      action: new ChainAction(chain, inspection),
      keys: chain.extract.type === 'json' ? pathKeys(chain.extract.path) : [],
    }));
  }

  /** Applies the chains that hold for a pair; what they keep, or null when that is nothing. */
  apply(pair: RRPair): Kept | null {
    let kept: Kept | null = null;
    for (const one of this.#chains) {
      if (one.when !== null && !one.when(pair)) continue;
      if (one.chain.action === 'keep') {
        kept ??= { request: nothingKept(), response: nothingKept() };
        keep(one, kept);
      } else this.#replace(one, pair);
    }
    return kept;
  }

  #replace(one: CompiledChain, pair: RRPair): void {
    const { extract } = one.chain;
    const of = 'of' in extract ? extract.of : 'request';
    const message = pair[of];
    if (!message) return;
    this.#inspection.notes.sealing(of === 'request' && pair.direction === 'IN');
    this.#inspection.notes.enter(of);
    this.#inPlace(one, message);
    this.#inspection.notes.leave();
  }

  #inPlace({ chain: { extract }, action, keys }: CompiledChain, message: HttpRequest | HttpResponse): void {
    switch (extract.type) {
      case 'header':
        inHeaders(message, extract.name.toLowerCase(), action);
        return;
      case 'cookie':
        inCookies(message, extract.name, action);
        return;
      case 'query':
        if ('url' in message) message.url = inQuery(message.url, extract.name, action);
        return;
      case 'path-segment':
        if ('url' in message) message.url = inPath(message.url, extract.index, action);
        return;
      case 'json':
        inBody(message, (text) => inJson(text, keys, action));
        return;
      case 'form':
        inBody(message, (text) => inPairs(text, '&', extract.name, action, '.body'));
        return;
      case 'body':
        inBody(message, (text) => action.apply(text, '.body') ?? '');
        return;
    }
  }
}

function whenOf(chain: RedactionChain, index: number, compile?: (expression: string) => When): When | null {
  if (chain.when === undefined) return null;
  const path = `redaction.chains[${index}].when`;
  if (!compile)
    throw new RuleError(
      'no-filter-language',
      path,
      `chain "${chain.name}" has a \`when\`, which cannot be compiled here; leave it out`,
    );
  try {
    return compile(chain.when);
  } catch (error) {
    throw new RuleError('bad-when', path, `chain "${chain.name}": ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function nothingKept(): KeptOf {
  return {
    headers: new Set(),
    cookies: new Set(),
    query: new Set(),
    segments: new Set(),
    form: new Set(),
    json: [],
    body: false,
  };
}

function keep({ chain: { extract }, keys }: CompiledChain, kept: Kept): void {
  const of = kept['of' in extract ? extract.of : 'request'];
  if (extract.type === 'header') of.headers.add(extract.name.toLowerCase());
  else if (extract.type === 'cookie') of.cookies.add(extract.name);
  else if (extract.type === 'query') of.query.add(extract.name);
  else if (extract.type === 'path-segment') of.segments.add(extract.index);
  else if (extract.type === 'form') of.form.add(extract.name);
  else if (extract.type === 'json') of.json.push(keys);
  else of.body = true;
}

function inHeaders({ headers }: HttpRequest | HttpResponse, wanted: string, action: ChainAction): void {
  for (let index = headers.length - 1; index >= 0; index--) {
    const [name, value] = headers[index]!;
    if (name.toLowerCase() !== wanted) continue;
    const redacted = action.apply(value, `.header.${wanted}`);
    if (redacted === null) headers.splice(index, 1);
    else headers[index] = [name, redacted];
  }
}

function inCookies({ headers }: HttpRequest | HttpResponse, cookie: string, action: ChainAction): void {
  for (const [index, [name, value]] of headers.entries()) {
    const lower = name.toLowerCase();
    if (lower !== 'cookie' && lower !== 'set-cookie') continue;
    const end =
      lower === 'cookie' ? value.length : (value.indexOf(';') + value.length + 1) % (value.length + 1);
    const pairs = value.slice(0, end);
    const redacted = inPairs(pairs, ';', cookie, action, '.cookie');
    if (redacted !== pairs) headers[index] = [name, redacted + value.slice(end)];
  }
}

function inQuery(url: string, name: string, action: ChainAction): string {
  const mark = url.indexOf('?');
  if (mark < 0) return url;
  const hash = url.indexOf('#', mark);
  const end = hash < 0 ? url.length : hash;
  return (
    url.slice(0, mark + 1) +
    inPairs(url.slice(mark + 1, end), '&', name, action, '.url.query') +
    url.slice(end)
  );
}

/** `a=1&b=2` or `a=1; b=2`: values of one name, percent-decoded for the action. */
function inPairs(text: string, separator: string, name: string, action: ChainAction, step: string): string {
  const pairs = text.split(separator);
  const changed = pairs.flatMap((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 0 || decodedOr(pair.slice(0, equals).trim()) !== name) return [pair];
    const written = pair.slice(equals + 1);
    const value = decodedOr(written);
    const redacted = action.apply(value, `${step}.${name}`);
    if (redacted === null) return [];
    const isEncoded = value !== written || /[\s&;%]/.test(redacted);
    return [
      `${pair.slice(0, equals + 1)}${redacted === value ? written : isEncoded ? encodeURIComponent(redacted) : redacted}`,
    ];
  });
  return changed.join(separator).replace(/^ /, '');
}

function inPath(url: string, index: number, action: ChainAction): string {
  const scheme = url.indexOf('://');
  const slash = url.indexOf('/', scheme < 0 ? 0 : scheme + 3);
  if (slash < 0) return url;
  const stop = /[?#]/.exec(url.slice(slash));
  const end = stop ? slash + stop.index : url.length;
  const segments = url.slice(slash + 1, end).split('/');
  const written = segments[index];
  if (written === undefined || written === '') return url;
  const value = decodedOr(written);
  const redacted = action.apply(value, `.url.path[${index}]`) ?? '';
  segments[index] = redacted === value ? written : encodeURIComponent(redacted);
  return `${url.slice(0, slash + 1)}${segments.join('/')}${url.slice(end)}`;
}

function inBody({ body }: HttpRequest | HttpResponse, change: (text: string) => string): void {
  const text = readText(body);
  if (text === null || text === '') return;
  const changed = change(text);
  if (changed !== text) writeText(body, changed);
}

function inJson(text: string, keys: readonly string[], action: ChainAction): string {
  const splice = new Splice(text);
  for (const { start, end, memberStart } of locate(text, keys)) {
    const written = text.slice(start, end);
    const redacted = action.applyJson(written, `.body.${keys.join('.').replaceAll('.[]', '[]')}`);
    if (redacted !== null) {
      if (redacted !== written) splice.put(start, end, redacted);
      continue;
    }
    const [from, to] = memberWithComma(text, Math.max(memberStart, splice.end), end);
    splice.put(Math.max(from, splice.end), to, '');
  }
  return splice.done();
}

/** A member goes with the comma after it, or, being the last, with the one before it. */
function memberWithComma(text: string, start: number, end: number): [number, number] {
  const after = /^\s*,\s*/.exec(text.slice(end, end + 256));
  if (after) return [start, end + after[0].length];
  const before = /,\s*$/.exec(text.slice(Math.max(0, start - 256), start));
  return [start - (before?.[0].length ?? 0), end];
}

function decodedOr(written: string): string {
  try {
    return decodeURIComponent(written.replaceAll('+', ' '));
  } catch {
    return written;
  }
}
