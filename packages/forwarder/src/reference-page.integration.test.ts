// docs/forwarder.md repeats every setting and every metric, and the rules document's part on redaction; a table that is no
// longer true is printed as it should be.
import { RedactionRules } from '@echoplane/rules';
import { envName, loadConfig, type Sample, silentLogger, systemClock } from '@echoplane/runtime';
import { emptyCounters } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { table, tableOf } from '../../../test/reference-table.ts';
import { ForwarderConfig } from './config.ts';
import type { Flow } from './flow.ts';
import { Guard } from './guard/guard.ts';
import { OtlpExport } from './otlp/otlp-export.ts';
import type { RulesSource } from './rules-source.ts';
import { samplesOf } from './status.ts';

const PAGE = new URL('../../../docs/forwarder.md', import.meta.url);
const REQUIRED = {
  ECHOPLANE_SPOOL_DIR: 'spool',
  ECHOPLANE_CLOUD_URL: 'http://127.0.0.1:8080',
  ECHOPLANE_AGENT_KEY: 'key',
};
/** One of the two is needed; neither is by itself. */
const STORE = { ECHOPLANE_STORE_DIR: 'store' };

const shown = (value: unknown) => (value === undefined ? 'none' : `\`${value}\``);

test('the page has every setting with its default and meaning', async () => {
  const env = { ...REQUIRED, ...STORE };
  const defaults: Record<string, unknown> = { ...loadConfig(ForwarderConfig, env), storeDir: undefined };
  const rows = Object.entries(ForwarderConfig.shape).map(([field, schema]) => {
    const name = envName(field);
    return [`\`${name}\``, name in REQUIRED ? 'required' : shown(defaults[field]), schema.description ?? ''];
  });
  expect(await tableOf(PAGE, 'settings')).toBe(table(['variable', 'default', 'meaning'], ...rows));
});

/** A flow that has counted something for every reason; only what the metrics read. */
function busyFlow(): Flow {
  const counters = { ...emptyCounters(), withheld: { any: 1 }, dropped: { any: 1 } };
  return {
    ledger: { own: () => ({ counters }), streams: [] },
    ...{ spool: {}, ring: {}, intake: {}, indexLine: {}, shipLine: {}, refinery: {} },
  } as unknown as Flow;
}

/** Guard and export as they are, with one value of each metric whether they counted anything or not. */
function otherSamples(): Sample[] {
  const [clock, log] = [systemClock(), silentLogger()];
  const guard = new Guard({ share: 1, clock, log });
  const otlp = new OtlpExport({
    url: 'http://c',
    headers: undefined,
    signals: 'both',
    rules: null,
    clock,
    log,
  });
  const labels: Record<string, Record<string, string>> = {
    echoplane_forwarder_guard_alarms_total: { rule: 'any' },
    echoplane_forwarder_otlp_dropped_total: { signal: 'logs', reason: 'any' },
    echoplane_forwarder_otlp_withheld_total: { reason: 'any' },
  };
  return [...guard.samples(), ...otlp.samples()].map((sample) =>
    sample.values.length > 0 ? sample : { ...sample, values: [{ labels: labels[sample.name]!, value: 1 }] },
  );
}

test('the page has every metric with its type, labels and meaning', async () => {
  const count = { rule: 'any', action: 'drop', dryRun: false, matched: 1, withheld: 1, failed: 0 };
  const rules = { current: { ruleSet: { counts: () => [count] } } } as unknown as RulesSource;
  const rows = [...samplesOf(busyFlow(), rules), ...otherSamples()].map(({ name, type, values, help }) => {
    const labels = Object.keys(values[0]?.labels ?? {}).map((label) => `\`${label}\``);
    return [`\`${name}\``, type, labels.join(', '), help];
  });
  expect(await tableOf(PAGE, 'metrics')).toBe(table(['name', 'type', 'labels', 'meaning'], ...rows));
});

test('the page has every key of the redaction rules with its default', async () => {
  const defaults: Record<string, unknown> = RedactionRules.parse({});
  const page = await tableOf(PAGE, 'redaction');
  const listed = [...page.matchAll(/^\| `([a-zA-Z]+)` \| (\S+) \|/gm)].map(([, name, value]) => [
    name,
    value,
  ]);
  const expected = Object.entries(defaults).map(([name, value]) => [
    name,
    Array.isArray(value) ? 'none' : `\`${value}\``,
  ]);
  expect(listed).toEqual(expected);
});
