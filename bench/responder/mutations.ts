// Requests with one significant field changed each: method, host, path, query, headers that matter, and the body by its kind
// (body-mutations.ts). Deterministic and pure; it is written apart from what it checks.
import { type HeaderList, header } from '@echoplane/traffic';
import { bodyMutations, CHANGED, pairMutations } from './body-mutations.ts';

export interface Sent {
  method: string;
  /** Without a port. */
  host: string;
  /** Path and query. */
  target: string;
  /** All but Host and what frames the body. */
  headers: HeaderList;
  body: Buffer;
}

export interface Mutated extends Sent {
  /** The signature's key that must be named first. */
  key: string;
}

/** Content type and body. */
export type Content = Pick<Sent, 'headers' | 'body'>;

/** Headers that choose the operation or the part of an answer. */
const SIGNIFICANT = new Set(['soapaction', 'x-amz-target', 'x-http-method-override', 'range']);
const OTHER_METHOD = 'PURGE';

/** Every request that differs from a recorded one in a single field. */
export function mutationsOf(sent: Sent): Mutated[] {
  return [
    ...(isCall(sent) ? [] : [{ ...sent, method: OTHER_METHOD, key: 'method' }]),
    { ...sent, host: `${CHANGED}.test`, key: 'host' },
    ...pathMutations(sent),
    ...queryMutations(sent),
    ...headerMutations(sent),
    ...bodyMutations(sent),
  ];
}

/** Whether it is a gRPC call. */
export function isCall({ headers }: Pick<Sent, 'headers'>): boolean {
  return /^application\/grpc/i.test(header(headers, 'content-type') ?? '');
}

function pathMutations(sent: Sent): Mutated[] {
  const [before = '', after] = sent.target.split('?');
  const segments = before.split('/');
  return segments.slice(1).map((_, i) => {
    const changed = segments.with(i + 1, CHANGED).join('/');
    return { ...sent, target: after === undefined ? changed : `${changed}?${after}`, key: `path[${i}]` };
  });
}

function queryMutations(sent: Sent): Mutated[] {
  const [before = '', after] = sent.target.split('?');
  if (after === undefined) return [];
  return pairMutations(after, 'query').map(({ text, key }) => ({
    ...sent,
    target: `${before}?${text}`,
    key,
  }));
}

function headerMutations(sent: Sent): Mutated[] {
  return sent.headers.flatMap(([name, value], i) =>
    SIGNIFICANT.has(name.toLowerCase())
      ? [
          {
            ...sent,
            headers: sent.headers.with(i, [name, `${value}9`]),
            key: `header.${name.toLowerCase()}`,
          },
        ]
      : [],
  );
}
