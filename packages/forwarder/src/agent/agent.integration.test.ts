import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newSigningKey, publicKeyOf, seal } from '@echoplane/runtime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cleanup } from '../forwarder.fixture.ts';
import { Stage } from './agent.fixture.ts';
import { MAX_EVENT } from './event-stream.ts';
import { openIdentity } from './identity.ts';

const ID = '0190a0a0-0000-7000-8000-000000000001';
const OTHER = '0190a0a0-0000-7000-8000-00000000bbbb';
const FLUSH = { kind: 'flush' };

let cleanup: Cleanup;
let stage: Stage;
beforeEach(() => {
  cleanup = new Cleanup();
  stage = new Stage(cleanup);
  stage.result = { flushed: true };
});
afterEach(async () => {
  await cleanup.run();
  expect(stage.plane.malformed).toEqual([]);
});

describe('the agent registers', () => {
  test('says who it is, takes the rules, and beats every ten seconds with its state', async () => {
    stage.plane.config = { version: 'r-1', rules: { version: 'r-1' } };
    await stage.connected();
    await stage.until('three heartbeats', () => stage.plane.heartbeats.length >= 3);
    expect(stage.plane.registrations).toMatchObject([
      { kind: 'forwarder', name: 'pod-1', cluster: 'local', version: '1.2.3', storeAccess: 'private' },
    ]);
    expect(stage.offered).toEqual(['r-1']);
    expect(stage.plane.heartbeats[1]).toMatchObject({
      configVersion: 'r-1',
      ringFrom: 3,
      alarms: 6,
      commands: [],
    });
  });

  test('is the same agent with the same sealing key in its next life, and in no other folder', async () => {
    const first = await stage.connected();
    await first.stop();
    await stage.connected(first.dir);
    await stage.connected();
    const [one, two, three] = stage.plane.registrations.map(
      ({ agent, sealingKey }) => `${agent} ${sealingKey}`,
    );
    expect(two).toBe(one);
    expect(three).not.toBe(one);
  });

  test('keeps its private key in a file that nobody else may read, and never sends it', async () => {
    const life = await stage.connected();
    for (const name of ['agent.json', 'signing-key.json', 'commands.jsonl'])
      expect((await stat(join(life.dir, name))).mode & 0o777, name).toBe(0o600);
    const { privateKey, sealingKey } = await openIdentity({ dir: life.dir, fsync: false });
    expect(publicKeyOf(privateKey)).toBe(stage.plane.registrations[0]!.sealingKey);
    const raw = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64').slice(-43, -1);
    expect(sealingKey).not.toContain(raw);
    for (const { path, body } of stage.plane.requests) expect(path + body).not.toContain(raw);
  });

  test.each([
    ['unauthenticated', 'refused', 'ECHOPLANE_AGENT_KEY'],
    ['forbidden', 'refused', 'ECHOPLANE_AGENT_KEY'],
    ['suspended', 'refused', 'suspended'],
    ['unavailable', 'registering', 'does not answer'],
    ['cut', 'registering', 'does not answer'],
    ['hang', 'registering', 'took longer than'],
  ] as const)('tries again when the answer is %s, and says what to do', async (fault, state, words) => {
    stage.plane.fault = (path) => (path === '/v1/agent/register' ? fault : null);
    const life = await stage.start();
    await stage.until('trouble', () => life.agent.status().trouble !== null);
    expect(life.agent.status()).toMatchObject({ state, trouble: expect.stringContaining(words) });
    stage.plane.fault = () => null;
    await stage.until('a stream', () => life.state === 'connected');
    expect(life.agent.status().trouble).toBeNull();
  });

  test('with a control plane that is too old goes without, and looks again every ten minutes', async () => {
    stage.plane.fault = () => 'not_found';
    const life = await stage.start();
    await stage.until('too old', () => life.state === 'too-old');
    const sinceUs = stage.clock.nowUs();
    stage.clock.advance(590_000);
    stage.plane.fault = () => null;
    await stage.until('a stream', () => life.state === 'connected');
    expect(stage.clock.nowUs() - sinceUs).toBeGreaterThan(599_000_000);
    expect(stage.plane.requests.filter(({ path }) => path.endsWith('/register'))).toHaveLength(2);
  });

  test('goes on with nothing of another tenant than its spool is of', async () => {
    stage.plane.tenant = OTHER;
    const life = await stage.start();
    await stage.until('trouble', () => life.state === 'refused');
    expect(life.agent.status().trouble).toContain('another tenant');
    expect(stage.plane.streams).toHaveLength(0);
  });

  test('registers again when the control plane has forgotten it', async () => {
    await stage.connected();
    let isForgotten = true;
    stage.plane.fault = (path) => {
      if (path === '/v1/agent/register') isForgotten = false;
      return isForgotten ? 'not_found' : null;
    };
    const before = stage.plane.requests.length;
    await stage.until('another registration', () => stage.plane.registrations.length === 2);
    // The first heartbeat that hears of it is enough. Not a time: the clock runs on while an answer is under way.
    const asked = stage.plane.requests.slice(before).map(({ path }) => path);
    expect(asked.slice(0, asked.indexOf('/v1/agent/register'))).toEqual(['/v1/agent/heartbeat']);
    await stage.until('another stream', () => stage.plane.streams.length === 2);
  });
});

