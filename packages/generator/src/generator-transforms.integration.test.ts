// Transforms at the generator, and answers compared as the recording was redacted.
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { defaultRules, Redactor } from '@echoplane/rules';
import { type HeaderList, type RRPair, settleBody, storeBody, TAG, type Test } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GeneratorStage, jsonAnswer, newTest } from './generator-stage.ts';

let stage: GeneratorStage;
beforeEach(async () => {
  stage = await GeneratorStage.open();
});
afterEach(() => stage.close());

async function serve(answer: (request: IncomingMessage) => unknown): Promise<number> {
  const server = createServer((request, response) => {
    const text = JSON.stringify(answer(request));
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      .end(text);
  });
  return stage.programs.serve(server);
}

const embedded = (name: string) => `$\{{${name}}}`;

test('requests carry secrets, rows of a data set and variables, each virtual user its own', async () => {
  const seen: string[] = [];
  const port = await serve(({ headers, url }) => {
    seen.push(
      `${headers.authorization} ${headers['x-name']} ${new URL(url!, 'http://x').searchParams.get('user')}`,
    );
    return {};
  });
  const { folder } = stage.programs;
  await mkdir(`${folder}/secrets/shop`, { recursive: true });
  await writeFile(`${folder}/secrets/shop/key`, 's3cret\n');
  await stage.programs.file('people.csv', 'name\nann\nbob\n');
  const request = { at: 'generator-request' };
  const header = (name: string) => ({ name: 'header', header: name, create: true });
  const constant = (value: string) => [{ name: 'constant', value }];
  const chains = [
    {
      ...request,
      id: 'key',
      extract: header('authorization'),
      functions: constant(embedded('secret:shop/key')),
    },
    { ...request, id: 'name', extract: header('x-name'), functions: constant(embedded('var:name')) },
    {
      ...request,
      id: 'user',
      extract: { name: 'query', parameter: 'user', create: true },
      functions: constant(embedded('var:user')),
    },
  ];
  const column = { name: 'csv-column', data: 'people', column: 'name' };
  const variables = [{ name: 'name', at: 'start', functions: [column] }];
  const transforms = await stage.programs.file(
    'transforms.json',
    JSON.stringify({ v: 1, chains, variables }),
  );
  const tests = ['a', 'b'].map((session) => newTest(session, { target: '/' }));
  await stage.replay(port, tests, {
    load: { order: 'sessions', users: 2 },
    env: {
      ECHOPLANE_TRANSFORMS_FILE: transforms,
      ECHOPLANE_SECRETS_DIR: `${folder}/secrets`,
      ECHOPLANE_DATA_DIR: folder,
    },
  });
  expect(seen.sort()).toEqual(['s3cret ann 0', 's3cret bob 1']);
});

test('a digest of the body is that of the body a transform has made', async () => {
  const seen: unknown[] = [];
  const port = await serve((request) => {
    request.setEncoding('utf8').once('data', (text) => seen.push([text, request.headers['content-md5']]));
    return {};
  });
  const md5 = (text: string) => createHash('md5').update(text).digest('base64');
  const functions = [
    { name: 'json', path: 'name' },
    { name: 'constant', value: 'new' },
  ];
  const chain = {
    id: 'name',
    at: 'generator-request',
    extract: { name: 'body' },
    functions,
  };
  const transforms = await stage.programs.file('transforms.json', JSON.stringify({ v: 1, chains: [chain] }));
  const recorded = Buffer.from('{"name":"old"}');
  const headers: HeaderList = [
    ['content-type', 'application/json'],
    ['content-md5', md5(recorded.toString())],
  ];
  const body = storeBody(recorded, '');
  await stage.replay(port, [newTest('a', { method: 'POST', target: '/', headers, body })], {
    env: { ECHOPLANE_TRANSFORMS_FILE: transforms },
  });
  expect(seen).toEqual([['{"name":"new"}', md5('{"name":"new"}')]]);
});

test('an answer is changed before it is compared, and a strict chain that finds nothing keeps its test back', async () => {
  const port = await serve(() => ({ total: 7, noise: randomBytes(4).toString('hex') }));
  const chains = [
    {
      id: 'quiet',
      at: 'generator-response',
      extract: { name: 'body' },
      functions: [{ name: 'json-delete', path: '$.noise' }],
    },
    {
      id: 'needed',
      at: 'generator-request',
      strict: true,
      when: 'path == "/2"',
      extract: { name: 'header', header: 'x-none' },
      functions: [{ name: 'constant', value: 'x' }],
    },
  ];
  const transforms = await stage.programs.file('transforms.json', JSON.stringify({ v: 1, chains }));
  const of = (n: number) =>
    newTest('a', { target: `/${n}` }, { order: n, offsetUs: n, response: jsonAnswer({ total: 7 }) });
  const run = await stage.replay(port, [of(1), of(2)], { env: { ECHOPLANE_TRANSFORMS_FILE: transforms } });
  expect(run).toMatchObject({
    sent: 1,
    chains: { quiet: { found: 1, missed: 0 }, needed: { found: 0, missed: 1 } },
    notSent: { 'transform-failed': 1 },
    asserted: { passed: 1, failed: 0 },
  });
});

