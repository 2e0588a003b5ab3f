import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { jwtOf, record } from './exchanges.fixture.ts';

const server = { ip: '127.0.0.1', port: 3000, host: null };
const host: [string, string][] = [['Host', 'forge:8080']];

function serverOf(answer: unknown, headers = host, body?: unknown): string | undefined {
  const request = body === undefined ? 'GET /things' : 'POST /things';
  return analyze(record([{ request, headers, body, answer, change: { server } }])).tests[0]!.server;
}

test('the address that a service listened on is told of the exchanges that name it', () => {
  expect(serverOf({ url: 'http://127.0.0.1:3000/things/1' })).toBe('127.0.0.1:3000');
  expect(serverOf({ url: 'http://localhost:3000/things/1' })).toBe('localhost:3000');
  expect(serverOf({}, host, { url: 'http://127.0.0.1:3000/things/1' })).toBe('127.0.0.1:3000');
});

test('not of others, nor where it is the Host, which is known', () => {
  expect(serverOf({ url: '/things/1' })).toBeUndefined();
  expect(serverOf({ url: 'http://127.0.0.1:30001/things/1' })).toBeUndefined();
  expect(serverOf({ url: 'http://3.127.0.0.1:3000/things/1' })).toBeUndefined();
  expect(serverOf({ url: 'http://127.0.0.1:3000/things/1' }, [['Host', '127.0.0.1:3000']])).toBeUndefined();
});

test('who issued a JWT names it in the claims', () => {
  const token = (port: number) => ({ id_token: jwtOf({ iss: `http://127.0.0.1:${port}/`, sub: 'ann' }) });
  expect(serverOf(token(3000))).toBe('127.0.0.1:3000');
  expect(serverOf(token(3001))).toBeUndefined();
});
