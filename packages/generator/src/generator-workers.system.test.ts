// A load in several worker threads: the same requests, counts and results as of one, and what only threads can get wrong.
import { readFile, truncate } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { GeneratorRun, type LoadPlan, type Test, type Token } from '@echoplane/traffic';
import { decodeFromCompressedBase64, initWebAssembly } from 'hdr-histogram-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GeneratorStage, jsonAnswer, newTest, REPLAY, voidButForPace } from './generator-stage.ts';

const TWO = { ECHOPLANE_WORKERS: '2' };
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

let stage: GeneratorStage;
let seen: { url: string; name: string; user: string; id: string; remotePort: number }[];
let port: number;
beforeEach(async () => {
  stage = await GeneratorStage.open();
  seen = [];
  const server = createServer((request: IncomingMessage, response) => {
    const { 'x-name': name, 'x-user': user, 'x-id': id } = request.headers;
    seen.push({
      ...{ url: request.url!, name: String(name), user: String(user), id: String(id) },
      remotePort: request.socket.remotePort!,
    });
    response.writeHead(200, { 'content-length': 2, 'content-type': 'application/json' }).end('{}');
  });
  port = await stage.programs.serve(server);
});
afterEach(() => stage.close());

/** Sessions of `size` tests each, `/session/order`. */
const sessions = (names: readonly string[], size: number, rest: Partial<Test> = {}) =>
  names.flatMap((name) =>
    Array.from({ length: size }, (_, order) =>
      newTest(
        name,
        { target: `/${name}/${order}` },
        { order, offsetUs: order * 1000, endpoint: '/{session}/{order}', ...rest },
      ),
    ),
  );

const newToken = (id: string): Token => ({
  ...{ id, kind: 'uuid', session: 'a', value: '6f1c2a53-95a1-4b5e-8d4e-0d5a63b1a111', enabled: true },
  ...{ producer: { test: REPLAY, path: 'body.id' }, consumers: [], evidence: 'made up' },
});

test('a rate is the same over two workers: its requests, its counts, its histograms, its results', async () => {
  const run = await stage.replay(port, sessions(NAMES, 2), {
    load: { stages: [{ rps: 75, durationS: 1, rampS: 0 }] },
    env: TWO,
  });
  expect(run).toMatchObject({ testsPlanned: 75, sent: 75, notSent: {}, resultsDelivered: 75 });
  expect(run.asserted).toEqual({ passed: 75, failed: 0, headless: 0 });
  expect(run.sampled).toEqual({ kept: 75, of: 75 });
  expect(run.histograms).toHaveLength(1);
  await initWebAssembly();
  expect(decodeFromCompressedBase64(run.histograms![0]!.encoded, 32, true).totalCount).toBe(75);
  expect(seen).toHaveLength(75);
  expect(stage.receiver.pairs).toHaveLength(75);
  // Two workers ship by themselves, and no session is sent by both.
  const [one, other, ...more] = new Set(stage.receiver.hellos.map(({ incarnation }) => incarnation));
  expect([one, other, more]).toEqual([expect.any(String), expect.any(String), []]);
  for (const user of new Set(seen.map(({ remotePort }) => remotePort))) {
    const orders = seen.filter(({ remotePort }) => remotePort === user).map(({ url }) => url.split('/')[2]);
    expect(orders).toEqual(orders.map((_, n) => String(n % 2)));
  }
});

test('every test is sent once, each session in its order, and what was not sent is listed of all workers', async () => {
  // Nothing binds these two: each is in another worker.
  const needy = ['x', 'y'].flatMap((name) => sessions([name], 1, { consumes: [`of ${name}`], links: [] }));
  const tests = [...sessions(NAMES, 3), ...needy];
  const notSentFile = `${stage.programs.folder}/not-sent.jsonl`;
  const run = await stage.replay(port, tests, {
    tokens: [newToken('of x'), newToken('of y')],
    load: { order: 'sessions', users: 4 },
    env: { ...TWO, ECHOPLANE_STRICT: 'true', ECHOPLANE_NOT_SENT_FILE: notSentFile },
  });
  expect(run).toMatchObject({ testsPlanned: 26, sent: 24, notSent: { 'unresolved-token': 2 } });
  for (const name of NAMES)
    expect(seen.filter(({ url }) => url.startsWith(`/${name}/`)).map(({ url }) => url)).toEqual(
      [0, 1, 2].map((order) => `/${name}/${order}`),
    );
  const letters = (await readFile(notSentFile, 'utf8')).trim().split('\n');
  expect(letters.map((line) => JSON.parse(line).session).sort()).toEqual(['x', 'y']);
});

