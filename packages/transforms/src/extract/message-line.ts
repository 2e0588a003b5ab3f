// Extractors of what stands around a body: headers, trailers, cookies, url, status, where a request goes.
import { z } from 'zod';
import { durationUs } from '../dates.ts';
import { create, defineExtractor, index, of, orCreated, wholeNumber } from '../extractor-kind.ts';
import { type Draft, nthValue, type Side, withValue } from '../message.ts';
import { miss, textOf } from '../value.ts';

const name = (what: string) => z.string().min(1).max(1_000).describe(what);

export const header = defineExtractor(
  'header',
  'A header, by any case.',
  { of: of(), header: name('Name of the header.'), index: index(), create: create() },
  (config, setting) => fieldPlace('headers', config.header, config, config.of ?? setting.side),
);

export const trailer = defineExtractor(
  'trailer',
  'A trailer, by any case.',
  { of: of(), trailer: name('Name of the trailer.'), index: index(), create: create() },
  (config, setting) => fieldPlace('trailers', config.trailer, config, config.of ?? setting.side),
);

function fieldPlace(
  part: 'headers' | 'trailers',
  field: string,
  { index, create }: { index: number; create: boolean },
  side: Side,
) {
  return {
    path: `${side}.${part.slice(0, -1)}.${field.toLowerCase()}${index ? `[${index}]` : ''}`,
    read: (draft: Draft) =>
      draft.side(side) && orCreated(nthValue(draft.side(side)![part], field, index), create),
    write: (draft: Draft, value: Parameters<typeof textOf>[0]) =>
      draft.change(side, { [part]: withValue(draft.side(side)![part], field, index, lineText(value)) }),
  };
}

/** A line break in a header would begin another one. */
function lineText(value: Parameters<typeof textOf>[0]): string {
  const text = textOf(value);
  return /[\r\n\0]/.test(text) ? miss('a header cannot hold a line break') : text;
}

export const cookie = defineExtractor(
  'cookie',
  'A cookie: of the Cookie header, or of Set-Cookie in responses.',
  { of: of(), cookie: name('Name of the cookie.') },
  ({ of: side, cookie: wanted }, setting) =>
    (side ?? setting.side) === 'request' ? sentCookie(wanted) : setCookie(wanted),
);

function sentCookie(wanted: string) {
  const edit = (draft: Draft, put: ((value: string) => string) | null): string | undefined => {
    let found: string | undefined;
    const headers = draft.message.request.headers.map(([name, line]): [string, string] => {
      if (found !== undefined || name.toLowerCase() !== 'cookie') return [name, line];
      const parts = line.split(';').map((part) => {
        const [, before, key, value] = /^(\s*)([^=]*?)=(.*)$/s.exec(part) ?? [];
        if (key !== wanted || found !== undefined) return part;
        found = value!;
        return put ? `${before}${key}=${put(value!)}` : part;
      });
      return [name, parts.join(';')];
    });
    if (put) draft.change('request', { headers });
    return found;
  };
  return {
    path: `request.cookie.${wanted}`,
    read: (draft: Draft) => edit(draft, null),
    write: (draft: Draft, value: Parameters<typeof textOf>[0]) => {
      const text = lineText(value);
      edit(draft, () => text);
    },
  };
}

function setCookie(wanted: string) {
  const pattern = (line: string) => {
    const end = line.indexOf(';') < 0 ? line.length : line.indexOf(';');
    const equals = line.indexOf('=');
    return equals > 0 && equals < end && line.slice(0, equals).trim() === wanted ? [equals + 1, end] : null;
  };
  const isIt = ([name, line]: readonly [string, string]) =>
    name.toLowerCase() === 'set-cookie' && pattern(line) !== null;
  return {
    path: `response.cookie.${wanted}`,
    read: (draft: Draft) => {
      const line = draft.message.response?.headers.find(isIt)?.[1];
      return line?.slice(...(pattern(line) as [number, number]));
    },
    write: (draft: Draft, value: Parameters<typeof textOf>[0]) => {
      const text = lineText(value);
      const headers = draft.message.response!.headers.map((field): [string, string] => {
        if (!isIt(field)) return field;
        const [start, end] = pattern(field[1]) as [number, number];
        return [field[0], field[1].slice(0, start) + text + field[1].slice(end)];
      });
      draft.change('response', { headers });
    },
  };
}

export const query = defineExtractor(
  'query',
  'A parameter of the query, decoded.',
  { parameter: name('Name of the parameter.'), index: index(), create: create() },
  ({ parameter, index, create }) => ({
    path: `request.query.${parameter}${index ? `[${index}]` : ''}`,
    read: ({ target }) => orCreated(readPair(target.query, parameter, index), create),
    write: (draft, value) => {
      const { path, query } = draft.target;
      draft.change('request', { target: `${path}?${writePair(query, parameter, index, textOf(value))}` });
    },
  }),
);

export const url = defineExtractor(
  'url',
  'Path and query as sent, the path, or one segment of it, decoded.',
  {
    part: z.enum(['target', 'path', 'query']).default('target').describe('`target` is path and query.'),
    segment: z.int().nonnegative().optional().describe('A segment of the path, from 0: of `/a/b` 0 is `a`.'),
  },
  ({ part, segment }) => {
    if (segment !== undefined) return segmentPlace(segment);
    return {
      path: `request.${part}`,
      read: (draft) => (part === 'target' ? draft.message.request.target : draft.target[part]),
      write: (draft, value) => {
        const { path, query } = draft.target;
        const text = textOf(value);
        const target = part === 'target' ? text : part === 'path' ? joined(text, query) : joined(path, text);
        if (/[\s\0]/.test(target)) miss('a url cannot hold blanks or line breaks; encode them');
        draft.change('request', { target });
      },
    };
  },
);

