import { OperatingError } from '@echoplane/runtime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cleanup } from '../forwarder.fixture.ts';
import { BODIES, CommandStage, id, POSITION, RESULTS } from './command-stage.fixture.ts';

let cleanup: Cleanup;
let stage: CommandStage;
beforeEach(() => {
  cleanup = new Cleanup();
  stage = new CommandStage(cleanup);
});
afterEach(async () => {
  await cleanup.run();
  expect(stage.plane.malformed).toEqual([]);
});

describe('a command', () => {
  test.each(['fetch-pair', 'flush', 'recall', 'search', 'erase'] as const)(
    'of the kind %s runs and its result is reported',
    async (kind) => {
      await stage.connected();
      stage.ask(1, kind);
      (await stage.began(1)).end(RESULTS[kind]);
      expect(await stage.outcome(1)).toEqual({ state: 'succeeded', message: null, result: RESULTS[kind] });
    },
  );

  test('runs once, however often it comes, in one life and the next', async () => {
    const first = await stage.connected();
    for (let time = 0; time < 5; time++) stage.ask(1, 'flush');
    (await stage.began(1)).end(RESULTS.flush);
    await stage.outcome(1);
    stage.ask(1, 'flush');
    await stage.passed(2);
    await first.stop();
    await stage.connected(first.dir);
    stage.ask(1, 'flush');
    await stage.passed(3);
    expect(stage.runs.map((run) => run.id)).toEqual([id(1), id(2), id(3)]);
    expect(stage.plane.outcomes).toHaveLength(3);
  });

  test('is told in the heartbeat until its outcome was taken', async () => {
    await stage.connected();
    stage.ask(1, 'erase');
    const run = await stage.began(1);
    const told = () => stage.plane.heartbeats.at(-1)?.commands;
    await stage.until('it is told', () => told()?.[0] === id(1));
    stage.plane.fault = (path) => (path.endsWith('/outcome') ? 'unavailable' : null);
    run.end(RESULTS.erase);
    const beats = stage.plane.heartbeats.length;
    await stage.until('more heartbeats', () => stage.plane.heartbeats.length > beats + 1);
    expect(told()).toEqual([id(1)]);
    stage.plane.fault = () => null;
    await stage.until('it is not told any more', () => told()?.length === 0);
    expect(stage.plane.outcomes).toHaveLength(1);
  });

  test.each<[string, Error, string]>([
    [
      'with a sentence of its own',
      new OperatingError('x', 'The ring is empty; make it larger.'),
      'The ring is empty; make it larger.',
    ],
    [
      'without telling what may be recorded traffic',
      new SyntaxError('bad JSON: "4111 1111"'),
      'its log says why',
    ],
  ])('fails %s', async (_, err, words) => {
    await stage.connected();
    stage.ask(1, 'recall');
    (await stage.began(1)).fail(err);
    expect(await stage.outcome(1)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining(words),
    });
    expect((await stage.outcome(1)).message).not.toContain('4111');
  });

  test.each([
    ['this version does not know', { kind: 'dance' }, 'too old for the command dance'],
    [
      'in a shape that this version does not know',
      { kind: 'recall', limit: 'all' },
      'does not understand the command recall',
    ],
    ['named like something of JavaScript', { kind: 'constructor' }, 'too old'],
  ])('%s fails and says to upgrade', async (_, body, words) => {
    await stage.connected();
    stage.plane.send('command', stage.plane.command(id(1), body));
    expect(await stage.outcome(1)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining(words),
    });
  });

  test('whose result is refused for good fails with the reason', async () => {
    await stage.connected();
    stage.ask(1, 'search');
    let isFirst = true;
    stage.plane.fault = (path) => {
      if (!path.endsWith('/outcome') || !isFirst) return null;
      isFirst = false;
      return 'payload_too_large';
    };
    (await stage.began(1)).end(RESULTS.search);
    expect(await stage.outcome(1)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('refused the result'),
    });
  });

  test('that the control plane has forgotten is let go', async () => {
    const life = await stage.connected();
    stage.plane.fault = (path) => (path.endsWith('/outcome') ? 'not_found' : null);
    stage.ask(1, 'search');
    (await stage.began(1)).end(RESULTS.search);
    await stage.until('it is let go', () => life.agent.status().commands.lanes.heavy!.running === 0);
    stage.plane.fault = () => null;
    await stage.passed(2);
    expect(stage.plane.outcomes.map((one) => one.id)).toEqual([id(2)]);
    expect(stage.plane.requests.filter(({ path }) => path.endsWith(`${id(1)}/outcome`))).toHaveLength(1);
  });

  test('tells how far it is, the last word of a second, and nothing after its end', async () => {
    await stage.connected();
    stage.ask(1, 'search');
    const run = await stage.began(1);
    for (let step = 1; step <= 1_000; step++) run.context.progress(step / 1_000, `step ${step}`);
    await stage.until('the last word', () => stage.plane.progress.at(-1)?.share === 1);
    expect(stage.plane.progress.length).toBeLessThanOrEqual(2);
    const sinceUs = stage.clock.nowUs();
    run.context.progress(0.5, 'again');
    await stage.until('the next word', () => stage.plane.progress.at(-1)?.share === 0.5);
    expect(stage.clock.nowUs() - sinceUs).toBeGreaterThan(700_000);
    run.context.progress(0.9, 'too late');
    run.end(RESULTS.search);
    await stage.outcome(1);
    const beats = stage.plane.heartbeats.length;
    await stage.until('more heartbeats', () => stage.plane.heartbeats.length > beats + 1);
    const told = stage.plane.requests.map(({ path }) => path.split('/').at(-1));
    expect(told.lastIndexOf('progress')).toBeLessThan(told.lastIndexOf('outcome'));
  });

  test('reads the rows it works on page by page, past failures', async () => {
    await stage.connected();
    const row = (n: number) => ({ ...POSITION, id: id(n), key: null });
    stage.plane.pages.set(`${id(1)} `, { items: [row(11), row(12)], after: 'p2' });
    stage.plane.pages.set(`${id(1)} p2`, { items: [row(13)], after: null });
    let failures = 2;
    stage.plane.fault = (path) => (path.endsWith('/positions') && failures-- > 0 ? 'unavailable' : null);
    stage.ask(1, 'search');
    const run = await stage.began(1);
    const pages: string[][] = [];
    const reading = (async () => {
      for await (const page of run.context.positions()) pages.push(page.map((one) => one.id));
      run.end(RESULTS.search);
    })();
    await stage.outcome(1);
    await reading;
    expect(pages).toEqual([[id(11), id(12)], [id(13)]]);
  });

  test.each<[string, () => void]>([
    [
      'refused',
      () => {
        stage.plane.fault = (path) => (path.endsWith('/positions') ? 'not_found' : null);
      },
    ],
    [
      'the same page for ever',
      () => {
        for (const after of ['', 'p']) stage.plane.pages.set(`${id(1)} ${after}`, { items: [], after: 'p' });
      },
    ],
  ])('fails when its rows are %s', async (_, prepare) => {
    await stage.connected();
    prepare();
    stage.ask(1, 'search');
    const run = await stage.began(1);
    void (async () => {
      for await (const _page of run.context.positions());
    })().catch(run.fail);
    expect(await stage.outcome(1)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('control plane'),
    });
  });
});

