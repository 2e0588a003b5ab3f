// Load: stages by rate and by users, sessions in their order, and the end of a load before its time.
import { createServer, type IncomingMessage } from 'node:http';
import { TAG } from '@echoplane/traffic';
import { decodeFromCompressedBase64, initWebAssembly } from 'hdr-histogram-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../../test/program-stage.ts';
import { GeneratorStage, jsonAnswer, newTest, voidButForPace } from './generator-stage.ts';

let stage: GeneratorStage;
let seen: { url: string; atMs: number; port: number }[];
let port: number;
/** How long an answer takes. */
let delayMs: number;
beforeEach(async () => {
  stage = await GeneratorStage.open();
  seen = [];
  delayMs = 0;
  const server = createServer((request: IncomingMessage, response) => {
    seen.push({ url: request.url!, atMs: performance.now(), port: request.socket.remotePort! });
    const answer = () =>
      response.writeHead(200, { 'content-length': 2, 'content-type': 'application/json' }).end('{}');
    if (delayMs > 0) setTimeout(answer, delayMs);
    else answer();
  });
  port = await stage.programs.serve(server);
});
afterEach(() => stage.close());

/** Sessions of `size` tests each, `/session/order`. */
const sessions = (names: string[], size: number) =>
  names.flatMap((name) =>
    Array.from({ length: size }, (_, order) =>
      newTest(
        name,
        { target: `/${name}/${order}` },
        { order, offsetUs: order * 1000, response: jsonAnswer({}), endpoint: '/{session}/{order}' },
      ),
    ),
  );

test('a rate sends as many requests as it says, whatever the answers do, round after round, and each is measured', async () => {
  delayMs = 300;
  const run = await stage.replay(port, sessions(['a', 'b', 'c'], 2), {
    load: { stages: [{ rps: 50, durationS: 1, rampS: 0 }] },
  });
  expect(run).toMatchObject({ testsPlanned: 50, sent: 50, notSent: {} });
  expect(run.asserted).toEqual({ passed: 50, failed: 0, headless: 0 });
  const [histogram] = run.histograms!;
  await initWebAssembly();
  expect(decodeFromCompressedBase64(histogram!.encoded, 32, true).totalCount).toBe(50);
  // An answer takes longer than the load: had it waited for answers, it would not have been over by then.
  const spreadMs = seen.at(-1)!.atMs - seen[0]!.atMs;
  expect(spreadMs).toBeLessThan(300 * 50);
  for (const user of new Set(seen.map((request) => request.port))) {
    const orders = seen.filter((request) => request.port === user).map(({ url }) => url.split('/')[2]);
    expect(orders).toEqual(orders.map((_, n) => String(n % 2)));
  }
});

test('a rate without a duration sends every test once', async () => {
  const tests = sessions(['a', 'b', 'c', 'd'], 5);
  const run = await stage.replay(port, tests, { load: { stages: [{ rps: 100, rampS: 0 }] } });
  expect(run).toMatchObject({ testsPlanned: 20, sent: 20 });
  expect(seen.map(({ url }) => url).sort()).toEqual(tests.map(({ request }) => request.target).sort());
});

test('users loop over the sessions for a time, each on a connection of its own', async () => {
  delayMs = 10;
  const during = async (durationS: number) => {
    seen = [];
    const stages = [{ users: 4, durationS, rampS: 0 }];
    return stage.replay(port, sessions(['a', 'b', 'c'], 2), { load: { stages } });
  };
  // How often they come round in a time is up to the machine, which may stand still for all of it.
  let run = await during(2);
  for (const durationS of [8, 32]) if (run.sent <= 6) run = await during(durationS);
  expect(run.sent).toBeGreaterThan(6);
  expect(run.testsPlanned).toBe(run.sent);
  expect(run.asserted).toEqual({ passed: run.sent, failed: 0, headless: 0 });
  expect(new Set(seen.map((request) => request.port)).size).toBe(4);
});

test('every run of a session has a name of its own, the same for all its results, also over stages', async () => {
  const tests = sessions(['a', 'b'], 2);
  const stages = [
    { users: 2, durationS: 0.3, rampS: 0 },
    { rps: 40, durationS: 0.5, rampS: 0 },
    { users: 1, rampS: 0 },
  ];
  const run = await stage.replay(port, tests, { load: { stages, keepResults: 1_000_000 } });
  const results = stage.receiver.pairs.map(({ tags }) => `${tags[TAG.test]} ${tags[TAG.session]}`);
  expect(results).toHaveLength(run.sent);
  expect(new Set(results).size).toBe(run.sent);
  const runs = Map.groupBy(stage.receiver.pairs, ({ tags }) => tags[TAG.session]!);
  for (const [name, pairs] of runs) {
    expect(name).toMatch(/^[ab]\/u\d+\/r\d+$/);
    // A stage by time may end within a session.
    const wanted = tests.filter(({ session }) => session === name[0]).slice(0, pairs.length);
    expect(pairs.map(({ tags }) => tags[TAG.test])).toEqual(wanted.map(({ id }) => id));
  }
  expect(runs.size).toBeGreaterThan(12);
  // What a run was given is known to the others of its round, and to no other round: of stages, too.
  const rounds = new Set([...runs.keys()].map((name) => name.replace(/u\d+/, '')));
  expect(rounds.size).toBe(runs.size);
});

test('the order of sessions runs them side by side, each strictly in order', async () => {
  delayMs = 5;
  const tests = sessions(['a', 'b', 'c', 'd'], 4);
  const run = await stage.replay(port, tests, { load: { order: 'sessions', users: 2 } });
  expect(run).toMatchObject({ testsPlanned: 16, sent: 16 });
  for (const name of ['a', 'b', 'c', 'd'])
    expect(seen.filter(({ url }) => url.startsWith(`/${name}/`)).map(({ url }) => url)).toEqual(
      [0, 1, 2, 3].map((order) => `/${name}/${order}`),
    );
  expect(new Set(seen.map((request) => request.port)).size).toBe(4);
});

test('past the budget of results a sample is shipped, and counts stay exact', async () => {
  const run = await stage.replay(port, sessions(['a'], 200), {
    load: { stages: [{ users: 1, rampS: 0 }], keepResults: 10 },
  });
  expect(run).toMatchObject({ sent: 200, asserted: { passed: 200 } });
  expect(voidButForPace(run)).toEqual([]);
  expect(run.sampled!.of).toBe(200);
  expect(run.sampled!.kept).toBeLessThan(100);
  expect(run.resultsDelivered).toBe(run.sampled!.kept);
  expect(stage.receiver.pairs).toHaveLength(run.sampled!.kept);
});

test('SIGTERM ends a load at once; it is void', async () => {
  const load = { stages: [{ rps: 20, durationS: 600, rampS: 0 }] };
  const program = await stage.start(port, sessions(['a', 'b'], 2), { load });
  await until(() => seen.length > 3);
  program.child.kill('SIGTERM');
  const { code, lines } = await program.ended;
  expect(code).toBe(0);
  const { run } = lines.at(-1) as { run: { testsPlanned: number; voidReasons: string[] } };
  expect(run.testsPlanned).toBe(12_000);
  expect(voidButForPace(run)).toEqual([expect.stringMatching(/^the run was cancelled: \d+ tests/)]);
});
