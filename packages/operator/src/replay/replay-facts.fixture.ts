// A replay and facts about it for decision tables: by default everything is well, and a test changes what it is about.
import type { Snapshot } from '@echoplane/api';
import type { Obj } from '@echoplane/kube';
import { API_VERSION, FINALIZER, InstallConfig } from '@echoplane/resources';
import { outline } from './decide.ts';
import type { FactSet, Setting, Step } from './facts.ts';
import { leaseItem } from './gather.ts';
import { readTrafficReplay, type TrafficReplay } from './replay-object.ts';
import { absentTarget, type TargetFact } from './target-state.ts';

export const UID = '11111111-2222-4333-8444-555555555555';
export const NOW = Date.parse('2026-03-01T12:00:00Z');
export const setting: Setting = {
  install: InstallConfig.parse({
    clusterName: 'test',
    cloudUrl: 'http://cloud.example.org',
    image: 'registry/echoplane:1',
  }),
  ...{ namespace: 'echoplane', nowMs: NOW },
};
export const at = (ms: number): string => new Date(NOW + ms).toISOString();
const MINUTE = 60_000;

/** Stages that are done, then one that has begun a minute ago. */
export function stagesUpTo(name: string, mode: 'full' | 'tests-only' | 'mocks-only' = 'full') {
  const names = {
    full: ['accept', 'snapshot', 'mocks', 'target', 'generate', 'report'],
    'tests-only': ['accept', 'snapshot', 'generate', 'report'],
    'mocks-only': ['accept', 'snapshot', 'mocks', 'target', 'serve'],
  }[mode];
  return names.slice(0, names.indexOf(name) + 1).map((one) => ({
    ...{ name: one, start: at(-MINUTE), deadline: at(MINUTE) },
    ...(one === name ? {} : { finish: at(-MINUTE) }),
  }));
}

export function replayWith(
  options: { spec?: object; status?: object; metadata?: object } = {},
): TrafficReplay {
  return readTrafficReplay({
    ...{ apiVersion: API_VERSION, kind: 'TrafficReplay' },
    metadata: {
      ...{
        name: 'checkout',
        namespace: 'shop',
        uid: UID,
        generation: 1,
        resourceVersion: '1',
        finalizers: [FINALIZER],
      },
      ...options.metadata,
    },
    spec: {
      snapshot: 'checkout',
      workloads: [{ ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' } }],
      ...options.spec,
    },
    status: options.status ?? {},
  });
}

export const target = (changes: Partial<TargetFact> = {}): TargetFact => ({
  ...absentTarget({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'cart' }),
  ...{
    found: true,
    uid: 'cart-uid',
    resourceVersion: '7',
    digest: 'as-before',
    isInjected: true,
    isRolledOut: true,
  },
  ...{ selector: 'app=cart', labels: { app: 'cart' }, ports: [8080] },
  pods: [{ name: 'cart-1', ip: '10.0.0.1', ready: true, wired: true }],
  ...changes,
});

export const snapshot = (changes: Partial<Snapshot> = {}): Snapshot =>
  ({
    ...{ id: 'a-snapshot', name: 'checkout', state: 'succeeded', message: null },
    manifest: { counts: { tests: 2, mocks: 2, skipped: {} } },
    summary: { endpoints: [{ direction: 'OUT', host: 'payments:8080' }], notes: [] },
    ...changes,
  }) as unknown as Snapshot;

export const LEASE = leaseItem('echoplane', 'shop/Deployment/cart');

export function factsWith(changes: Partial<FactSet> = {}): FactSet {
  return {
    targets: [target()],
    namespaces: { shop: { 'replay.echoplane.dev/allowed': 'true' } },
    leases: [{ workload: 'shop/Deployment/cart', item: LEASE, resourceVersion: null, holder: 'free' }],
    ...{
      live: { 'shop/Deployment/cart': 0 },
      secretProblems: [],
      snapshot: snapshot(),
      opened: null,
      testConfig: { config: {} },
      baseline: null,
    },
    ...{ objects: {}, generators: [], servers: [], services: [], sizes: { tests: 1_000, mocks: 1_000 } },
    ...changes,
  };
}

/** The next step, whichever facts it takes. */
export function next(replay: TrafficReplay, facts: Partial<FactSet> = {}, when: Setting = setting): Step {
  const plan = outline(replay, when);
  return 'step' in plan ? plan.step : plan.decide(factsWith(facts));
}

/** A generator's pod. */
export function generatorPod(job: string, index: number, status: object, ready = true): Obj {
  return {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      name: `${job}-${index}`,
      labels: {
        'batch.kubernetes.io/job-name': job,
        'batch.kubernetes.io/job-completion-index': String(index),
      },
      annotations: ready ? { 'replay.echoplane.dev/ready': 'true' } : {},
    },
    status,
  };
}
