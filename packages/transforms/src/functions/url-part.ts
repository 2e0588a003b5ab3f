// Opens a part of a URL that is a value: of a Location, a callback, a link.
import { splitUrl } from '@echoplane/traffic';
import { z } from 'zod';
import { readPair, writePair } from '../extract/message-line.ts';
import { defineFunction } from '../function-kind.ts';
import { miss, sameValue, textOf } from '../value.ts';

const PARTS = ['scheme', 'host', 'port', 'path', 'query'] as const;

export const urlPart = defineFunction(
  'url',
  'Opens a part of a URL: scheme, host, port, path, query, or one parameter of the query.',
  {
    part: z.enum(PARTS).optional().describe('Which part.'),
    parameter: z.string().min(1).max(1_000).optional().describe('A parameter of the query instead, decoded.'),
  },
  ({ part, parameter }) => {
    if ((part === undefined) === (parameter === undefined)) throw new Error('wants either part or parameter');
    return (value, run, next) => {
      const url = urlOf(textOf(value));
      const opened = parameter === undefined ? url[part!] : readPair(url.query, parameter, 0);
      if (opened === undefined || (opened === '' && part !== 'query'))
        return miss(`the URL has no ${parameter ?? part}`);
      const made = run.window(`.${parameter ?? part}`, opened, next);
      if (sameValue(made, opened)) return value;
      const text = textOf(made);
      const changed =
        parameter === undefined
          ? { ...url, [part!]: text }
          : { ...url, query: writePair(url.query, parameter, 0, text) };
      return writtenUrl(changed);
    };
  },
);

interface UrlParts {
  scheme: string;
  user: string;
  host: string;
  port: string;
  path: string;
  query: string;
  fragment: string;
}

function urlOf(text: string): UrlParts {
  const hash = text.indexOf('#');
  const [plain, fragment] = hash < 0 ? [text, ''] : [text.slice(0, hash), text.slice(hash)];
  const { scheme, host, path, query } = splitUrl(plain);
  if (scheme === '' && !plain.startsWith('/')) return miss('the value is no URL');
  const [, user = '', name = '', port = ''] = /^(.*@)?(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host) ?? [];
  // A URL without a path stays one.
  const isBare =
    path === '/' && !plain.slice(scheme.length + 3 + host.length).startsWith('/') && scheme !== '';
  return { scheme, user, host: name, port, path: isBare ? '' : path, query, fragment };
}

function writtenUrl({ scheme, user, host, port, path, query, fragment }: UrlParts): string {
  const origin = scheme === '' ? '' : `${scheme}://${user}${host}${port === '' ? '' : `:${port}`}`;
  return `${origin}${path}${query === '' ? '' : `?${query}`}${fragment}`;
}
