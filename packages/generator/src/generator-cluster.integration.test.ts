// A generator as one of several in a cluster: its artifacts fetched, its share of the sessions, the start it shares, and the
// summary its pod leaves.
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { GeneratorRun, storeBody, type Test } from '@echoplane/traffic';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ProgramStage, type Receiver, until } from '../../../test/program-stage.ts';
import { jsonAnswer, voidButForPace } from './generator-stage.ts';

let stage: ProgramStage;
let receiver: Receiver;
let target: { port: number; paths: string[]; firstAtMs: number };
beforeEach(async () => {
  stage = await ProgramStage.open();
  receiver = await stage.receiver();
  const seen = { port: 0, paths: [] as string[], firstAtMs: 0 };
  const server = createServer((request, response) => {
    seen.firstAtMs ||= Date.now();
    seen.paths.push(request.url!);
    response.end('{}');
  });
  target = Object.assign(seen, { port: await stage.serve(server) });
});
afterEach(() => stage.close());

test('two shards with fetched artifacts begin at the common start and send every test once', async () => {
  const tests = ['a', 'b', 'c', 'd'].flatMap((session) => [newTest(session, 0), newTest(session, 1)]);
  let startAt: string | null = null;
  const asked = [0, 0];
  const operator = await serveOperator((request, response) => {
    if (request.headers.authorization !== 'Bearer the-token') return response.writeHead(401).end();
    if (request.url === '/replays/r/artifacts/tests.jsonl') return response.end(linesOf(tests));
    if (request.url === '/replays/r/artifacts/tokens.json') return response.end('[]');
    if (!request.url!.startsWith('/replays/r/start?index=')) return response.writeHead(404).end();
    const index = Number(request.url!.slice(-1));
    if (startAt === null) return response.writeHead(asked[index]!++ % 2 ? 404 : 204).end();
    return response.end(JSON.stringify({ startAt }));
  });
  const programs = [0, 1].map((index) =>
    start({
      ...{ ECHOPLANE_ARTIFACTS_URL: `${operator.url}/replays/r/artifacts`, ...operator.access },
      ...{ ECHOPLANE_ARTIFACTS_FOLDER: `${stage.folder}/artifacts-${index}`, ECHOPLANE_SHARD: `${index}/2` },
      ...{ ECHOPLANE_START_URL: `${operator.url}/replays/r/start?index=${index}` },
      ECHOPLANE_RESULT_FILE: `${stage.folder}/run-${index}.json`,
    }),
  );
  // Each of them: one that is still starting would come after the start that the other one waits for.
  await until(() => Math.min(...asked) >= 2);
  expect(target.paths).toEqual([]);
  const startMs = Date.now() + 3_000;
  startAt = `${new Date(startMs).toISOString().slice(0, -1)}250Z`;
  for (const program of programs) expect((await program.ended).code).toBe(0);
  expect(target.firstAtMs).toBeGreaterThanOrEqual(startMs);
  expect([...target.paths].sort()).toEqual(tests.map(({ request }) => request.target).sort());
  const runs = await Promise.all([0, 1].map((index) => summary(`run-${index}.json`)));
  for (const run of runs) {
    expect(run).toMatchObject({ testsPlanned: 4, sent: 4, resultsDelivered: 4 });
    // Nor is it asked whether the machine let it begin in time; the next test asks what is said when it did not.
    const reasons = voidButForPace(run);
    expect(reasons.filter((reason) => !/^the generator began \d+ ms after/.test(reason))).toEqual([]);
    expect(run.startedAt).toBeGreaterThanOrEqual(startMs * 1000 + 250);
  }
});