describe('the stream', () => {
  test('is opened again when it is cut, and what comes then is done', async () => {
    await stage.connected();
    stage.plane.cut();
    await stage.until('another stream', () => stage.plane.streams.length === 2);
    stage.plane.send('command', stage.plane.command(ID, FLUSH));
    await stage.until('the outcome', () => stage.plane.outcomeOf(ID)?.state === 'succeeded');
    expect(stage.plane.registrations).toHaveLength(1);
  });

  test('is opened again after 45 seconds of silence, and a ping is none', async () => {
    const life = await stage.connected();
    let heard = 0;
    life.agent.subscribe(['ping'], () => heard++);
    for (let ping = 1; ping <= 3; ping++) {
      stage.clock.advance(40_000);
      stage.plane.write('event: ping\ndata: \n\n');
      await stage.until('the ping', () => heard === ping);
    }
    expect(life.state).toBe('connected');
    expect(stage.plane.streams).toHaveLength(1);
    await stage.until('silence is noticed', () => life.state === 'reconnecting');
    expect(life.agent.status().trouble).toContain('silence');
    await stage.until('another stream', () => stage.plane.streams.length === 2);
  });

  test.each([
    ['one line', (text: string) => `data: ${text}`],
    ['many lines', (text: string) => `data: ${text.replace(/(.{1000})/g, '$1\ndata: ')}`],
  ])('ends when an event is too long, in %s', async (_, lines) => {
    const life = await stage.connected();
    stage.plane.write(`event: command\n${lines('x'.repeat(MAX_EVENT + 1))}\n\n`);
    await stage.until('it is noticed', () => life.state === 'reconnecting');
    expect(life.agent.status().trouble).toContain('more than');
    await stage.until('another stream', () => stage.plane.streams.length === 2);
  });

  test('is taken from nobody who answers with a page instead', async () => {
    stage.plane.fault = (path) => (path === '/v1/agent/stream' ? { status: 200, text: '<html>' } : null);
    const life = await stage.start();
    await stage.until('it is noticed', () => life.state === 'reconnecting');
    expect(life.agent.status().trouble).toContain('instead of the agent stream');
  });

  test('brings suspend and resume, and heartbeats say the same when it did not', async () => {
    await stage.connected();
    stage.plane.suspended = true;
    stage.plane.send('suspend', {});
    await stage.until('suspended', () => stage.suspensions.length === 1);
    await stage.until('a heartbeat', () => stage.plane.heartbeats.length >= 3);
    stage.plane.suspended = false;
    await stage.until('resumed', () => stage.suspensions.length === 2);
    expect(stage.suspensions).toEqual([true, false]);
  });

  test('tells subscribers of what was found genuine, and of nothing else', async () => {
    const life = await stage.connected();
    const heard: string[] = [];
    const leave = life.agent.subscribe(['config', 'suspend'], ({ kind }) => heard.push(kind));
    life.agent.subscribe(['config'], () => {
      throw new Error('a bad listener');
    });
    stage.plane.send(
      'config',
      stage.plane.sign({ config: { version: 'x', rules: {} } }, newSigningKey().key),
    );
    stage.plane.send('config', stage.plane.rules('r-2'));
    stage.plane.send('suspend', {});
    await stage.until('both', () => heard.length === 2);
    leave();
    stage.plane.send('resume', {});
    await stage.until('resumed', () => stage.suspensions.length === 2);
    expect(heard).toEqual(['config', 'suspend']);
  });
});

