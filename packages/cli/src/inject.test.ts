// Manifests as people write them, in and out again.
import { OperatingError } from '@echoplane/runtime';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { injectText, uninjectText } from './inject.ts';

const OPTIONS = { image: 'registry.example.com/echoplane:1.0.0', cluster: 'prod' };
const DEPLOYMENT = `# The shop.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop # as customers know it
spec:
  replicas: 2
  selector: { matchLabels: { app: shop } }
  template:
    metadata:
      labels: { app: shop }
    spec:
      containers:
        # The only one.
        - name: shop
          image: "shop:1" # pinned
          ports:
            - name: http
              containerPort: 8080
`;
const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: shop }
spec:
  ports: [{ port: 80, targetPort: http }]
`;

const kindsOf = (text: string) => parseAllDocuments(text).map((document) => document.toJS()?.kind ?? null);

test('what is not changed keeps its comments, and uninject gives the text back', () => {
  const { text, changed } = injectText(DEPLOYMENT, OPTIONS);
  expect(changed).toBe(1);
  for (const comment of ['# The shop.', '# as customers know it', '# The only one.', '"shop:1" # pinned'])
    expect(text).toContain(comment);
  expect(text).toContain('name: echoplane-sidecar');
  expect(uninjectText(text).text).toBe(DEPLOYMENT);
});

test('injecting twice is injecting once', () => {
  const { text } = injectText(DEPLOYMENT, OPTIONS);
  expect(injectText(text, OPTIONS)).toEqual({ text, notes: [], changed: 0 });
});

test('many documents stay apart, and those without pods stay as they are', () => {
  const manifest = `${SERVICE}---\n${DEPLOYMENT}---\n# nothing here\n---\n${SERVICE}`;
  const { text, changed } = injectText(manifest, OPTIONS);
  expect([changed, kindsOf(text)]).toEqual([1, ['Service', 'Deployment', null, 'Service']]);
  expect(text).toContain(SERVICE);
  expect(kindsOf(uninjectText(text).text)).toEqual(kindsOf(manifest));
  expect(injectText(SERVICE, OPTIONS)).toEqual({ text: SERVICE, notes: [], changed: 0 });
});

test('the items of a List are injected', () => {
  const indented = DEPLOYMENT.replace('# The shop.\n', '').trimEnd().replaceAll('\n', '\n    ');
  const list = `apiVersion: v1\nkind: List\nitems:\n  - ${indented}\n`;
  const { text, changed } = injectText(list, OPTIONS);
  expect(changed).toBe(1);
  expect(parseAllDocuments(uninjectText(text).text).map((one) => one.toJS())).toEqual(
    parseAllDocuments(list).map((one) => one.toJS()),
  );
});

test('the forwarder, the namespace of the installation and Pod Security can be named', () => {
  const { text, notes } = injectText(DEPLOYMENT, {
    ...OPTIONS,
    forwarder: 'forwarder.example.com:4999',
    podSecurity: 'restricted',
  });
  expect(text).toMatch(/ECHOPLANE_FORWARDER_HOST\n +value: forwarder\.example\.com/);
  expect(text).toMatch(/ECHOPLANE_MODE\n +value: dual/);
  expect(notes.join()).toContain('Deployment shop: Pod Security restricted');
});

test.each([
  ['what says inject: "false"', 'sidecar.echoplane.dev/inject', 'injection was not asked for'],
  ['what says hands off', 'operator.echoplane.dev/ignore', 'hands off'],
])('%s stays as it is, and that is said', (_, key, why) => {
  const value = key.endsWith('ignore') ? 'true' : 'false';
  const manifest = DEPLOYMENT.replace(
    'spec:\n  replicas',
    `  annotations:\n    ${key}: "${value}"\nspec:\n  replicas`,
  );
  const { text, notes } = injectText(manifest, OPTIONS);
  expect(text).toBe(manifest);
  expect(notes.join()).toContain(why);
});

test('bad settings are told with the field, the value and what is allowed', () => {
  const manifest = DEPLOYMENT.replace(
    'spec:\n  replicas',
    '  annotations: { sidecar.echoplane.dev/mode: sideways }\nspec:\n  replicas',
  );
  expect(injectText(manifest, OPTIONS).notes).toEqual([
    'Deployment shop: sidecar.echoplane.dev/mode is "sideways"; allowed: transparent, reverse, forward or dual.',
  ]);
});

test('what is no YAML, and what is no address, is said', () => {
  expect(() => injectText('a: [', OPTIONS)).toThrow(OperatingError);
  expect(() => injectText(DEPLOYMENT, { ...OPTIONS, forwarder: 'a:b:c' })).toThrow(
    /not the address of a forwarder/,
  );
});
