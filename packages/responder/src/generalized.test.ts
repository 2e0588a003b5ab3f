import { exprViewOf } from '@echoplane/rules';
import { type Mock, type OutboundRequest, type RRPair, storeBody } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { Generalizer } from './generalized.ts';
import { mock } from './mock.fixture.ts';

const noView = () => {
  throw new Error('no parameter has a condition');
};
const get = (target: string, host = 'crm.test'): OutboundRequest => ({
  ...{ scheme: 'http', host, method: 'GET', target, headers: [] },
  body: storeBody(Buffer.alloc(0), ''),
});
type Parameters = ConstructorParameters<typeof Generalizer>[0];
function generalizerOf(parameters: Parameters, mocks: readonly Mock[]): Generalizer {
  const generalizer = new Generalizer(parameters);
  for (const [n, one] of mocks.entries()) generalizer.add(n, one);
  return generalizer;
}
const users = ['ann@one.test', 'bob@two.test', 'eve@three.test'].map((email) =>
  mock('GET', `http://crm.test/mailbox?email=${email}`),
);
const byEmail = generalizerOf([{ path: 'query.email' }], users);

test('an unknown value is answered with a recorded entity, always the same one, and every entity is used', () => {
  const asked = Array.from({ length: 300 }, (_, n) => `user${n}@else.test`);
  const found = asked.map((email) => byEmail.find(get(`/mailbox?email=${email}`), noView)!);
  expect(new Set(found.map(({ mocks }) => mocks[0])).size).toBe(3);
  for (const [n, email] of asked.entries()) {
    expect(byEmail.find(get(`/mailbox?email=${email}`), noView)!.mocks).toEqual(found[n]!.mocks);
    expect(found[n]!.replaced).toMatchObject([{ name: 'email', live: email }]);
  }
});

test('taking an entity away moves only the values it stood for', () => {
  const fewer = generalizerOf([{ path: 'query.email' }], users.slice(0, 2));
  for (let n = 0; n < 100; n++) {
    const request = get(`/mailbox?email=user${n}@else.test`);
    const [before] = byEmail.find(request, noView)!.mocks;
    if (before !== 2) expect(fewer.find(request, noView)!.mocks).toEqual([before]);
  }
});

test('nothing else may differ: another path, host or query is not generalised, nor is a parameter nobody named', () => {
  for (const request of [
    get('/other?email=x@y.test'),
    get('/mailbox?email=x@y.test', 'else.test'),
    get('/mailbox?email=x@y.test&page=2'),
  ])
    expect(byEmail.find(request, noView)).toBeNull();
  expect(generalizerOf([], users).find(get('/mailbox?email=x@y.test'), noView)).toBeNull();
});

test('two unknown parameters are answered together, one of two with the entity that has the other', () => {
  const seats = ['a/1', 'a/2', 'b/1'].map((seat) => mock('GET', `http://crm.test/rooms/${seat}`));
  const generalizer = generalizerOf([{ path: 'path[1]' }, { path: 'path[2]' }], seats);
  expect(generalizer.find(get('/rooms/b/9'), noView)!.mocks).toEqual([2]);
  expect(generalizer.find(get('/rooms/b/9'), noView)!.replaced).toEqual([
    { name: 'b', recorded: '1', live: '9' },
  ]);
  expect(generalizer.find(get('/rooms/z/9'), noView)!.replaced).toMatchObject([
    { name: 'room', live: 'z' },
    { live: '9' },
  ]);
});

test('a parameter with a condition is one only where it holds', () => {
  const generalizer = generalizerOf([{ path: 'query.email', when: 'path == "/mailbox"' }], users);
  const view = (path: string) => () =>
    exprViewOf({
      request: { method: 'GET', url: `http://crm.test${path}`, headers: [] },
    } as unknown as RRPair);
  const request = get('/mailbox?email=x@y.test');
  expect(generalizer.find(request, view('/mailbox'))).not.toBeNull();
  expect(generalizer.find(request, view('/else'))).toBeNull();
});
