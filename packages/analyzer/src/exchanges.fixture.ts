// Small invented recordings, one exchange after the other, for the tests of what is learned from them.
import { createHash } from 'node:crypto';
import { type HeaderList, type RRPair, storeBody, uuidV7 } from '@echoplane/traffic';

export const START_US = 1_800_000_000_000_000;
const STEP_US = 50_000;

export interface Exchange {
  /** `POST /orders?x=1`; of OUT pairs with a whole url, `POST https://pay/v1`. */
  request: string;
  body?: unknown;
  headers?: HeaderList;
  status?: number;
  answer?: unknown;
  answerHeaders?: HeaderList;
  direction?: 'IN' | 'OUT';
  connection?: string;
  change?: Partial<RRPair>;
}

/** A uuid, the same for the same name. */
export function uuidOf(name: string): string {
  const hex = createHash('md5').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** A random-looking word of 24 characters. */
export function secretOf(name: string): string {
  return `a1B${createHash('sha256').update(name).digest('base64url').replace(/[-_]/g, 'x').slice(0, 20)}9`;
}

export function jwtOf(claims: object): string {
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url');
  const signature = createHash('sha256').update(JSON.stringify(claims)).digest('base64url');
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${signature}`;
}

/** The exchanges as pairs, 50 ms after each other; texts are sent as they are, all else as JSON. */
export function record(exchanges: readonly Exchange[]): RRPair[] {
  return exchanges.map((exchange, n): RRPair => {
    const [method, target] = exchange.request.split(' ') as [string, string];
    const ts = START_US + n * STEP_US;
    const bodyOf = (value: unknown) =>
      storeBody(
        Buffer.from(value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)),
        '',
      );
    const type = (value: unknown): HeaderList =>
      value === undefined || typeof value === 'string' ? [] : [['content-type', 'application/json']];
    const { headers = [], answerHeaders = [], direction = 'IN', connection = 'k1' } = exchange;
    return {
      ...{ v: 1, id: uuidV7(ts, Buffer.alloc(10, `n${n}`)), ts, durationUs: 4_000, ttfbUs: 2_000, direction },
      ...{ protocol: 'http/1.1', tls: null, session: null, error: null, tags: {}, redactions: [] },
      source: {
        cluster: 'c',
        namespace: 'n',
        workload: { kind: 'Deployment', name: 'app' },
        pod: 'p',
        container: '',
      },
      client: { ip: '127.0.0.1', port: 1, host: null },
      server: { ip: '127.0.0.1', port: 2, host: null },
      connection: { id: connection, seq: n },
      request: {
        ...{ method, url: target.startsWith('/') ? `http://app${target}` : target },
        ...{ headers: [...type(exchange.body), ...headers], body: bodyOf(exchange.body) },
      },
      response: {
        ...{ status: exchange.status ?? 200, headers: [...type(exchange.answer), ...answerHeaders] },
        body: bodyOf(exchange.answer),
      },
      ...exchange.change,
    };
  });
}
