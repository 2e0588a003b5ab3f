// Reading an RRPair: header look-up, url parts, a body as text, JSON or bytes. Everything that matches, compares or
// displays goes through here, so that the storage form of a body (`json`, `text`, `base64`) is decided in one place.
import type { Body, HeaderList, RRPair } from './rrpair.ts';

/** First value of a header, by any case; undefined when absent. */
export function header(headers: HeaderList, name: string): string | undefined {
  const wanted = name.toLowerCase();
  for (const [n, value] of headers)
    if (n.length === wanted.length && n.toLowerCase() === wanted) return value;
  return undefined;
}

/** All values of a header in order, by any case. */
export function headerValues(headers: HeaderList, name: string): string[] {
  const wanted = name.toLowerCase();
  const values: string[] = [];
  for (const [n, value] of headers)
    if (n.length === wanted.length && n.toLowerCase() === wanted) values.push(value);
  return values;
}

/** A url's parts without normalising any byte of them: `https://h:1/a%2Fb?q=1` → origin, host, path, query (no `?`). */
export function splitUrl(url: string): { scheme: string; host: string; path: string; query: string } {
  const schemeEnd = url.indexOf('://');
  const scheme = schemeEnd < 0 ? '' : url.slice(0, schemeEnd);
  const rest = schemeEnd < 0 ? url : url.slice(schemeEnd + 3);
  const slash = schemeEnd < 0 ? 0 : rest.search(/[/?]/);
  const host = schemeEnd < 0 ? '' : slash < 0 ? rest : rest.slice(0, slash);
  const target = schemeEnd < 0 ? rest : slash < 0 ? '' : rest.slice(slash);
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  return { scheme, host, path: path === '' ? '/' : path, query: mark < 0 ? '' : target.slice(mark + 1) };
}

/** The readable text of a body (decompressed), or undefined when it is binary, absent from the record or empty-by-reference. */
export function bodyText(body: Body): string | undefined {
  if (body.json !== undefined) return JSON.stringify(body.json);
  return body.text ?? body.decoded ?? (body.size === 0 ? '' : undefined);
}

/** The body parsed as JSON, or undefined when it is not JSON. */
export function bodyJson(body: Body): unknown {
  if (body.json !== undefined) return body.json;
  const text = body.text ?? body.decoded;
  if (text === undefined || !/^\s*["[{\d\-tfn]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The body's wire bytes (still content-encoded), as far as they were kept. */
export function bodyBytes(body: Body): Buffer {
  if (body.base64 !== undefined) return Buffer.from(body.base64, 'base64');
  return Buffer.from(body.json !== undefined ? JSON.stringify(body.json) : (body.text ?? ''), 'utf8');
}

/** Host, path, query and method of a pair, empty strings for what is not HTTP. */
export function requestLine(pair: RRPair): { method: string; host: string; path: string; query: string } {
  if (!pair.request) return { method: '', host: pair.server.host ?? pair.server.ip, path: '', query: '' };
  const { host, path, query } = splitUrl(pair.request.url);
  return { method: pair.request.method, host, path, query };
}