describe('lanes', () => {
  test('eight drill-ins run at once while one heavy command does, and the next of each waits', async () => {
    await stage.connected();
    stage.ask(1, 'search');
    stage.ask(2, 'erase');
    for (let n = 11; n <= 19; n++) stage.ask(n, 'fetch-pair');
    await stage.began(18);
    await stage.passed(20);
    expect(stage.runs.map((run) => run.id)).toEqual([1, 11, 12, 13, 14, 15, 16, 17, 18, 20].map(id));
    stage.runsOf(1)[0]!.end(RESULTS.search);
    stage.runsOf(11)[0]!.fail(new OperatingError('x', 'It is gone.'));
    await stage.began(2);
    await stage.began(19);
  });

  test('a place is given back when the outcome was taken, not before', async () => {
    await stage.connected();
    stage.plane.fault = (path) => (path.endsWith('/outcome') ? 'unavailable' : null);
    stage.ask(1, 'search');
    stage.ask(2, 'search');
    (await stage.began(1)).end(RESULTS.search);
    await stage.toldInVain();
    expect(stage.runs).toHaveLength(1);
    stage.plane.fault = () => null;
    (await stage.began(2)).end(RESULTS.search);
  });

  test('a hundred wait at most; more are refused and say so', async () => {
    await stage.connected();
    for (let n = 1; n <= 102; n++) stage.ask(n, 'search');
    expect(await stage.outcome(102)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('100 commands waiting'),
    });
    expect(stage.plane.outcomes).toHaveLength(1);
  });

  test('a command whose time is over before its turn comes is not begun', async () => {
    await stage.connected();
    stage.ask(1, 'search');
    await stage.began(1);
    stage.plane.send(
      'command',
      stage.plane.command(id(2), BODIES.search, { expiresAt: stage.clock.nowUs() + 1_000_000 }),
    );
    await stage.passed(3);
    stage.clock.advance(2_000);
    stage.runsOf(1)[0]!.end(RESULTS.search);
    expect(await stage.outcome(2)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('expired'),
    });
    expect(stage.runsOf(2)).toHaveLength(0);
  });
});