test('a start that never comes is one sentence, and a late one voids the run', async () => {
  const file = await stage.file('tests.jsonl', linesOf([newTest('a', 0)]));
  let startAt = '';
  const operator = await serveOperator((_, response) =>
    startAt ? response.end(JSON.stringify({ startAt })) : response.writeHead(403).end(),
  );
  const env = { ...(await filesEnv(file)), ...operator.access, ECHOPLANE_START_URL: `${operator.url}/start` };
  const never = await start({ ...env, ECHOPLANE_START_DEADLINE_MS: '300' }).ended;
  expect(never).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^No common start was told by .*the answer was 403/),
  });
  startAt = new Date(Date.now() - 60_000).toISOString();
  expect((await start(env).ended).code).toBe(0);
  expect(voidButForPace(await summary('run.json'))).toEqual([
    expect.stringMatching(/began \d+ ms after the common start/),
  ]);
});

test('SIGTERM while the start is awaited, or the artifacts, leaves a void summary and exit code 0', async () => {
  let asked = 0;
  const operator = await serveOperator((request, response) => {
    asked++;
    response.writeHead(request.url === '/start' ? 204 : 503).end();
  });
  const waits = [
    {
      ...(await filesEnv(await stage.file('tests.jsonl', linesOf([newTest('a', 0)])))),
      ECHOPLANE_START_URL: `${operator.url}/start`,
    },
    { ECHOPLANE_ARTIFACTS_URL: operator.url, ECHOPLANE_ARTIFACTS_FOLDER: `${stage.folder}/artifacts` },
  ];
  for (const env of waits) {
    asked = 0;
    const program = start({ ...operator.access, ...env, ECHOPLANE_RESULT_FILE: `${stage.folder}/run.json` });
    await until(() => asked > 0);
    program.child.kill('SIGTERM');
    const { code, stderr } = await program.ended;
    expect([code, stderr]).toEqual([0, '']);
    const run = await summary('run.json');
    expect(run.sent).toBe(0);
    expect(voidButForPace(run)).toEqual([expect.stringContaining('the run was cancelled')]);
  }
  expect(target.paths).toEqual([]);
});

test('a rehearsal waits for no pause of a transform', async () => {
  let asked = 0;
  const operator = await serveOperator((_, response) => {
    asked++;
    response.writeHead(204).end();
  });
  const extract = { name: 'method' };
  const functions = [{ name: 'sleep', for: '1h' }];
  const chains = [{ id: 'pause', at: 'generator-request', extract, functions }];
  const lines = linesOf([{ ...newTest('a', 0), response: jsonAnswer({}) }]);
  const program = start({
    ...{ ...(await filesEnv(await stage.file('tests.jsonl', lines))), ...operator.access },
    ECHOPLANE_TRANSFORMS_FILE: await stage.file('transforms.json', JSON.stringify({ v: 1, chains })),
    ECHOPLANE_LOAD: JSON.stringify({ stages: [{ rps: 10, durationS: 600, rampS: 0 }] }),
    ECHOPLANE_START_URL: `${operator.url}/start`,
  });
  await until(() => asked > 0);
  program.child.kill('SIGTERM');
  expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
  expect(target.paths).toEqual([]);
});

test('slices and a service pick tests; a snapshot that knows no services is said', async () => {
  const tests = [
    newTest('a', 0, { host: 'shop.test:8080', service: 'eu/prod/shop' }),
    newTest('a', 1, { host: 'admin.test', service: 'eu/prod/shop' }),
    newTest('b', 0, { host: 'shop.test:8080', service: 'eu/prod/pay' }),
  ];
  const env = await filesEnv(await stage.file('tests.jsonl', linesOf(tests)));
  expect(
    (await start({ ...env, ECHOPLANE_TESTS: 'shop.test:8080,x:*', ECHOPLANE_SERVICE: 'prod/shop' }).ended)
      .code,
  ).toBe(0);
  expect(target.paths).toEqual(['/a/0']);
  const old = await stage.file('old.jsonl', linesOf([newTest('a', 0)]));
  const refused = await start({ ...env, ECHOPLANE_TESTS_FILE: old, ECHOPLANE_SERVICE: 'shop' }).ended;
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('does not say which service') });
});

