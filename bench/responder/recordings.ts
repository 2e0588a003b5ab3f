// What every peer is to answer: GET /r/N with 300 bytes of JSON, N from 0. Pure.
import { signatureDigest, signatureOf } from '@echoplane/replay';
import { type HeaderList, type Mock, storeBody } from '@echoplane/traffic';

export const HOST = 'rates.test';
export const BODY_BYTES = 300;
const TYPE: HeaderList = [['Content-Type', 'application/json']];

/** Path of the n-th request. */
export const pathOf = (n: number) => `/r/${n}?currency=usd`;

/** Body of the n-th answer. */
export function bodyOf(n: number): string {
  const start = `{"id":${n},"currency":"usd","note":"`;
  return `${start}${'x'.repeat(BODY_BYTES - start.length - 2)}"}`;
}

/** The n-th recording as a mock. */
export function mockOf(n: number): Mock {
  const asked = {
    scheme: 'http',
    host: HOST,
    method: 'GET',
    target: pathOf(n),
    headers: [],
    body: storeBody(Buffer.alloc(0), ''),
  };
  const signature = signatureOf(asked);
  const digest = signatureDigest(signature);
  return {
    ...{
      id: uuidOf(n),
      session: null,
      scheme: 'http',
      host: HOST,
      endpoint: '/r/{n}',
      signature,
      volatile: [],
    },
    ...{ exact: digest, loose: digest, sequence: 0, ttfbUs: 0, durationUs: 0 },
    response: { status: 200, reason: 'OK', headers: TYPE, body: storeBody(Buffer.from(bodyOf(n)), '') },
  };
}

/** Lines of `mocks.jsonl`. */
export function* mockLines(count: number): Generator<string> {
  for (let n = 0; n < count; n++) yield `${JSON.stringify(mockOf(n))}\n`;
}

export function uuidOf(n: number): string {
  return `019c0000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}