function segmentPlace(segment: number) {
  return {
    path: `request.path[${segment}]`,
    read: ({ target }: Draft) => {
      const part = target.path.split('/')[segment + 1];
      return part === undefined ? undefined : decoded(part);
    },
    write: (draft: Draft, value: Parameters<typeof textOf>[0]) => {
      const { path, query } = draft.target;
      const parts = path.split('/');
      parts[segment + 1] = encodedLike(parts[segment + 1] ?? '', textOf(value));
      draft.change('request', { target: joined(parts.join('/'), query) });
    },
  };
}

function joined(path: string, query: string): string {
  return query === '' ? path : `${path}?${query}`;
}

export const method = defineExtractor('method', 'The request method.', {}, () => ({
  path: 'request.method',
  read: (draft) => draft.message.request.method,
  write: (draft, value) => {
    const text = textOf(value);
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(text)) miss('this is no request method');
    draft.change('request', { method: text });
  },
}));

export const status = defineExtractor('status', 'The status of the response.', {}, () => ({
  path: 'response.status',
  read: (draft) => draft.message.response?.status,
  write: (draft, value) => draft.change('response', { status: wholeNumber(value, 100, 599, 'a status') }),
}));

export const scheme = defineExtractor('scheme', 'http or https: how the request is sent.', {}, () => ({
  path: 'request.scheme',
  read: (draft) => draft.message.request.scheme,
  write: (draft, value) => {
    const text = textOf(value);
    if (text !== 'http' && text !== 'https') miss('a scheme is http or https');
    draft.change('request', { scheme: text });
  },
}));

export const host = defineExtractor(
  'host',
  'Where the request is sent, without the port; the Host header is another thing.',
  {},
  () => ({
    path: 'request.host',
    read: (draft) => hostParts(draft)?.name,
    write: (draft, value) => {
      const port = hostParts(draft)?.port;
      draft.change('request', { host: lineText(value) + (port === undefined ? '' : `:${port}`) });
    },
  }),
);

export const port = defineExtractor('port', 'The port the request is sent to.', {}, () => ({
  path: 'request.port',
  read: (draft) => {
    const parts = hostParts(draft);
    return parts && Number(parts.port ?? (draft.message.request.scheme === 'https' ? 443 : 80));
  },
  write: (draft, value) =>
    draft.change('request', { host: `${hostParts(draft)!.name}:${wholeNumber(value, 1, 65_535, 'a port')}` }),
}));

function hostParts(draft: Draft): { name: string; port: string | undefined } | undefined {
  const host = draft.message.request.host;
  const match = host === undefined ? null : /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host);
  return match ? { name: match[1]!, port: match[2] } : undefined;
}

export const latency = defineExtractor(
  'latency',
  'How long the recorded answer took, as a duration: `120ms`. The responder waits as long.',
  {},
  () => ({
    path: 'latency',
    read: (draft) => `${(draft.message.latencyUs ?? 0) / 1e3}ms`,
    write: (draft, value) => {
      const text = textOf(value);
      if (!/^\d/.test(text)) miss('a latency is a duration such as 100ms');
      draft.message = { ...draft.message, latencyUs: latencyUs(text) };
    },
  }),
);

function latencyUs(text: string): number {
  try {
    return durationUs(text);
  } catch {
    return miss('a latency is a duration such as 100ms');
  }
}

/** The n-th value of a name in `a=1&b=2`, decoded. */
export function readPair(pairs: string, name: string, index: number): string | undefined {
  const found = pairs.split('&').filter((pair) => pair !== '' && nameOf(pair) === name)[index];
  if (found === undefined) return undefined;
  const equals = found.indexOf('=');
  return equals < 0 ? '' : decoded(found.slice(equals + 1).replaceAll('+', ' '));
}

/** `pairs` with the n-th value of a name replaced, or added; everything else as it was. */
export function writePair(pairs: string, name: string, index: number, value: string): string {
  let seen = -1;
  let isFound = false;
  const made = pairs.split('&').map((pair) => {
    if (pair === '' || nameOf(pair) !== name || ++seen !== index) return pair;
    isFound = true;
    const equals = pair.indexOf('=');
    const encoded = encodedLike(equals < 0 ? '' : pair.slice(equals + 1), value);
    return `${equals < 0 ? pair : pair.slice(0, equals)}=${encoded}`;
  });
  if (isFound) return made.join('&');
  return `${pairs}${pairs === '' ? '' : '&'}${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
}

/** Characters that need no encoding everywhere: what `before` left as it is, is left in `value` too. */
function encodedLike(before: string, value: string): string {
  let encoded = encodeURIComponent(value);
  if (before.includes('+')) encoded = encoded.replaceAll('%20', '+');
  for (const character of ':/?@,;$')
    if (before.includes(character)) encoded = encoded.replaceAll(encodeURIComponent(character), character);
  return encoded;
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=');
  return decoded((equals < 0 ? pair : pair.slice(0, equals)).replaceAll('+', ' '));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
