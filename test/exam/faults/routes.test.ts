import { expect, test } from 'vitest';
import { placeOfTest } from './places.ts';
import { recordedTest } from './recorded.fixture.ts';
import { routesOf } from './routes.ts';

const recorded = [
  recordedTest({ target: '/users/7', endpoint: '/users/{id}' }),
  recordedTest({ target: '/users/me?full=1', endpoint: '/users/me' }),
  recordedTest({ method: 'PUT', target: '/users/7/roles/x', endpoint: '/users/{id}/roles/{id}' }),
  recordedTest({ method: 'POST', target: '/graphql', body: { operationName: 'Topics', query: '{a}' } }),
];
const routes = routesOf(recorded);
const none = Buffer.alloc(0);

test('a request belongs to the endpoint with the most words of its own, whatever ids are in it now', () => {
  expect(routes('GET', '/users/8812?x=1', none)).toBe('GET /users/{id}');
  expect(routes('GET', '/users/me', none)).toBe('GET /users/me');
  expect(routes('PUT', '/users/a/roles/b', none)).toBe('PUT /users/{id}/roles/{id}');
});

test('an operation of GraphQL is a place of its own, as it is of the recording', () => {
  const body = Buffer.from('{"operationName":"Topics","query":"{a}"}');
  expect(routes('POST', '/graphql', body)).toBe('POST /graphql Topics');
  expect(placeOfTest(recorded[3]!)).toBe('POST /graphql Topics');
});

test('what was not recorded is no place', () => {
  expect(routes('DELETE', '/users/7', none)).toBeNull();
  expect(routes('GET', '/users/7/roles', none)).toBeNull();
});
