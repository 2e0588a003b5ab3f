import { describe, expect, test } from 'vitest';
import type { ObjectMeta } from './kubernetes.ts';
import { RESOLVED_ANNOTATION } from './names.ts';
import { workloadOfPod } from './workload-of-pod.ts';

const owner = (kind: string, name: string, controller = true) => ({
  ...{ apiVersion: 'v1', kind, name, uid: 'u', controller },
});
const of = (metadata: ObjectMeta) => workloadOfPod({ metadata: { name: 'shop-7d9f-x2x', ...metadata } });

describe('the workload of a pod', () => {
  test.each<[string, ObjectMeta, string, string]>([
    [
      'a Deployment, through its ReplicaSet',
      { ownerReferences: [owner('ReplicaSet', 'shop-7d9f')], labels: { 'pod-template-hash': '7d9f' } },
      ...(['Deployment', 'shop'] as const),
    ],
    [
      'a Deployment whose name has dashes and digits',
      { ownerReferences: [owner('ReplicaSet', 'shop-v2-7d9f')], labels: { 'pod-template-hash': '7d9f' } },
      ...(['Deployment', 'shop-v2'] as const),
    ],
    [
      'an Argo Rollout',
      { ownerReferences: [owner('ReplicaSet', 'shop-55f')], labels: { 'rollouts-pod-template-hash': '55f' } },
      ...(['Rollout', 'shop'] as const),
    ],
    [
      'a ReplicaSet of its own, whatever hash stands on the pod',
      { ownerReferences: [owner('ReplicaSet', 'shop')], labels: { 'pod-template-hash': '7d9f' } },
      ...(['ReplicaSet', 'shop'] as const),
    ],
    [
      'a ReplicaSet whose name is nothing but a hash',
      { ownerReferences: [owner('ReplicaSet', '-7d9f')], labels: { 'pod-template-hash': '7d9f' } },
      ...(['ReplicaSet', '-7d9f'] as const),
    ],
    ['a StatefulSet', { ownerReferences: [owner('StatefulSet', 'db')] }, 'StatefulSet', 'db'],
    ['a Job', { ownerReferences: [owner('Job', 'backup-29012345')] }, 'Job', 'backup-29012345'],
    ['nobody: it is its own', {}, 'Pod', 'shop-7d9f-x2x'],
    ['a node: it is its own', { ownerReferences: [owner('Node', 'node-1')] }, 'Pod', 'shop-7d9f-x2x'],
    [
      'an owner that does not control it',
      { ownerReferences: [owner('X', 'x', false)] },
      'Pod',
      'shop-7d9f-x2x',
    ],
  ])('%s', (_, metadata, kind, name) => {
    expect(of(metadata)).toEqual({ kind, name });
  });

  const resolved = (value: unknown): ObjectMeta => ({
    annotations: { [RESOLVED_ANNOTATION]: typeof value === 'string' ? value : JSON.stringify(value) },
    ownerReferences: [owner('Job', 'backup-29012345')],
  });

  test('what the workload webhook wrote comes first', () => {
    const metadata = resolved({
      mode: 'dual',
      workload: { kind: 'CronJob', name: 'backup', apiVersion: 'batch/v1' },
    });
    expect(of(metadata)).toEqual({ kind: 'CronJob', name: 'backup' });
  });

  test.each([
    ['no JSON', '{'],
    ['JSON that is null', 'null'],
    ['no workload', { mode: 'dual' }],
    ['a name that is none', { workload: { kind: 'Job', name: 'a\u0007b' } }],
    ['a kind that is none', { workload: { kind: 'job', name: 'a' } }],
    ['a name that is too long', { workload: { kind: 'Job', name: 'a'.repeat(254) } }],
    ['things that are no text', { workload: { kind: 1, name: {} } }],
  ])('%s on the pod is passed over', (_, value) => {
    expect(of(resolved(value))).toEqual({ kind: 'Job', name: 'backup-29012345' });
  });
});
