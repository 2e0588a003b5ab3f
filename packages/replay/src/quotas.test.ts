// What a service says of the requests that a client has left, in one header.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, head } from './shifted-replay.fixture.ts';

const learned = [{ path: 'header.ratelimit', kind: 'measure', why: '' } as const];
const against = (recorded: string, live: string, volatile: typeof learned | [] = []) =>
  differences(
    { ...head(['RateLimit', recorded]), volatile: [...volatile] },
    head(['RateLimit', live]),
    new LiveValues(new Map()),
  );

test.each([
  ['limit=100, remaining=42, reset=17', 'limit=100, remaining=41, reset=9'],
  ['"default";r=42;t=17', '"default";r=9;t=60'],
])('what is left may be more or less, a limit not: %s', (recorded, live) => {
  expect(against(recorded, live)).toEqual([]);
});

test.each([
  ['limit=100, remaining=42, reset=17', 'limit=10, remaining=42, reset=17'],
  ['"default";r=42;t=17', '"burst";r=42;t=17'],
  ['limit=100, remaining=42, reset=17', 'limit=100, remaining=42'],
])('%s is not %s, whatever was learned of the header', (recorded, live) => {
  expect(against(recorded, live)).toEqual(['header.ratelimit value']);
  expect(against(recorded, live, learned)).toEqual(['header.ratelimit value']);
});
