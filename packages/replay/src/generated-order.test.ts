// Lists in the order of ids that do not look generated, and are others in each run.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';

const links = ['body.id', 'body[].id'].map((path) => ({ in: 'response' as const, path, flow: 'devices' }));
const device = (id: string, name: string) => ({ id, name });

/** Two devices get these ids, recorded and live, and a list shows them in an order. */
function listed(was: [string, string], is: [string, string], order: (ids: typeof is) => number[]): string[] {
  const values = new LiveValues(new Map());
  const names = ['phone', 'laptop'];
  const made = names.flatMap((name, n) =>
    differences(
      { n, method: 'POST', links, ...json(device(was[n]!, name)) },
      json(device(is[n]!, name)),
      values,
    ),
  );
  const recorded = [0, 1].sort((a, b) => (was[a]! < was[b]! ? -1 : 1));
  const list = (ids: typeof is, at: number[]) => json(at.map((n) => device(ids[n]!, names[n]!)));
  return [...made, ...differences({ n: 2, links, ...list(was, recorded) }, list(is, order(is)), values)];
}

const ascending = (ids: readonly string[]) => [0, 1].sort((a, b) => (ids[a]! < ids[b]! ? -1 : 1));
const descending = (ids: readonly string[]) => ascending(ids).reverse();

test('words that are followed as ids, and are all others now, put a list in their order', () => {
  expect(listed(['KGKEVRXJQD', 'TZSBVFDUIL'], ['WUNJMRPCAB', 'EJNUNJMRPC'], ascending)).toEqual([]);
  expect(listed(['KGKEVRXJQD', 'TZSBVFDUIL'], ['EJNUNJMRPC', 'WUNJMRPCAB'], descending)).toEqual([
    'body order',
  ]);
});

test('names that are the same again do not', () => {
  const names: [string, string] = ['KGKEVRXJQD', 'TZSBVFDUIL'];
  expect(listed(names, names, descending)).toEqual(['body order']);
});
