// The webhook configurations of the chart and those that an operator outside a cluster applies are the same, but for where
// the operator is reached and by which roots.
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { webhookConfigurations } from '../../packages/operator/src/webhooks/webhook-configurations.ts';
import { clientPrograms } from './binaries.ts';
import { run } from './processes.ts';

// biome-ignore lint/suspicious/noExplicitAny: raw JSON of any kind
type Raw = any;

const VALUES = ['clusterName=c', 'cloud.url=http://c.test', 'existingSecret=k', 'image.repository=r.test/e'];

async function ofChart(more: string[] = []): Promise<Record<string, Raw>> {
  const { helm } = await clientPrograms();
  const set = [...VALUES, ...more].flatMap((value) => ['--set', value]);
  const args = [
    'template',
    'echoplane',
    'charts/echoplane',
    '-n',
    'echoplane',
    '-s',
    'templates/webhooks.yaml',
    ...set,
  ];
  const objects = parseAllDocuments(await run(helm, args, { env: process.env })).map(
    (one) => one.toJS() as Raw,
  );
  return Object.fromEntries(objects.map((object) => [object.kind, namedWebhooks(object)]));
}
function namedWebhooks(object: Raw): Record<string, Raw> {
  return Object.fromEntries(
    object.webhooks.map(({ name, clientConfig, ...rest }: Raw) => [
      name,
      { path: clientConfig.service.path, ...normal(rest) },
    ]),
  );
}
/** Blanks in expressions mean nothing. */
function normal(webhook: Raw): Raw {
  const matchConditions = webhook.matchConditions?.map(({ name, expression }: Raw) => ({
    name,
    expression: expression.replace(/\s+/g, ''),
  }));
  return { ...webhook, ...(matchConditions ? { matchConditions } : {}) };
}

test.each([[[] as string[]], [['shop', 'stock']]])('for namespaces %j', async (namespaces) => {
  const chart = await ofChart(namespaces.map((name, index) => `namespaces[${index}]=${name}`));
  const { mutating, validating } = webhookConfigurations({
    installNamespace: 'echoplane',
    roots: '',
    namespaces,
  });
  expect(namedWebhooks(mutating)).toEqual(chart.MutatingWebhookConfiguration);
  expect(namedWebhooks(validating)).toEqual(chart.ValidatingWebhookConfiguration);
});
