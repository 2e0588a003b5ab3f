// biome-ignore-all lint/suspicious/noTemplateCurlyInString: embedded values are written so.
// The command on files as people have them.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TransformPreviewOptions, transformList, transformPreview } from './transform.ts';

const TS = Date.UTC(2026, 2, 1, 11) * 1e3;
const PAIR = {
  ...{
    v: 1,
    id: '01900000-0000-7000-8000-000000000001',
    ts: TS,
    durationUs: 1,
    ttfbUs: 1,
    direction: 'IN',
    protocol: 'http/1.1',
  },
  source: {
    cluster: 'c',
    namespace: 'n',
    workload: { kind: 'Deployment', name: 'w' },
    pod: 'p',
    container: 'x',
  },
  client: { ip: '10.0.0.1', port: 1, host: null },
  server: { ip: '10.0.0.2', port: 80, host: null },
  ...{ tls: null, connection: { id: 'k', seq: 0 }, session: null, error: null, tags: {}, redactions: [] },
  request: {
    method: 'POST',
    url: 'http://h/login',
    headers: [],
    body: { size: 47, encoding: 'identity', json: { password: 'rdx_abcdefgh', at: '2026-03-01T11:00:00Z' } },
  },
  response: { status: 200, headers: [], body: { size: 0, encoding: 'identity' } },
};
const chain = (id: string, functions: object[], more: object = {}) => ({
  id,
  at: 'generator-request',
  extract: { name: 'body' },
  functions,
  ...more,
});
const DOCUMENT = {
  v: 1,
  chains: [
    chain('pw', [
      { name: 'json', path: 'password' },
      { name: 'constant', value: '${{secret:login/password}}' },
    ]),
    chain('at', [{ name: 'json', path: 'at' }, { name: 'date' }]),
    chain('none', [{ name: 'json', path: 'none' }]),
  ],
};

let folder: string;
const file = (name: string) => join(folder, name);
const put = (name: string, value: unknown) =>
  writeFile(file(name), typeof value === 'string' ? value : JSON.stringify(value));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'transform-'));
  await mkdir(join(folder, 'secrets', 'login'), { recursive: true });
  await put('secrets/login/password', 'open-sesame\n');
  await put('pairs.jsonl', `${JSON.stringify(PAIR)}\n${JSON.stringify(PAIR)}\n`);
  await put('chain.json', DOCUMENT);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function previewed(more: Partial<TransformPreviewOptions> = {}) {
  const lines: string[] = [];
  const options = {
    pair: file('pairs.jsonl'),
    chain: file('chain.json'),
    parameters: {},
    secrets: file('secrets'),
    data: {},
    seed: 1,
    json: false,
    ...more,
  };
  const code = await transformPreview(options, {}, { nowUs: () => TS + 3.6e9 }, (line) => lines.push(line));
  return { code, lines };
}

test('the preview shows what changes, and secrets by name', async () => {
  const { code, lines } = await previewed();
  expect(code).toBe(0);
  expect(lines).toEqual([
    'generator-request: 2 chains applied, 1 found nothing',
    '  request.body.password  (pw)',
    '    - rdx_abcdefgh',
    '    + ${{secret:login/password}}',
    '  request.body.at  (at)',
    '    - 2026-03-01T11:00:00Z',
    '    + 2026-03-01T12:00:00Z',
    '  · none found nothing to work on',
    'generator-response: 0 chains applied, 0 found nothing',
  ]);
});

test('a strict chain that finds nothing is told, and is a failure', async () => {
  await put('strict.json', {
    v: 1,
    chains: [chain('none', [{ name: 'json', path: 'none' }], { strict: true })],
  });
  const { code, lines } = await previewed({ chain: file('strict.json') });
  expect(code).toBe(1);
  expect(lines).toContain('  ✗ none: there is nothing at none');
});

test('a template is filled in', async () => {
  await put('template.json', {
    name: 't',
    parameters: [{ name: 'to' }],
    document: { v: 1, chains: [chain('c', [{ name: 'constant', value: '${{param:to}}' }])] },
  });
  expect((await previewed({ chain: file('template.json'), parameters: { to: 'x' } })).lines).toContain(
    '    + x',
  );
  await expect(previewed({ chain: file('template.json') })).rejects.toThrow(/wants a value for parameter to/);
});

test('a secret whose name leads out of the folder is none', async () => {
  await put('outside', 'outside');
  await put('escape.json', {
    v: 1,
    chains: [chain('c', [{ name: 'constant', value: '${{secret:../outside}}' }], { strict: true })],
  });
  const { lines } = await previewed({ chain: file('escape.json') });
  expect(lines.some((line) => line.includes('has no value'))).toBe(true);
});

test.each([
  ['a pair that is not there', { pair: '/none' }, /\/none cannot be read/],
  ['a file without a pair', { pair: 'chain.json' }, /holds no RRPair/],
  ['transforms that are none', { chain: 'pairs.jsonl' }, /is not JSON/],
])('%s is said to be wrong', async (_, options, message) => {
  const paths = Object.fromEntries(
    Object.entries(options).map(([key, name]) => [key, name.startsWith('/') ? name : file(name)]),
  );
  await expect(previewed(paths)).rejects.toThrow(message);
});

test('the list has every extractor and function with its configuration', () => {
  const lines: string[] = [];
  transformList((line) => lines.push(line));
  expect(lines).toContainEqual(expect.stringMatching(/^ {2}jwt-resign +Signs a JSON Web Token again/));
  expect(lines).toContainEqual(expect.stringMatching(/^ {2}multipart +The content of a part/));
});