test('a summary is left where a file cannot be replaced, as a pod’s termination log', async () => {
  const env = await filesEnv(await stage.file('tests.jsonl', linesOf([newTest('a', 0)])));
  const log = await stage.file('termination-log', '');
  // Not the file itself: a name that cannot have siblings.
  const { code } = await start({ ...env, ECHOPLANE_RESULT_FILE: `/proc/self/fd/9` }, log).ended;
  expect(code).toBe(0);
  expect(GeneratorRun.parse(JSON.parse(await readFile(log, 'utf8'))).sent).toBe(1);
});

test.each([
  ['ECHOPLANE_SHARD', '2/2', /ECHOPLANE_SHARD is not valid \(2\/2 is not index\/count/],
  ['ECHOPLANE_TESTS', 'shop', /ECHOPLANE_TESTS is not valid \(shop is neither \* nor host:port\)/],
  ['ECHOPLANE_ARTIFACTS_URL', 'https://operator:9444/a', /ECHOPLANE_ARTIFACTS_FOLDER is missing/],
  ['ECHOPLANE_TESTS', '*', /ECHOPLANE_TESTS_FILE is missing/],
])('%s=%s is refused where it cannot be meant', async (name, value, sentence) => {
  const { code, stderr } = await start({ [name]: value }).ended;
  expect(code).toBe(64);
  expect(stderr).toMatch(sentence);
});

async function filesEnv(testsFile: string): Promise<Record<string, string>> {
  return {
    ...{ ECHOPLANE_TESTS_FILE: testsFile, ECHOPLANE_TOKENS_FILE: await stage.file('tokens.json', '[]') },
    ECHOPLANE_RESULT_FILE: `${stage.folder}/run.json`,
  };
}

function start(env: Record<string, string>, log?: string) {
  const all = {
    ...{ ECHOPLANE_TARGET_URL: `http://localhost:${target.port}`, ECHOPLANE_WORKLOAD: 'shop' },
    ...{ ECHOPLANE_REPLAY_ID: '019c0000-0000-7000-8000-00000000000f' },
    ...{ ECHOPLANE_FORWARDER_PORT: String(receiver.port), ...env },
  };
  if (log === undefined) return stage.start('generator', all);
  const main = new URL('./main.ts', import.meta.url).pathname;
  return stage.run('bash', ['-c', `exec "$0" "$1" 9>"$2"`, process.execPath, main, log], all);
}

async function serveOperator(answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const { certPem, keyPem } = await createAuthority({ commonName: 'Test authority', days: 1 });
  const leaf = await (await loadAuthority(certPem, keyPem)).leaf('localhost');
  const server = createTlsServer({ cert: leaf.certPem, key: leaf.keyPem }, answer);
  const access = {
    ECHOPLANE_POD_CA_FILE: await stage.file('operator-ca.crt', certPem),
    ECHOPLANE_POD_TOKEN_FILE: await stage.file('token', 'the-token\n'),
  };
  return { url: `https://localhost:${await stage.serve(server)}`, access };
}

async function summary(name: string): Promise<GeneratorRun> {
  const text = await readFile(`${stage.folder}/${name}`, 'utf8');
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_000);
  return GeneratorRun.parse(JSON.parse(text));
}

const linesOf = (tests: Test[]) => tests.map((line) => `${JSON.stringify(line)}\n`).join('');

let ids = 0;
function newTest(session: string, order: number, { host = 'shop.test', service = '' } = {}): Test {
  return {
    ...{ id: `019c0000-0000-7000-8000-${String(ids++).padStart(12, '0')}`, session, order, offsetUs: order },
    ...{ endpoint: '/', headless: false, durationUs: 0, consumes: [], produces: [], volatile: [] },
    ...(service ? { service } : {}),
    request: {
      ...{ method: 'GET', target: `/${session}/${order}`, headers: [['Host', host]] },
      body: storeBody(Buffer.alloc(0), ''),
    },
    response: { status: 200, headers: [], body: storeBody(Buffer.from('{}'), '') },
  };
}
