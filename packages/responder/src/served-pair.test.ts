import { parseHead, parseTrailers } from '@echoplane/wire';
import { expect, test } from 'vitest';
import { KEPT_BODY_BYTES, type Served, servedPair } from './served-pair.ts';

const SERVED: Served = {
  id: '019c0000-0000-7000-8000-000000000000',
  channel: {
    ...{ connection: 'c1', scheme: 'https', authority: 'pay.test:8443', seq: 3 },
    client: { ip: '127.0.0.1', port: 5, host: '' },
    tls: { sni: 'pay.test', version: 'TLSv1.3', alpn: 'http/1.1' },
  },
  seq: 2,
  ...{ body: Buffer.from('{}'), sizeBytes: 2, tags: {} },
  head: {
    ...{ method: 'POST', url: '/v1/charges', version: '1.1', host: 'pay.test:8443' },
    headers: [
      ['Host', 'pay.test:8443'],
      ['x-a', '1'],
      ['X-A', '2'],
    ],
  },
  origin: { scheme: 'https', host: 'pay.test:8443', target: '/v1/charges' },
  reply: {
    ...{ status: 201, reason: 'Created', body: Buffer.from('ok') },
    headers: [['Content-Type', 'text/plain']],
    trailers: [['x-sum', '1']],
  },
  ...{ startedUs: 1_000, firstByteUs: 1_500, endUs: 2_000 },
  ...{ error: null, match: 'exact', mock: 'm1', difference: null, replayId: 'r1' },
};

test('heads and trailers are such that a parser gives back what was served', () => {
  const pair = servedPair(SERVED);
  const { head, reply } = SERVED;
  const { method, url: target, version, headers } = head;
  expect(parseHead(Buffer.from(pair.request!.head))).toEqual({
    kind: 'request',
    method,
    target,
    version,
    headers,
  });
  const { status, reason } = reply!;
  expect(parseHead(Buffer.from(pair.response!.head))).toEqual({
    kind: 'response',
    version: '1.1',
    status,
    reason,
    headers: reply!.headers,
  });
  expect(parseTrailers(Buffer.from(pair.response!.trailers))).toEqual(reply!.trailers);
});

test('a pair says who asked, whom, when, and how it was matched', () => {
  expect(servedPair(SERVED)).toMatchObject({
    ...{
      direction: 'OUT',
      protocol: 'http/1.1',
      scheme: 'https',
      tsUs: 1_000,
      ttfbUs: 500,
      durationUs: 1_000,
    },
    ...{ connection: 'c1', seq: 2, error: '', server: { ip: '', host: 'pay.test', port: 8443 } },
    tags: { replay: 'r1', match: 'exact', mock: 'm1' },
  });
});

test('a miss has its error and difference, and no reply means no first byte', () => {
  const missed = {
    ...SERVED,
    reply: null,
    firstByteUs: null,
    match: 'miss',
    mock: null,
    error: 'no-match',
    difference: 'd',
  } as const;
  const pair = servedPair({ ...missed, replayId: undefined });
  expect(pair).toMatchObject({ response: null, ttfbUs: -1, error: 'no-match' });
  expect(pair.tags).toEqual({ match: 'miss', difference: 'd' });
});

test('bodies are cut at the limit and their size is still told', () => {
  const body = Buffer.alloc(KEPT_BODY_BYTES + 10);
  const pair = servedPair({ ...SERVED, body, sizeBytes: body.length + 5 });
  expect(pair.request!.body.length).toBe(KEPT_BODY_BYTES);
  expect(pair.request!.bodySize).toBe(body.length + 5);
});
