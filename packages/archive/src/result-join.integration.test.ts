import { Readable } from 'node:stream';
import { type RRPair, TAG, type Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { joinResults } from './result-join.ts';
import { fileWorkspace } from './workspace-files.ts';

const COUNT = 3_000;
const id = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;
const body = { size: 0, encoding: 'identity', text: '' };

const testOf = (n: number): Test => ({
  ...{ id: id(n), session: 's', order: n, offsetUs: n, endpoint: '/', headless: false, durationUs: 1 },
  request: { method: 'GET', target: `/${'x'.repeat(200)}?tab=\t&line=\n`, headers: [], body },
  response: { status: 200, headers: [], body },
  ...{ consumes: [], produces: [], volatile: [] },
});
const pairOf = (n: number, endUs: number, tags: Record<string, string>) =>
  ({ id: id(1_000_000 + n), ts: endUs - 10, durationUs: 10, tags }) as unknown as RRPair;

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

test('results stand beside their tests, in the order in which they ended, far beyond what is held in memory', async () => {
  await using workspace = await fileWorkspace({ heldBytes: 100_000 });
  const told: string[] = [];
  const planned: string[] = [];
  const missing: string[] = [];
  // Ends in another order than tests and pairs; the last test has no result, the first has two.
  const endOf = (n: number) => 1_000_000 + ((n * 7_919) % COUNT) * 100;
  const results = Array.from({ length: COUNT - 1 }, (_, n) => pairOf(n, endOf(n), { [TAG.test]: id(n) }));
  const again = pairOf(COUNT, 999_990, { [TAG.test]: id(0) });
  const outbound = pairOf(COUNT + 1, endOf(5) - 1, {});
  const stranger = pairOf(COUNT + 2, 1_000_000, { [TAG.test]: id(COUNT + 7) });
  let progress = 0;
  await joinResults(
    {
      plan: (one) => planned.push(one.id),
      missing: (one) => missing.push(one.id),
      result: (one, { id: pair, ts }) => told.push(`${ts} ${one.order} ${pair}`),
      outbound: ({ ts }) => told.push(`${ts} out`),
    },
    {
      tests: Readable.from(Array.from({ length: COUNT }, (_, n) => `${JSON.stringify(testOf(n))}\n`)),
      pairs: each([...results, again, outbound, stranger]),
      workspace,
      told: async (count) => {
        progress = count;
      },
    },
  );
  expect(planned).toHaveLength(COUNT);
  expect(missing).toEqual([id(COUNT - 1)]);
  expect(progress).toBe(COUNT + 1);
  const wanted = [...results, again]
    .map((pair, n) => ({ pair, n: n === COUNT - 1 ? 0 : n }))
    .map(({ pair, n }) => ({ at: pair.ts, text: `${pair.ts} ${n} ${pair.id}` }))
    .concat({ at: outbound.ts, text: `${outbound.ts} out` })
    .sort((a, b) => a.at - b.at);
  expect(told).toEqual(wanted.map(({ text }) => text));
});
