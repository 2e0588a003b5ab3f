// docs/kubernetes.md, docs/traffic-replay.md and docs/operator.md repeat settings, fields, names, rights, metrics and reasons
// of the code: what is no longer true is printed as it should be.
import { ClusterCommandBody } from '@echoplane/api';
import {
  CONDITIONS,
  GROUP,
  NAMESPACE_CA_SECRET,
  PORTS,
  SECRETS,
  SETTING_NAMES,
  TrafficReplaySpec,
  TrafficReplayStatus,
  VERDICTS,
} from '@echoplane/resources';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { collectorConfig } from '../packages/collector/src/config.ts';
import { inspectorConfig } from '../packages/inspector/src/config.ts';
import { operatorConfig } from '../packages/operator/src/config.ts';
import { operatorSamples } from '../packages/operator/src/operator-metrics.ts';
import { STAGES } from '../packages/operator/src/replay/stages.ts';
import { uninstallConfig } from '../packages/operator/src/uninstall.ts';
import { webhookConfigurations } from '../packages/operator/src/webhooks/webhook-configurations.ts';
import { AdmissionMeasure } from '../packages/operator/src/webhooks/webhook-server.ts';
import {
  annotationRows,
  fieldRows,
  metricRows,
  reasonsIn,
  rightsRows,
  settingRows,
  sourceOf,
} from './kubernetes-reference.ts';
import { table, tableOf } from './reference-table.ts';

const page = (name: string) => new URL(`../docs/${name}.md`, import.meta.url);
const KUBERNETES = page('kubernetes');
const REPLAY = page('traffic-replay');
const OPERATOR = page('operator');
const SETTINGS_HEAD = ['variable', 'default', 'meaning'];

/** The first cells of each row of a table, without the head. */
async function firstCells(of: URL, name: string, count = 1): Promise<string[][]> {
  const [, , ...rows] = (await tableOf(of, name)).trim().split('\n');
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, count + 1)
      .map((cell) => cell.trim()),
  );
}

/** What stands in backticks. */
const words = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
const wordsOf = async (of: URL, name: string) =>
  (await firstCells(of, name)).flatMap(([cell]) => words(cell!));
const sorted = (of: Iterable<unknown>) => [...of].map(String).sort();

describe('docs/kubernetes.md', () => {
  test('has every setting of a workload with what is allowed, its default and meaning', async () => {
    const head = ['annotation `sidecar.echoplane.dev/…`', 'values', 'default', 'meaning'];
    expect(SETTING_NAMES.length).toBeGreaterThan(30);
    expect(await tableOf(KUBERNETES, 'annotations')).toBe(table(head, ...annotationRows()));
  });

  test('has every right that the chart gives, and to whom', async () => {
    expect(await firstCells(KUBERNETES, 'rights', 4)).toEqual(rightsRows());
  });

  test('says what each right is for', async () => {
    for (const cells of await firstCells(KUBERNETES, 'rights', 5))
      expect(cells[4], cells.join(' ')).not.toBe('');
  });

  test('has every Secret', async () => {
    const names = [...Object.values(SECRETS), NAMESPACE_CA_SECRET];
    expect(sorted(await wordsOf(KUBERNETES, 'secrets'))).toEqual(sorted(names));
  });

  test('has every port', async () => {
    expect(sorted(await wordsOf(KUBERNETES, 'ports'))).toEqual(sorted(Object.values(PORTS)));
  });

  test('has every webhook', async () => {
    const target = { installNamespace: 'echoplane', roots: '', namespaces: [] };
    const { mutating, validating } = webhookConfigurations(target);
    const names = [mutating, validating].flatMap(({ webhooks }) =>
      webhooks.map(({ name }: { name: string }) => name),
    );
    expect(names[0]).toContain(GROUP);
    expect(sorted(await wordsOf(KUBERNETES, 'webhooks'))).toEqual(sorted(names));
  });
});

describe('docs/traffic-replay.md', () => {
  test('has every field of the spec with its default', async () => {
    expect(await firstCells(REPLAY, 'spec', 2)).toEqual(fieldRows(TrafficReplaySpec));
  });

  test('has every field of the status', async () => {
    const text = await tableOf(REPLAY, 'status');
    const named = new Set(words(text));
    expect(Object.keys(TrafficReplayStatus.shape).filter((field) => !named.has(field))).toEqual([]);
  });

  test('has every condition and every verdict', async () => {
    expect(await wordsOf(REPLAY, 'conditions')).toEqual([...CONDITIONS]);
    expect(await wordsOf(REPLAY, 'verdicts')).toEqual([...VERDICTS]);
  });

  test('has every stage with its phase and condition', async () => {
    const stages = STAGES.map(({ name, phase, condition }) => [
      `\`${name}\``,
      `\`${phase}\``,
      condition ? `\`${condition.type}\`` : '',
    ]);
    expect(await firstCells(REPLAY, 'stages', 3)).toEqual(stages);
  });
});

describe('docs/operator.md', () => {
  test.each<[string, z.ZodObject]>([
    ['operator', operatorConfig],
    ['uninstall', uninstallConfig],
    ['inspector', inspectorConfig],
    ['collector', collectorConfig],
  ])('has every setting of %s with its default and meaning', async (name, config) => {
    expect(await tableOf(OPERATOR, name)).toBe(table(SETTINGS_HEAD, ...settingRows(config)));
  });

  test('has every metric of the operator with its type, label and meaning', async () => {
    const any = new Map([['any', 1]]);
    const admissions = new AdmissionMeasure();
    admissions.count('/pods', 'changed', 1);
    const samples = operatorSamples({
      ...{ admissions, gaps: any, expiry: any, errors: any },
      ...{ queues: any as never, troubles: any as never },
      silent: new Set(['any']),
      ...{ isLeader: true, upgradeAvailable: null, nowS: 0 },
    });
    const rows = metricRows(samples);
    expect(await tableOf(OPERATOR, 'metrics')).toBe(table(['name', 'type', 'label', 'meaning'], ...rows));
  });

  test('has every metric of inspector and collector, and no others', async () => {
    const text = await tableOf(OPERATOR, 'other metrics');
    const inspector = sourceOf('inspector').matchAll(/'(echoplane_inspector_\w+)'/g);
    const collector = [
      ...sourceOf('collector').matchAll(/\bone\('(\w+)'/g),
      ...sourceOf('collector').matchAll(/'echoplane_collector_(\w+)'/g),
    ];
    const names = [
      ...[...inspector].map(([, name]) => name!),
      ...collector.map(([, name]) => `echoplane_collector_${name}`),
    ];
    expect(names.length).toBeGreaterThan(4);
    expect(sorted(words(text).filter((word) => word.startsWith('echoplane_')))).toEqual(
      sorted(new Set(names)),
    );
  });

  test('has every command of the inspector', async () => {
    const kinds = ClusterCommandBody.options.map(({ shape }) => shape.kind.value);
    expect(await wordsOf(OPERATOR, 'commands')).toEqual(kinds);
  });
});

test('every reason of an Event or condition is on one of the pages, and every one there is in the code', async () => {
  const code = reasonsIn(['operator', 'injection', 'inspector'].map(sourceOf).join('\n'));
  const pages = await Promise.all([
    wordsOf(REPLAY, 'guards'),
    wordsOf(REPLAY, 'reasons'),
    wordsOf(OPERATOR, 'events'),
  ]);
  expect(code.size).toBeGreaterThan(60);
  expect(sorted(new Set(pages.flat()))).toEqual(sorted(code));
});