test('a strict chain that finds nothing in an answer fails its test, and the result says why', async () => {
  const port = await serve(() => ({ total: 7 }));
  const extract = { name: 'header', header: 'x-none' };
  const functions = [{ name: 'var-store', variable: 'none' }];
  const chain = { id: 'seen', at: 'generator-response', strict: true, extract, functions };
  const path = await stage.programs.file('transforms.json', JSON.stringify({ v: 1, chains: [chain] }));
  const test = newTest('a', { target: '/' }, { response: jsonAnswer({ total: 7 }) });
  const run = await stage.replay(port, [test], { env: { ECHOPLANE_TRANSFORMS_FILE: path } });
  expect(run.asserted).toMatchObject({ passed: 0, failed: 1 });
  expect(stage.receiver.pairs[0]?.tags).toMatchObject({
    [TAG.verdict]: 'failed',
    [TAG.transform]: expect.stringMatching(/^seen: /),
  });
});

test('what a data set puts in place of recorded values is expected in answers', async () => {
  const port = await serve(({ url }) => ({ name: url!.slice(1) }));
  const { folder } = stage.programs;
  await stage.programs.file('names.csv', 'was,is\nann,bob\n');
  const replace = { name: 'smart-replace-csv', data: 'names', existing: 'was', new: 'is' };
  const chain = { id: 'names', at: 'generator-request', extract: { name: 'url' }, functions: [replace] };
  const path = await stage.programs.file('transforms.json', JSON.stringify({ v: 1, chains: [chain] }));
  const test = newTest('a', { target: '/ann' }, { response: jsonAnswer({ name: 'ann' }) });
  const env = { ECHOPLANE_TRANSFORMS_FILE: path, ECHOPLANE_DATA_DIR: folder };
  expect((await stage.replay(port, [test], { env })).asserted).toMatchObject({ passed: 1, failed: 0 });
});

test('a chain that would send requests elsewhere is refused before anything is sent', async () => {
  const port = await serve(() => ({}));
  const functions = [{ name: 'constant', value: 'other.example' }];
  const chain = { id: 'away', at: 'generator-request', extract: { name: 'host' }, functions };
  const path = await stage.programs.file('transforms.json', JSON.stringify({ v: 1, chains: [chain] }));
  const env = { ECHOPLANE_TRANSFORMS_FILE: path };
  const { code, stderr } = await (await stage.start(port, [newTest('a', {})], { env })).ended;
  expect([code, stderr]).toEqual([1, expect.stringMatching(/chain away changes the host of requests/)]);
});

test('data sets that are missing or lack a column are named before anything is sent', async () => {
  const port = await serve(() => ({}));
  const { folder } = stage.programs;
  await stage.programs.file('users.csv', 'name\nann\n');
  const draw = (data: string) => [{ name: 'csv-column', data, column: 'mail' }];
  const variables = [
    { name: 'user', functions: draw('users') },
    { name: 'city', functions: draw('cities') },
  ];
  const path = await stage.programs.file('transforms.json', JSON.stringify({ v: 1, variables }));
  const env = { ECHOPLANE_TRANSFORMS_FILE: path, ECHOPLANE_DATA_DIR: folder };
  const { code, stderr } = await (await stage.start(port, [newTest('a', {})], { env })).ended;
  expect(code).toBe(1);
  expect(stderr).toContain('data set users has no column mail; it has name; there is no data set cities');
});

test('transforms that cannot be used are one sentence before anything is sent', async () => {
  const port = await serve(() => ({}));
  const path = await stage.programs.file('transforms.json', '{"v":1,"chains":[{"id":"x"}]}');
  const env = { ECHOPLANE_TRANSFORMS_FILE: path };
  const { code, stderr } = await (await stage.start(port, [newTest('a', {})], { env })).ended;
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/transforms\.json holds no transforms .*chains\[0\]/s),
  ]);
});

test('a redacted recording is compared in its own space: the same person passes, another one fails', async () => {
  const key = randomBytes(32);
  const keyFile = await stage.programs.file('redaction.key', key.toString('base64'));
  await chmod(keyFile, 0o600);
  let email = 'ann@shop.example';
  const port = await serve(() => ({ email, n: 1 }));
  const recorded = redacted(newTest('a', {}, { response: jsonAnswer({ email, n: 1 }) }), key);
  expect(JSON.stringify(recorded)).not.toContain('ann@shop');
  const env = { ECHOPLANE_REDACTION_KEY_FILE: keyFile };
  expect((await stage.replay(port, [recorded], { env })).asserted).toMatchObject({ passed: 1, failed: 0 });
  expect((await stage.replay(port, [recorded])).asserted).toBeUndefined();
  email = 'bob@shop.example';
  expect((await stage.replay(port, [recorded], { env })).asserted).toMatchObject({ passed: 0, failed: 1 });
});

/** The test as it is made from a redacted pair. */
function redacted(test: Test, key: Uint8Array): Test {
  const redactor = new Redactor({ rules: defaultRules().redaction, version: 'v1', key });
  const nobody = { ip: '', port: 0, host: null };
  const headers: HeaderList = test.response.headers.map(([name, value]) => [name, value]);
  const text = JSON.stringify(test.response.body.json);
  const body = storeBody(Buffer.from(text), '', { deferJson: true });
  const pair: RRPair = {
    ...{ v: 1, id: test.id, ts: 0, durationUs: 0, ttfbUs: 0, direction: 'IN', protocol: 'http/1.1' },
    source: { cluster: 'c', namespace: 'n', workload: { kind: '', name: 'shop' }, pod: '', container: '' },
    ...{ client: nobody, server: nobody, tls: null, connection: { id: '', seq: 0 }, session: null },
    ...{
      request: null,
      response: { ...test.response, headers, body },
      error: null,
      tags: {},
      redactions: [],
    },
  };
  redactor.pair(pair);
  settleBody(pair.response!.body);
  return { ...test, response: pair.response! };
}
