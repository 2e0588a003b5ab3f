import { MAX_COUNTED_WORKLOADS } from '@echoplane/resources';
import type { Hello } from '@echoplane/wire';
import { expect, test } from 'vitest';
import { WorkloadCounts } from './workload-counts.ts';

const hello = (workload: string, hop: Hello['hop'] = 'sidecar') =>
  ({ hop, cluster: 'c', namespace: 'shop', workloadKind: 'Deployment', workload }) as Hello;

test('pairs are counted by workload and direction, from when it was first heard of', () => {
  const counts = new WorkloadCounts();
  counts.heard(hello('cart'), 1_000_000);
  counts.count(hello('cart'), 'IN');
  counts.heard(hello('cart'), 5_000_000);
  counts.count(hello('cart'), 'OUT');
  counts.count(hello('cart'), 'OUT');
  const cart = {
    namespace: 'shop',
    kind: 'Deployment',
    name: 'cart',
    inbound: 1,
    outbound: 2,
    knownMs: 9_000,
  };
  expect(counts.list(10_000_000)).toEqual([cart]);
});
test('the pods of a replay are no workload of theirs', () => {
  const counts = new WorkloadCounts();
  counts.heard(hello('cart', 'generator'), 0);
  counts.count(hello('cart', 'generator'), 'OUT');
  expect(counts.list(0)).toEqual([]);
});
test('beyond the bound the one longest not heard of is forgotten, and its pairs count for nothing', () => {
  const counts = new WorkloadCounts();
  for (let n = 0; n < MAX_COUNTED_WORKLOADS; n++) counts.heard(hello(`w${n}`), 0);
  counts.heard(hello('w0'), 0);
  counts.heard(hello('more'), 0);
  counts.count(hello('w1'), 'OUT');
  const names = counts.list(0).map(({ name }) => name);
  expect([names.length, names.includes('w0'), names.includes('w1')]).toEqual([
    MAX_COUNTED_WORKLOADS,
    true,
    false,
  ]);
});