test('no two users have the same number, no row of a data set is dealt out twice, and nothing random comes twice', async () => {
  await stage.programs.file('people.csv', `name\n${NAMES.join('\n')}\n`);
  const header = (id: string, name: string, value: string) => ({
    ...{ id, at: 'generator-request', extract: { name: 'header', header: name, create: true } },
    functions: [{ name: 'constant', value }],
  });
  const chains = [
    header('name', 'x-name', '$' + '{{var:name}}'),
    header('user', 'x-user', '$' + '{{var:user}}'),
    { ...header('id', 'x-id', ''), functions: [{ name: 'uuid' }] },
  ];
  const column = { name: 'csv-column', data: 'people', column: 'name' };
  const variables = [{ name: 'name', at: 'start', functions: [column] }];
  // One worker has most of the users, and needs most of the rows.
  const bound = { consumes: ['t'], links: [] };
  const tests = [...sessions(NAMES.slice(0, 6), 3, bound), ...sessions(NAMES.slice(6), 1)];
  await stage.replay(port, tests, {
    tokens: [newToken('t')],
    load: { order: 'sessions', users: 8 },
    env: {
      ...TWO,
      ECHOPLANE_TRANSFORMS_FILE: await stage.programs.file(
        'transforms.json',
        JSON.stringify({ v: 1, chains, variables }),
      ),
      ECHOPLANE_DATA_DIR: stage.programs.folder,
    },
  });
  expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
  const users = new Map(seen.map(({ user, name }) => [user, name]));
  expect(users.size).toBeGreaterThan(4);
  expect(new Set(users.values()).size).toBe(users.size);
  for (const { user, name } of seen) expect(users.get(user)).toBe(name);
  // Of the sessions that are bound to each other, in one worker, and of the others.
  const [bounded, others] = [/^\/[a-f]\//, /^\/[gh]\//].map((of) => seen.filter(({ url }) => of.test(url)));
  const usersOf = (some: typeof seen | undefined) => new Set(some!.map(({ user }) => user));
  const inBoth = [...usersOf(bounded)].filter((user) => usersOf(others).has(user));
  expect(inBoth).toEqual([]);
});

const ENDLESS: LoadPlan = { stages: [{ rps: 40, durationS: 600, rampS: 0 }] };

test('SIGTERM ends all workers at once; the run is void, and has their results', async () => {
  const program = await stage.start(port, sessions(NAMES, 2), { load: ENDLESS, env: TWO });
  await expect.poll(() => seen.length).toBeGreaterThan(6);
  program.child.kill('SIGTERM');
  const { code } = await program.ended;
  expect(code).toBe(0);
  const run = GeneratorRun.parse(JSON.parse(await readFile(`${stage.programs.folder}/run.json`, 'utf8')));
  expect(run).toMatchObject({ testsPlanned: 24_000, notSent: { cancelled: 24_000 - run.sent } });
  expect(run.resultsDelivered).toBe(run.sent);
  expect(run.voidReasons.filter((reason) => reason.includes('cancelled'))).toEqual([
    expect.stringMatching(/^worker 1 of 2: the run was cancelled: \d+ tests/),
    expect.stringMatching(/^worker 2 of 2: the run was cancelled: \d+ tests/),
  ]);
});

test('a worker that is lost ends the run, which is void', async () => {
  // More than is kept of tests that were read, all in one worker: it reads them again each round, the other one does not.
  const bulky = { response: jsonAnswer({ text: 'x'.repeat(600_000) }), consumes: ['t'], links: [] };
  const tests = [...sessions(NAMES.slice(4), 2), ...sessions(NAMES.slice(0, 4), 2, bulky)];
  const program = await stage.start(port, tests, {
    tokens: [newToken('t')],
    load: { stages: [{ users: 2, durationS: 600, rampS: 0 }] },
    env: TWO,
  });
  const [small, large] = [/^\/[e-h]/, /^\/[a-d]/];
  const fewest = () => Math.min(...[small, large].map((of) => seen.filter(({ url }) => of.test(url)).length));
  await expect.poll(fewest).toBeGreaterThan(8);
  await truncate(`${stage.programs.folder}/tests.jsonl`, 0);
  expect((await program.ended).code).toBe(0);
  const run = JSON.parse(await readFile(`${stage.programs.folder}/run.json`, 'utf8'));
  expect(voidButForPace(run).toSorted()).toEqual([
    expect.stringMatching(/^worker \d of 2 left no summary/),
    expect.stringMatching(/^worker \d of 2: the run was cancelled/),
  ]);
});

test.each<[string, Record<string, string>, LoadPlan | undefined, number, RegExp]>([
  [
    'several workers are refused where one keeps the order',
    ...([TWO, undefined, 64, /^ECHOPLANE_WORKERS is .*recorded order is kept by one thread/] as const),
  ],
  [
    'an artifact that cannot be used is one sentence, however many read it',
    ...([
      { ...TWO, ECHOPLANE_TOKENS_FILE: '/none' },
      ENDLESS,
      1,
      /^\/none cannot be read: [^\n]*\n$/,
    ] as const),
  ],
  [
    'so is a target that is not there',
    {
      ...{ ...TWO, ECHOPLANE_TARGET_URL: 'http://127.0.0.1:1', ECHOPLANE_START_TIMEOUT_MS: '0' },
    },
    ...([ENDLESS, 1, /^The service under test at http:\/\/127.0.0.1:1 cannot be reached[^\n]*\n$/] as const),
  ],
])('%s', async (_, env, load, code, sentence) => {
  const asked = load ? { load, env } : { env };
  const ended = await (await stage.start(port, sessions(NAMES, 1), asked)).ended;
  expect(ended.code).toBe(code);
  expect(ended.stderr).toMatch(sentence);
  expect(seen).toEqual([]);
});
