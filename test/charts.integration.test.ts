// What of the charts is made of the code is checked in as it is made today; what is rendered by helm is tested in
// test/cluster/charts.cluster.test.ts.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IGNORE_KEY, INJECT_LABEL, RESOLVED_ANNOTATION, RUN_ANNOTATION } from '@echoplane/resources';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { generatedFiles } from '../deploy/charts.ts';
import manifest from '../package.json' with { type: 'json' };
import { TARGET_PORTS_ANNOTATION } from '../packages/operator/src/coverage/service-ports.ts';
import { STUCK_ANNOTATION } from '../packages/operator/src/coverage/template-change.ts';
import { validateReplay } from '../packages/operator/src/replay/admission.ts';
import { tableOf } from './reference-table.ts';

const ROOT = join(import.meta.dirname, '..');
const generated = await generatedFiles();

test.each([...generated.keys()])('%s is what deploy/charts.ts makes', async (path) => {
  expect(await readFile(join(ROOT, path), 'utf8')).toBe(generated.get(path));
});

test('the chart has no CRD that crds/ has not', async () => {
  const names = (await readdir(join(ROOT, 'charts/echoplane/files/crds'))).map(
    (name) => `charts/echoplane/files/crds/${name}`,
  );
  expect(names.filter((name) => !generated.has(name))).toEqual([]);
});

test.each(['echoplane', 'echoplane-cloud', 'echoplane-demo'])(
  '%s has the version of the product',
  async (chart) => {
    const text = await readFile(join(ROOT, 'charts', chart, 'Chart.yaml'), 'utf8');
    expect(text).toContain(`\nappVersion: ${manifest.version}\n`);
  },
);

test.each([
  'deploy/compose.yaml',
  'deploy/gitops/argo-cd.yaml',
  'deploy/gitops/flux.yaml',
  'deploy/ci/github-actions.yaml',
])('%s is YAML', async (path) => {
  const documents = parseAllDocuments(await readFile(join(ROOT, path), 'utf8'), { merge: true });
  expect([...documents].flatMap((document) => document.errors)).toEqual([]);
});

test('every metric that an alarm is about is one that a program has', async () => {
  const rules = await readFile(join(ROOT, 'charts/echoplane/templates/monitoring.yaml'), 'utf8');
  const asked = new Set(rules.match(/echoplane_\w+/g));
  // These tables are held to the code by tests of their own.
  const page = (name: string) => new URL(`../docs/${name}.md`, import.meta.url);
  const known = `${await tableOf(page('forwarder'), 'metrics')}${await tableOf(page('operator'), 'metrics')}`;
  expect(asked.size).toBeGreaterThan(3);
  expect([...asked].filter((name) => !known.includes(`\`${name}\``))).toEqual([]);
});

test('the replay of the pipeline is one that the operator takes', async () => {
  const text = await readFile(join(ROOT, 'deploy/ci/github-actions.yaml'), 'utf8');
  const steps: { name?: string; run: string }[] = parse(text).jobs.replay.steps;
  const [, object] = /<<END\n([\s\S]+?)\nEND\n/.exec(steps.find(({ name }) => name === 'Replay')!.run)!;
  const replay = parse(object!.replace(/\$(\w+|\{\{.+?\}\})/g, 'shop'));
  expect(validateReplay(replay, null)).toEqual([]);
});

test.each(['argo-cd', 'flux'])('%s ignores what is written onto captured applications', async (tool) => {
  const text = await readFile(join(ROOT, `deploy/gitops/${tool}.yaml`), 'utf8');
  const marks = [...text.matchAll(/(?:annotations|labels)\/([\w.~-]+)/g)].map(([, key]) => key!);
  const named = new Set(marks.map((key) => key.replace('~1', '/')));
  const template = [RESOLVED_ANNOTATION, INJECT_LABEL, RUN_ANNOTATION, IGNORE_KEY, STUCK_ANNOTATION];
  // Argo CD is told by the field manager as well, which is how it knows of ports.
  const all = tool === 'flux' ? [...template, TARGET_PORTS_ANNOTATION] : template;
  expect([...named].sort()).toEqual(all.sort());
});
