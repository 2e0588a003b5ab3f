// Settings from several configs: which one holds.
import type { KubeObject } from '@echoplane/resources';
import { expect, test } from 'vitest';
import { FACTS } from './manifests.fixture.ts';
import { workloadSettings } from './resolve-workload.ts';

const WORKLOAD: KubeObject = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'shop' } },
  spec: { template: { spec: { containers: [] } } },
};
const limit = (text: string) => ({ settings: { 'body-limit': text }, selector: { matchLabels: {} } });
const given = (facts: object) => {
  const parsed = workloadSettings(WORKLOAD, { ...FACTS, ...facts });
  return 'given' in parsed ? parsed.given : parsed;
};

test('of two configs of a kind that set the same the first holds, and one of the namespace over one of the cluster', () => {
  const clusterConfigs = [
    limit('1Ki'),
    { ...limit('2Ki'), settings: { 'body-limit': '2Ki', sample: '0.5' } },
  ];
  expect(given({ clusterConfigs })).toMatchObject({ 'body-limit': '1Ki', sample: '0.5' });
  expect(given({ clusterConfigs, captureConfigs: [limit('3Ki'), limit('4Ki')] })).toMatchObject({
    ...{ 'body-limit': '3Ki', sample: '0.5' },
  });
});
