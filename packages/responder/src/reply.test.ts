import { type HttpResponse, storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { missReply, mockReply } from './reply.ts';

const BODY = Buffer.from('{"a": 1}');

function recorded(change: Partial<HttpResponse> = {}): HttpResponse {
  return { status: 200, reason: 'Fine', headers: [], body: storeBody(BODY, ''), ...change };
}

test('recorded headers keep order, case and repetition; the hop’s own are left out and the length is computed', () => {
  const headers: HttpResponse['headers'] = [
    ['Date', 'Mon, 01 Jan 2024 00:00:00 GMT'],
    ['content-length', '999'],
    ['Transfer-Encoding', 'chunked'],
    ['Connection', 'close'],
    ['Set-Cookie', 'a=1'],
    ['set-cookie', 'b=2'],
  ];
  expect(mockReply(recorded({ headers }), 'GET', 'exact')).toEqual({
    status: 200,
    reason: 'Fine',
    headers: [
      ['Date', 'Mon, 01 Jan 2024 00:00:00 GMT'],
      ['Set-Cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['Content-Length', '8'],
      ['x-echoplane-match', 'exact'],
    ],
    trailers: [],
    body: BODY,
  });
});

test.each([
  ['HEAD', 200],
  ['GET', 204],
  ['GET', 304],
])('%s %d has no body and keeps the length it was recorded with', (method, status) => {
  const reply = mockReply(recorded({ status, headers: [['Content-Length', '77']] }), method, 'volatile');
  expect(reply.body.length).toBe(0);
  expect(reply.headers).toEqual([
    ['Content-Length', '77'],
    ['x-echoplane-match', 'volatile'],
  ]);
});

test('trailers travel in a chunked reply', () => {
  const reply = mockReply(recorded({ trailers: [['x-sum', '1']] }), 'GET', 'exact');
  expect(reply.trailers).toEqual([['x-sum', '1']]);
  expect(reply.headers).toContainEqual(['Transfer-Encoding', 'chunked']);
  expect(reply.headers.map(([name]) => name)).not.toContain('Content-Length');
});

test('a value that was put in cannot end its header', () => {
  const reply = mockReply(
    recorded({
      headers: [
        ['x-a', 'a\r\nx-evil: 1'],
        ['x-b', '€é'],
      ],
    }),
    'GET',
    'exact',
  );
  expect(reply.headers.slice(0, 2)).toEqual([
    ['x-a', 'a  x-evil: 1'],
    ['x-b', `${Buffer.from('€').toString('latin1')}é`],
  ]);
});

test.each([0, 101, 1000])('%d is no final status and becomes 502', (status) => {
  expect(mockReply(recorded({ status }), 'GET', 'exact').status).toBe(502);
});

test('a miss says what was asked, and that nothing like it was recorded', () => {
  const asked = { scheme: 'https', host: 'pay.test', method: 'POST', target: '/v1?x=1' };
  const reply = missReply(asked, { nearest: null, difference: null, others: [] }, 599);
  expect(reply).toMatchObject({ status: 599 });
  expect(reply.headers).toContainEqual(['x-echoplane-match', 'miss']);
  const problem = JSON.parse(reply.body.toString());
  expect(problem).toMatchObject({ status: 599, code: 'no_match', nearest: null, difference: null });
  expect(problem.detail).toBe(
    'No mock matches POST https://pay.test/v1?x=1: nothing was recorded for this host and method.',
  );
});
