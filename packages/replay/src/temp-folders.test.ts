// What a service says of the folder it was started in, which is another one in each run.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { replayed } from './shifted-replay.fixture.ts';

const [here, there] = ['/tmp/run-a8Kq/first', '/tmp/run-a8Kq/second'];
const settings = (home: string, cache = `${home}/cache`, log = `see ${home}/log.txt`) => ({
  body: { home, cache, log },
});
const against = (live: ReturnType<typeof settings>) =>
  replayed(settings(here), live, new LiveValues(new Map()));

test('a temporary folder is the same other one wherever it is named', () => {
  const { differences, volatile } = against(settings(there));
  expect([differences, volatile]).toEqual([[], [{ path: 'body.home', kind: 'token' }]]);
});

test.each([
  ['another folder the second time', settings(there, '/tmp/run-a8Kq/third/cache')],
  ['another path in it', settings(there, `${there}/caches`)],
  ['another file in it', settings(there, `${there}/cache`, `see ${there}/log.tmp`)],
  ['another text around it', settings(there, `${there}/cache`, `look ${there}/log.txt`)],
  ['a folder that is none for temporary files', settings('/srv/second')],
])('not %s', (_what, live) => {
  expect(against(live).differences.length).toBeGreaterThan(0);
});

test('one live folder does not stand for two', () => {
  const values = new LiveValues(new Map());
  const two = { body: { from: '/tmp/in-a/data', to: '/tmp/out-b/data' } };
  const live = { body: { from: '/tmp/in-c/data', to: '/tmp/in-c/data' } };
  expect(replayed(two, live, values).differences.map(({ path }) => path)).toEqual(['body.to']);
});
