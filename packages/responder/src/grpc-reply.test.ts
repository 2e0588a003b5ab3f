import type { HeaderList } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import type { Answer, Exchange } from './answer-steps.ts';
import { callBody, deadlineUs, grpcAnswer, grpcFailure, grpcStatusOfHttp, isGrpc } from './grpc-reply.ts';

const typed = (type: string): HeaderList => [['Content-Type', type]];
const exchange = (headers: HeaderList) =>
  ({ head: { headers }, origin: { host: 'a.test' }, request: { target: '/a.B/C' } }) as unknown as Exchange;
const answer = (parts: object) =>
  ({
    match: 'exact',
    mock: null,
    miss: null,
    waitUs: 0,
    reply: { status: 200, headers: [] },
    ...parts,
  }) as unknown as Answer;
const statusOf = ({ reply }: Answer) => Object.fromEntries(reply.headers)['grpc-status'];

test.each([
  ['application/grpc', true],
  ['application/grpc+proto', true],
  ['application/grpc;charset=utf-8', true],
  ['application/grpc-web', false],
  ['application/json', false],
])('%s is gRPC: %s', (type, isOne) => {
  expect(isGrpc(typed(type))).toBe(isOne);
});

test.each([
  ['250m', 250_000],
  ['1S', 1_000_000],
  ['2H', 7_200_000_000],
  ['500u', 500],
  ['1000n', 1],
  ['123456789S', null],
  ['soon', null],
])('a deadline of %s is %s µs', (text, us) => {
  expect(deadlineUs([['grpc-timeout', text]])).toBe(us);
});

test('a message keeps printable ASCII and encodes the rest, the percent sign too', () => {
  const { headers } = grpcFailure(5, 'a% → b\n', 'miss');
  expect(Object.fromEntries(headers)['grpc-message']).toBe('a%25 %E2%86%92 b%0A');
});

test('HTTP statuses become what clients make of them', () => {
  expect([401, 403, 404, 429, 503, 418].map(grpcStatusOfHttp)).toEqual([16, 7, 12, 14, 14, 2]);
});

test('a miss is UNIMPLEMENTED, a real host that was not reached UNAVAILABLE, a late answer DEADLINE_EXCEEDED', () => {
  const asked = exchange(typed('application/grpc'));
  expect(statusOf(grpcAnswer(asked, answer({ match: 'miss' })))).toBe('12');
  expect(statusOf(grpcAnswer(asked, answer({ match: 'miss', reply: { status: 502, headers: [] } })))).toBe(
    '14',
  );
  const hurried = exchange([...typed('application/grpc'), ['grpc-timeout', '1m']]);
  const late = grpcAnswer(hurried, answer({ waitUs: 5_000 }));
  expect([statusOf(late), late.waitUs, late.match]).toEqual(['4', 1_000, 'exact']);
});

test('other answers stay as they are', () => {
  const miss = answer({ match: 'miss' });
  expect(grpcAnswer(exchange(typed('application/json')), miss)).toBe(miss);
});

test('a body is kept as bytes even when it is text', () => {
  expect(callBody(Buffer.from('abc'))).toEqual({ size: 3, encoding: 'identity', base64: 'YWJj' });
  expect(callBody(Buffer.alloc(0))).toEqual({ size: 0, encoding: 'identity' });
});
