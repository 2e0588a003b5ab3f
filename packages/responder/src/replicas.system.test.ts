import { type Mock, TAG } from '@echoplane/traffic';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startPostgres, type TestPostgres } from '../../../test/postgres.ts';
import { until } from '../../../test/program-stage.ts';
import { startRedis, type TestRedis } from '../../../test/redis.ts';
import { mock, uuid } from './mock.fixture.ts';
import { ask, RECORDED_PORT, REPLAY, ResponderStage, type TestResponder } from './responder.fixture.ts';

const HOOK_MS = 60_000;
const HOST = `rates.test:${RECORDED_PORT}`;
let postgres: TestPostgres;
let redis: TestRedis;
let world: ResponderStage;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
}, HOOK_MS);
afterAll(async () => {
  await redis?.stop();
  await postgres?.stop();
});
beforeEach(async () => {
  world = await ResponderStage.open();
});
afterEach(() => world.close());

const KINDS: [string, () => Promise<string>][] = [
  ['Redis', async () => redis.url],
  ['Postgres', async () => postgres.url(await postgres.createDatabase())],
];
/** For a store that is away: as long as an answer waits for it. */
const AWAY_MS = 5_000;
let replays = 0;
/** Every test is a replay of its own. A store on a busy machine is slow, which is not away: `timeoutMs` is the most there is. */
const envOf = (url: string, timeoutMs = 60_000) => ({
  ECHOPLANE_STATE_URL: url,
  ECHOPLANE_STATE_TIMEOUT_MS: String(timeoutMs),
  ECHOPLANE_REPLAY_ID: `${REPLAY.slice(0, -4)}${String(++replays).padStart(4, '0')}`,
});

const askFor = async ({ aliasPort }: TestResponder, path: string, body?: string) =>
  (await ask(aliasPort, HOST, path, body === undefined ? {} : { method: 'POST', body })).text;

function sequence(length: number): Mock[] {
  return Array.from({ length }, (_, n) =>
    mock('GET', `http://${HOST}/eur`, { sequence: n, response: { body: `answer ${n}` } }),
  );
}

const state = async (responder: TestResponder) =>
  Object.fromEntries(
    [...(await responder.metrics()).matchAll(/^echoplane_responder_state_(\w+) (\d+)$/gm)].map(
      ([, name, value]) => [name, Number(value)],
    ),
  );

describe.each(KINDS)('two responders with one state in %s', (_, urlOf) => {
  test('a sequence of equal requests that is spread over both gives each recorded answer once', async () => {
    const env = envOf(await urlOf());
    const mocks = sequence(40);
    const both = await Promise.all([world.start(mocks, { env }), world.start(mocks, { env })]);
    const answers = await Promise.all(mocks.map((_, n) => askFor(both[n % 2]!, '/eur')));
    expect(answers.sort()).toEqual(mocks.map((_, n) => `answer ${n}`).sort());
    expect(await askFor(both[0], '/eur')).toBe('answer 39');
  });

  test('one of them is killed in the middle: the other goes on, and no answer comes twice', async () => {
    const env = envOf(await urlOf());
    const mocks = sequence(40);
    const [one, other] = await Promise.all([world.start(mocks, { env }), world.start(mocks, { env })]);
    const before = await Promise.all(
      Array.from({ length: 20 }, (_, n) => askFor(n % 2 ? one : other, '/eur')),
    );
    const interrupted = Array.from({ length: 4 }, () => askFor(one, '/eur').catch(() => null));
    one.program.child.kill('SIGKILL');
    const caught = (await Promise.all(interrupted)).filter((answer) => answer !== null);
    const after: string[] = [];
    for (let n = 0; n < 16; n++) after.push(await askFor(other, '/eur'));
    const given = [...before, ...caught, ...after];
    expect(new Set(given).size).toBe(given.length);
    // What the killed one had taken and not given is the only thing missing.
    expect(given.length).toBeGreaterThanOrEqual(36);
  });

  test('what one learned, the other puts into its answers', async () => {
    const env = envOf(await urlOf());
    const recorded = uuid(1);
    const mocks = [
      mock('POST', `http://${HOST}/charges`, {
        request: { reference: recorded },
        volatile: ['body.reference'],
        response: { body: '{"id":"ch_1"}' },
      }),
      mock('GET', `http://${HOST}/charges/ch_1`, {
        response: { body: JSON.stringify({ reference: recorded }) },
      }),
    ];
    const [one, other] = await Promise.all([world.start(mocks, { env }), world.start(mocks, { env })]);
    await askFor(one, '/charges', JSON.stringify({ reference: uuid(2) }));
    await until(
      async () => (await askFor(other, '/charges/ch_1')) === JSON.stringify({ reference: uuid(2) }),
    );
  });
});

test('while the state is away answers go on, at once and said so, and it is caught up with when it is back', async () => {
  const own = await startRedis();
  try {
    const responder = await world.start(sequence(6), { env: envOf(own.url, AWAY_MS) });
    expect([await askFor(responder, '/eur'), await askFor(responder, '/eur')]).toEqual([
      'answer 0',
      'answer 1',
    ]);
    own.freeze();
    expect([await askFor(responder, '/eur'), await askFor(responder, '/eur')]).toEqual([
      'answer 2',
      'answer 3',
    ]);
    expect(await state(responder)).toMatchObject({ shared: 0, losses_total: 1 });
    await until(() => world.receiver.pairs.length === 4);
    // The one that found out is only counted.
    const told = world.receiver.pairs.map(({ tags }) => tags[TAG.state]);
    expect([told[0], told[1], told[3]]).toEqual([undefined, undefined, 'local']);
    own.thaw();
    await until(async () => (await state(responder)).shared === 1);
    expect(await askFor(responder, '/eur')).toMatch(/answer [45]/);
  } finally {
    await own.stop();
  }
});

test('a state that is away from the start holds nothing up', async () => {
  const responder = await world.start(sequence(2), { env: envOf('redis://127.0.0.1:1', AWAY_MS) });
  expect([await askFor(responder, '/eur'), await askFor(responder, '/eur')]).toEqual([
    'answer 0',
    'answer 1',
  ]);
  const lost = await world.start(sequence(2), { env: envOf('postgres://nobody@127.0.0.1:1/none', AWAY_MS) });
  expect([await askFor(lost, '/eur'), await askFor(lost, '/eur')]).toEqual(['answer 0', 'answer 1']);
});
