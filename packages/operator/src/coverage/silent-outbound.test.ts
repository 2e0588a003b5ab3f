import { expect, test } from 'vitest';
import type { PodView } from '../views.ts';
import { SILENT_MS, silentWorkloads } from './silent-outbound.ts';

const NOW = Date.UTC(2030, 0, 1);
const pod = (more: Partial<PodView> = {}): PodView => ({
  metadata: {
    ...{ name: 'cart-1', namespace: 'shop', labels: {}, annotations: {} },
    creationTimestamp: new Date(NOW - SILENT_MS).toISOString(),
  },
  ...{ workload: { kind: 'Deployment', name: 'cart' }, phase: 'Running', ready: true, isInjected: true },
  ...{ mode: 'dual', nodeName: null, podIp: null, containers: [], ...more },
});
const count = (more: object = {}) => ({
  ...{
    namespace: 'shop',
    kind: 'Deployment',
    name: 'cart',
    inbound: 9,
    outbound: 0,
    knownMs: SILENT_MS,
    ...more,
  },
});
const found = (one: Partial<PodView>, counted: object | null = {}) => [
  ...silentWorkloads([pod(one)], counted ? [count(counted)] : [], NOW),
];

test('a workload whose pods sent nothing for five minutes is silent', () => {
  expect(found({})).toEqual(['Deployment/shop/cart']);
  expect(found({ mode: 'forward' })).toEqual(['Deployment/shop/cart']);
});
test.each([
  ['with one call', {}, { outbound: 1 }],
  ['not known for so long', {}, { knownMs: SILENT_MS - 1 }],
  ['that the forwarder has not heard of', {}, null],
  ['of another namespace', {}, { namespace: 'other' }],
  ['that is redirected', { mode: 'transparent' }, {}],
  ['that has no way out', { mode: 'reverse' }, {}],
  ['whose pods are not ready', { ready: false }, {}],
  [
    'whose pods are young',
    { metadata: { ...pod().metadata, creationTimestamp: new Date(NOW).toISOString() } },
    {},
  ],
])('a workload %s is not', (_, one, counted) => {
  expect(found(one as Partial<PodView>, counted)).toEqual([]);
});
