// docs/sidecar.md repeats every setting and every metric; a table that is no longer true is printed as it should be.
import { envName, loadConfig, type Sample } from '@echoplane/runtime';
import { emptyCounters } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { table, tableOf } from '../../../test/reference-table.ts';
import { sidecarConfig } from './config.ts';
import { type CounterName, gaugeSamples, Metrics, streamSamples } from './metrics.ts';

const PAGE = new URL('../../../docs/sidecar.md', import.meta.url);
const REQUIRED = { ECHOPLANE_MODE: 'forward', ECHOPLANE_WORKLOAD: 'shop' };

function shown(value: unknown): string {
  const isNothing = value === undefined || (typeof value === 'object' && Object.keys(value!).length === 0);
  return isNothing ? 'none' : `\`${value}\``;
}

test('the page has every setting with its default and meaning', async () => {
  const defaults: Record<string, unknown> = loadConfig(sidecarConfig, REQUIRED);
  const rows = Object.entries(sidecarConfig.shape).map(([field, schema]) => {
    const name = envName(field);
    return [`\`${name}\``, name in REQUIRED ? 'required' : shown(defaults[field]), schema.description ?? ''];
  });
  expect(await tableOf(PAGE, 'settings')).toBe(table(['variable', 'default', 'meaning'], ...rows));
});

test('the page has every metric with its type, label and meaning', async () => {
  const metrics = new Metrics();
  for (const { name } of metrics.samples())
    metrics.count(name.replace(/^echoplane_sidecar_|_total$/g, '') as CounterName, 'any');
  const any = { any: 1 };
  const samples: Sample[] = [
    ...streamSamples({ ...emptyCounters(), withheld: any, dropped: any }, any),
    ...metrics.samples(),
    ...gaugeSamples({} as never),
  ];
  const rows = samples.map(({ name, type, values, help }) => {
    const label = Object.keys(values[0]?.labels ?? {})[0];
    return [`\`${name}\``, type, label ? `\`${label}\`` : '', help];
  });
  expect(await tableOf(PAGE, 'metrics')).toBe(table(['name', 'type', 'label', 'meaning'], ...rows));
});