describe('releases', () => {
  const release = (version: string) => ({
    ...{ channel: 'stable', version, image: `sha256:${'a'.repeat(64)}`, notBefore: 0 },
  });

  test('are those of the last genuine word; older ones and forged ones change nothing', async () => {
    const life = await stage.connected();
    let heard = 0;
    life.agent.subscribe(['releases'], () => heard++);
    const later = { expiresAt: stage.clock.nowUs() + 3_600_000_000 };
    const old = stage.plane.sign({ agent: undefined, ...later, releases: [release('1.0.0')] });
    stage.plane.send('releases', old);
    await stage.until('the first', () => heard === 1);
    stage.clock.advance(6 * 60_000);
    await stage.until('another stream', () => stage.plane.streams.length === 2 && life.state === 'connected');
    stage.plane.send('releases', stage.plane.sign({ agent: undefined, releases: [release('1.1.0')] }));
    await stage.until('the second', () => heard === 2);
    stage.plane.send('releases', old);
    const forged = { agent: undefined, releases: [release('6.6.6')] };
    stage.plane.send('releases', stage.plane.sign(forged, newSigningKey().key));
    await stage.until(
      'both refused',
      () => life.refused['older-releases'] === 1 && Object.keys(life.refused).length === 2,
    );
    expect([life.agent.releases(), heard]).toEqual([[release('1.1.0')], 2]);
  });
});

describe('heartbeats', () => {
  test('go on after one that is never answered, and after refusals', async () => {
    const life = await stage.connected();
    await stage.until('the first', () => stage.plane.heartbeats.length === 1);
    stage.plane.fault = (path) => (path === '/v1/agent/heartbeat' ? 'hang' : null);
    await stage.until('one hangs', () => life.agent.status().heartbeat.trouble !== null);
    stage.plane.fault = (path) => (path === '/v1/agent/heartbeat' ? 'unavailable' : null);
    await stage.until(
      'a refusal',
      () => life.agent.status().heartbeat.trouble?.includes('Not available') ?? false,
    );
    stage.plane.fault = () => null;
    await stage.until('another', () => stage.plane.heartbeats.length >= 2);
    // The control plane has it before the agent has the answer.
    await stage.until('no trouble', () => life.agent.status().heartbeat.trouble === null);
  });

  test('that miss rules make the agent register again, once', async () => {
    await stage.connected();
    stage.plane.configVersion = 'never-sent';
    await stage.until('another registration', () => stage.plane.registrations.length === 2);
    const told = stage.plane.heartbeats.length;
    await stage.until('more heartbeats', () => stage.plane.heartbeats.length > told + 3);
    expect(stage.plane.registrations).toHaveLength(2);
  });
});

