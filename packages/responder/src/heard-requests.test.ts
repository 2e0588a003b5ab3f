import { expect, test } from 'vitest';
import { HeardRequests } from './heard-requests.ts';
import { ClientStage } from './http1-connection.fixture.ts';
import type { Http1Asked } from './http1-connection.ts';
import type { KnownRequest } from './known-request.ts';

const KNOWN = {} as KnownRequest;

/** What a connection reads of these bytes. */
async function read(text: string): Promise<Http1Asked> {
  const seen: Http1Asked[] = [];
  await new ClientStage({ answer: (asked) => void seen.push(asked) }).say(text);
  return seen[0]!;
}

const keep = (heard: HeardRequests, asked: Http1Asked) =>
  heard.keep('http', asked, { known: KNOWN, credential: null }, () => null);

test('a request is found by all of its bytes, and by its scheme', async () => {
  const heard = new HeardRequests();
  const text = 'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok';
  keep(heard, await read(text));
  expect(heard.find('http', text)?.asked.body.toString()).toBe('ok');
  for (const other of [text.slice(0, -1), `${text}!`, text.replace('ok', 'oK'), ` ${text}`])
    expect(heard.find('http', other)).toBeUndefined();
  expect(heard.find('https', text)).toBeUndefined();
});

test.each([
  ['its connection ends with it', 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'],
  ['it is of HTTP/1.0', 'GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n'],
  [
    'it waits to be told to go on',
    'POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok',
  ],
  ['it is an upgrade', 'GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'],
  [
    'it comes in chunks',
    'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  ['it is long', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: h\r\n\r\n`],
])('a request is read each time when %s', async (_, text) => {
  const heard = new HeardRequests();
  const asked = await read(text);
  keep(heard, asked);
  expect(heard.find('http', text)).toBeUndefined();
  expect(heard.find('http', asked.raw.toString('latin1') + asked.body.toString('latin1'))).toBeUndefined();
});

test('when none of many comes again, few are kept', async () => {
  const heard = new HeardRequests();
  const asked = await read('GET /n HTTP/1.1\r\nHost: h\r\n\r\n');
  const nth = (n: number): Http1Asked => ({
    ...asked,
    raw: Buffer.from(`GET /${n} HTTP/1.1\r\nHost: h\r\n\r\n`),
  });
  for (let n = 0; n < 50_000; n++) keep(heard, nth(n));
  const later = Array.from({ length: 1_000 }, (_, i) => nth(50_000 + i));
  for (const one of later) keep(heard, one);
  const kept = later.filter(({ raw }) => heard.find('http', raw.toString())).length;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(100);
});
