// When a workload counts as rolled out and wired, and what a template's digest says.
import type { Obj } from '@echoplane/kube';
import { RUN_ANNOTATION, STATUS_ANNOTATION } from '@echoplane/resources';
import { describe, expect, test } from 'vitest';
import { rolledResource, targetFact, templateDigest } from './target-state.ts';

const template = { metadata: { labels: { app: 'cart' } }, spec: { containers: [] } };
const done = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1 };
const workload = (kind: string, spec: object = {}, status: object = {}): Obj => ({
  ...{ apiVersion: 'apps/v1', kind, metadata: { name: 'cart', namespace: 'shop', generation: 2 } },
  ...{ spec: { replicas: 1, template, ...spec }, status },
});
const fact = (object: Obj, pods: Obj[] = []) =>
  targetFact({ apiVersion: 'apps/v1', kind: object.kind, namespace: 'shop', name: 'cart' }, object, pods, {
    run: 'u',
    replayId: 'r',
  });

describe('templateDigest()', () => {
  test('knows our annotation from everything else', () => {
    const wired = { ...template, metadata: { ...template.metadata, annotations: { [RUN_ANNOTATION]: 'u' } } };
    expect(templateDigest(wired)).toBe(templateDigest(template));
    const restarted = {
      ...template,
      metadata: { ...template.metadata, annotations: { 'kubectl.kubernetes.io/restartedAt': 'x' } },
    };
    expect(templateDigest(restarted)).not.toBe(templateDigest(template));
  });
  test('does not change what it looks at', () => {
    const wired = { metadata: { annotations: { [RUN_ANNOTATION]: 'u' } } };
    templateDigest(wired);
    expect(wired.metadata.annotations).toEqual({ [RUN_ANNOTATION]: 'u' });
  });
});

test.each([
  ['Deployment', done, true],
  ['Deployment', { ...done, observedGeneration: 1 }, false],
  ['Deployment', { ...done, replicas: 2 }, false],
  ['Deployment', { ...done, updatedReplicas: 0 }, false],
  ['StatefulSet', done, true],
  [
    'DaemonSet',
    { observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3 },
    true,
  ],
  [
    'DaemonSet',
    { observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 2 },
    false,
  ],
  ['Rollout', { phase: 'Healthy', updatedReplicas: 1 }, true],
  ['Rollout', { phase: 'Paused', updatedReplicas: 1 }, false],
])('a %s with %o is rolled out: %s', (kind, status, isRolledOut) => {
  expect(fact(workload(kind, {}, status)).isRolledOut).toBe(isRolledOut);
});

test.each([
  ['paused', { paused: true }],
  ['OnDelete', { updateStrategy: { type: 'OnDelete' } }],
  ['a partition', { updateStrategy: { rollingUpdate: { partition: 1 } } }],
  ['no replicas', { replicas: 0 }],
])('%s would not roll, and says why', (_, spec) => {
  expect(fact(workload('StatefulSet', spec)).unrollable).toMatch(/; /);
});

test('a pod is wired when injection says so of this replay', () => {
  const pod = (annotations: object, metadata: object = {}): Obj => ({
    ...{
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', annotations: annotations as never, ...metadata },
    },
  });
  const status = (replay: string | null) => JSON.stringify({ replay });
  const pods = [
    pod({ [RUN_ANNOTATION]: 'u', [STATUS_ANNOTATION]: status('r') }),
    pod({ [RUN_ANNOTATION]: 'u', [STATUS_ANNOTATION]: status('other') }),
    pod({ [RUN_ANNOTATION]: 'u', [STATUS_ANNOTATION]: status(null) }),
    pod({ [RUN_ANNOTATION]: 'u' }),
    pod({ [RUN_ANNOTATION]: 'u', [STATUS_ANNOTATION]: '{' }),
    pod({ [STATUS_ANNOTATION]: status('r') }),
    pod({}, { deletionTimestamp: 'now' }),
  ];
  expect(fact(workload('Deployment'), pods).pods.map(({ wired }) => wired)).toEqual([
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
});

test('kinds are told apart by their group', () => {
  expect(rolledResource({ apiVersion: 'apps/v1', kind: 'Deployment' })?.plural).toBe('deployments');
  expect(rolledResource({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout' })?.plural).toBe('rollouts');
  expect(rolledResource({ apiVersion: 'v1', kind: 'Deployment' })).toBeNull();
  expect(rolledResource({ apiVersion: 'batch/v1', kind: 'Job' })).toBeNull();
});