describe('signed words', () => {
  const hour = 3_600_000_000;
  test.each<[string, string, (s: Stage) => unknown]>([
    [
      'signed by another key',
      'other-key',
      (s) => s.plane.sign({ command: { id: ID, body: FLUSH } }, newSigningKey().key),
    ],
    [
      'signed by another key under the name of ours',
      'bad-signature',
      (s) =>
        s.plane.sign({ command: { id: ID, body: FLUSH } }, { ...newSigningKey().key, id: s.plane.key.id }),
    ],
    ['for another tenant', 'other-tenant', (s) => s.plane.command(ID, FLUSH, { tenant: OTHER })],
    ['for another agent', 'other-agent', (s) => s.plane.command(ID, FLUSH, { agent: OTHER })],
    ['for no agent', 'other-agent', (s) => s.plane.command(ID, FLUSH, { agent: undefined })],
    [
      'that expired',
      'expired',
      (s) =>
        s.plane.command(ID, FLUSH, {
          issuedAt: s.clock.nowUs() - hour,
          expiresAt: s.clock.nowUs() - hour / 2,
        }),
    ],
    [
      'from the future',
      'from-the-future',
      (s) =>
        s.plane.command(ID, FLUSH, {
          issuedAt: s.clock.nowUs() + hour,
          expiresAt: s.clock.nowUs() + 2 * hour,
        }),
    ],
    ['that hold nothing', 'malformed', (s) => s.plane.sign({})],
    ['that are no envelope', 'malformed', () => ({ command: { id: ID, body: FLUSH } })],
  ])('%s are counted and never acted upon', async (_, reason, envelope) => {
    const life = await stage.connected();
    stage.plane.send('command', envelope(stage));
    await stage.until('it is refused', () => life.refused[reason] === 1);
    stage.plane.send('command', stage.plane.command(OTHER, FLUSH));
    await stage.until('a good one is done', () => stage.plane.outcomeOf(OTHER) !== undefined);
    expect(stage.runs.map(({ id }) => id)).toEqual([OTHER]);
    expect(life.refused).toEqual({ [reason]: 1 });
  });

  test('of a clock four minutes behind or ahead are acted upon', async () => {
    await stage.connected();
    for (const [id, minutes] of [
      [ID, -4],
      [OTHER, 4],
    ] as const) {
      const issuedAt = stage.clock.nowUs() + minutes * 60_000_000;
      const life = { issuedAt, expiresAt: issuedAt + 10_000_000 };
      stage.plane.send('command', stage.plane.command(id, FLUSH, life));
      await stage.until('the outcome', () => stage.plane.outcomeOf(id)?.state === 'succeeded');
    }
  });

  test('of a control plane with a new key are refused until the pin is removed', async () => {
    const first = await stage.connected();
    await first.stop();
    stage.plane.key = newSigningKey().key;
    stage.plane.config = { version: 'r-1', rules: { version: 'r-1' } };
    const second = await stage.connected(first.dir);
    stage.plane.send('command', stage.plane.command(ID, FLUSH));
    await stage.until('rules and command refused', () => second.refused['other-key'] === 2);
    expect(second.agent.status().signingKey.trouble).toContain(
      `remove ${join(first.dir, 'signing-key.json')}`,
    );
    await second.stop();
    await rm(join(first.dir, 'signing-key.json'));
    const third = await stage.connected(first.dir);
    stage.plane.send('command', stage.plane.command(ID, FLUSH));
    await stage.until('the outcome', () => stage.plane.outcomeOf(ID) !== undefined);
    expect(third.agent.status().signingKey).toEqual({ id: stage.plane.key.id, trouble: null });
    expect(stage.offered).toEqual(['r-1']);
  });

  test('with rules that were replaced are refused, also in the next life', async () => {
    const first = await stage.connected();
    const long = { expiresAt: stage.clock.nowUs() + 24 * hour };
    const old = stage.plane.rules('r-1', long);
    stage.plane.send('config', old);
    await stage.until('the first rules', () => stage.offered.length === 1);
    stage.clock.advance(6 * 60_000);
    await stage.until(
      'another stream',
      () => stage.plane.streams.length === 2 && first.state === 'connected',
    );
    stage.plane.send('config', stage.plane.rules('r-2'));
    await stage.until('the second rules', () => stage.offered.length === 2);
    stage.plane.send('config', old);
    await stage.until('the old ones refused', () => first.refused['older-rules'] === 1);
    await first.stop();
    const second = await stage.connected(first.dir);
    stage.plane.send('config', old);
    await stage.until('the old ones refused again', () => second.refused['older-rules'] === 1);
    expect(stage.offered).toEqual(['r-1', 'r-2']);
  });
});

test('a value sealed for the agent is open to its handlers', async () => {
  stage.result = undefined;
  await stage.connected();
  const sealed = seal(stage.plane.registrations[0]!.sealingKey, Buffer.from('ada@example.com'));
  stage.plane.send('command', stage.plane.command(ID, { kind: 'erase', erasure: OTHER, sealed }));
  await stage.until('it runs', () => stage.runs.length === 1);
  expect(stage.runs[0]!.context.unseal(sealed).toString()).toBe('ada@example.com');
});

test('a damaged identity is said, and not replaced', async () => {
  const life = await stage.connected();
  await life.stop();
  const path = join(life.dir, 'agent.json');
  await writeFile(path, '{"v":1');
  await expect(stage.start(life.dir)).rejects.toThrow(`${path} cannot be read`);
  expect(await readFile(path, 'utf8')).toBe('{"v":1');
});
