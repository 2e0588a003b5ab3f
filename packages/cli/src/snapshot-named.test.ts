import { expect, test } from 'vitest';
import { snapshotNamed } from './snapshot-named.ts';

const ID = '019aa000-0000-7000-8000-000000000001';
const items = [
  { id: '019aa000-0000-7000-8000-000000000003', name: 'first', state: 'succeeded' },
  { id: '019aa000-0000-7000-8000-000000000002', name: 'first', state: 'failed' },
  { id: ID, name: 'second', state: 'succeeded' },
];
const client = { call: async () => ({ items }) } as never;

test('a snapshot is found by its id, or the newest of a name', async () => {
  expect((await snapshotNamed(client, ID.toUpperCase())).name).toBe('second');
  expect((await snapshotNamed(client, 'first')).id).toBe(items[0]!.id);
  await expect(snapshotNamed(client, 'third')).rejects.toThrow(
    'There is no snapshot third; there are first, second.',
  );
});
