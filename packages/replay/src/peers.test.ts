import { describe, expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { isSamePeer } from './peers.ts';
import { differences, http, replayed, SHIFT_MS } from './shifted-replay.fixture.ts';

test('a peer comes from another port each time, which no service listens on', () => {
  expect(isSamePeer('127.0.0.1:53732', '127.0.0.1:34654')).toBe(true);
  expect(isSamePeer('[::1]:53732', '[::1]:34654')).toBe(true);
  for (const live of ['127.0.0.2:34654', '127.0.0.1:18080', '127.0.0.1', '127.0.0.1:99999'])
    expect(isSamePeer('127.0.0.1:53732', live)).toBe(false);
  expect(isSamePeer('127.0.0.1:08080', '127.0.0.1:18080')).toBe(false);
  expect(isSamePeer('10.0.0.5:50051', '10.0.0.5:50052')).toBe(false);
  expect(isSamePeer('10.0.0.5:53732', '10.0.0.5:61616')).toBe(false);
});

test('an address that the request says is no peer', () => {
  const at = (port: number) => ({ body: { address: `10.0.0.5:${port}` } });
  const of = (requestBody: unknown) =>
    differences({ method: 'PUT', requestBody, ...at(40_100) }, at(40_200), new LiveValues(new Map()));
  expect(of({ name: 'one' })).toEqual([]);
  expect(of(at(40_100).body)).toEqual(['body.address value']);
});

test('another image is a difference: nothing says that the service drew it anew', () => {
  const image = (seed: number) => {
    const head = Buffer.from('89504e470d0a1a0a0000000d4948445200000100', 'hex');
    const rest = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * i * seed + seed * 7 + i) & 255));
    return { body: { src: `data:image/png;base64,${Buffer.concat([head, rest]).toString('base64')}` } };
  };
  expect(differences(image(3), image(5), new LiveValues(new Map()))).toEqual(['body.src value']);
});

describe('the age that a cookie may reach', () => {
  const cookie = (expiresMs: number, age: number): { headers: [string, string][] } => ({
    headers: [['Set-Cookie', `sid=1; Expires=${http(expiresMs)}; Max-Age=${age}`]],
  });

  test('is a second less when one has passed before the answer', () => {
    const live = cookie(SHIFT_MS + 3_598_000, 3_598);
    expect(differences(cookie(3_599_000, 3_599), live, new LiveValues(new Map()))).toEqual([]);
  });

  test('is what lies before it expires', () => {
    const live = cookie(SHIFT_MS + 3_598_000, 1_799);
    const found = differences(cookie(3_599_000, 3_599), live, new LiveValues(new Map()));
    expect(found).toEqual(['cookie.sid;max-age value']);
  });
});

test('elements are told apart by what the request named them', () => {
  const [a, b] = ['2c5ea4c0-4067-41e9-8bad-9b1deb4d3b7d', '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11'];
  const recorded = {
    ...{ method: 'POST', requestBody: { ids: [a, b] }, unordered: ['body'] },
    body: [
      { id: a, ok: true },
      { id: b, ok: true },
    ],
  };
  const live = (second: boolean) => ({
    body: [
      { id: b, ok: second },
      { id: a, ok: true },
    ],
  });
  expect(replayed(recorded, live(true), new LiveValues(new Map())).leaves).toMatchObject({ kind: 0 });
  expect(differences(recorded, live(false), new LiveValues(new Map()))).toEqual(['body[1].ok value']);
});

test('what a message without text brought is sent as it was recorded', () => {
  const grpc = (id: string) => {
    const message = Buffer.concat([Buffer.from([10, id.length]), Buffer.from(id)]);
    return Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
  };
  const [was, is] = ['2c5ea4c0-4067-41e9-8bad-9b1deb4d3b7d', '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11'];
  const type = 'application/grpc';
  const recorded = {
    ...{ type, method: 'POST', target: '/checks.v1.Checks/Check', body: grpc(was), requestBody: grpc(was) },
    requestHeaders: [['Content-Type', type]] as [string, string][],
  };
  expect(differences(recorded, { type, body: grpc(is) }, new LiveValues(new Map()))).toEqual([
    'body[0].1 value',
  ]);
});
