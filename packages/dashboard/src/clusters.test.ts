import type { AgentState } from '@echoplane/api';
import { describe, expect, it } from 'vitest';
import type { Workload } from './cluster-queries.ts';
import {
  clustersOf,
  describeConfig,
  describeCoverage,
  describeLag,
  describeRoll,
  matching,
} from './clusters.ts';

const agent = (fields: Partial<AgentState>): AgentState => ({
  ...{
    id: '01900000-0000-7000-8000-000000000001',
    name: 'forwarder-0',
    kind: 'forwarder',
    cluster: 'staging',
  },
  ...{ version: '0.1.0', storeAccess: 'delegated', registeredAt: 0, seenAt: 0, connected: true },
  ...{ configVersion: 'r-2', configError: null, spoolBytes: 0, ringBytes: 0, ringFrom: null },
  ...{ lagFrames: 0, lagSegments: 0, alarms: 0 },
  ...fields,
});
const workload = (fields: Partial<Workload>): Workload => ({
  ...{ namespace: 'shop', kind: 'Deployment', name: 'cart', injected: true, settings: {} },
  ...{ pods: 3, injectedPods: 3 },
  ...fields,
});

describe('clustersOf()', () => {
  it('groups data planes, the connected ones first', () => {
    const [away, here] = [agent({ connected: false }), agent({ name: 'forwarder-1' })];
    const found = clustersOf([agent({ cluster: 'test' }), away, here]);
    expect(found.map(({ name }) => name)).toEqual(['staging', 'test']);
    expect(found[0]!.agents).toEqual([here, away]);
  });

  it('asks only an inspector that is connected', () => {
    const away = agent({ kind: 'inspector', connected: false });
    expect(clustersOf([agent({}), away])[0]!.inspector).toBeNull();
    const here = agent({ kind: 'inspector' });
    expect(clustersOf([away, here])[0]!.inspector).toBe(here);
  });
});

describe('describeConfig()', () => {
  it('finds drift and refusals, and none where the tenant has no rules of its own', () => {
    expect(describeConfig(agent({}), 'r-2').trouble).toBeNull();
    expect(describeConfig(agent({}), null).trouble).toBeNull();
    expect(describeConfig(agent({}), 'r-3').trouble).toContain('r-3');
    expect(describeConfig(agent({ configError: 'bad path' }), 'r-3').trouble).toContain('bad path');
  });

  it('says nothing of an inspector, which runs no rules', () => {
    expect(describeConfig(agent({ kind: 'inspector', configVersion: '' }), 'r-3').trouble).toBeNull();
  });
});

describe('describeLag()', () => {
  it('counts what waits', () => {
    expect(describeLag(agent({}))).toBe('nothing');
    expect(describeLag(agent({ lagFrames: 1, lagSegments: 2 }))).toBe('1 frame, 2 segments');
  });
});

describe('describeCoverage()', () => {
  it('shows gaps both ways', () => {
    expect(describeCoverage(workload({})).trouble).toBeNull();
    expect(describeCoverage(workload({ injectedPods: 2 }))).toEqual({
      words: '2 of 3',
      trouble: '1 pod without the sidecar',
    });
    expect(describeCoverage(workload({ injected: false })).trouble).toBe('3 pods still with the sidecar');
    expect(describeCoverage(workload({ injected: false, injectedPods: 0 })).trouble).toBeNull();
  });
});

describe('describeRoll()', () => {
  it('says which pods go', () => {
    expect(describeRoll(workload({}))).toContain('3 pods are replaced');
    expect(describeRoll(workload({ pods: 1 }))).toContain('1 pod is replaced');
    expect(describeRoll(workload({ kind: 'CronJob' }))).toContain('next run');
  });
});

describe('matching()', () => {
  it('finds every word anywhere in kind, namespace and name', () => {
    const all = [workload({}), workload({ kind: 'CronJob', name: 'report' })];
    expect(matching(all, 'shop cron').map(({ name }) => name)).toEqual(['report']);
    expect(matching(all, '')).toHaveLength(2);
    expect(matching(all, 'nothing')).toEqual([]);
  });
});
