import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cleanup } from '../forwarder.fixture.ts';
import { CommandStage, id, RESULTS } from './command-stage.fixture.ts';

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

describe('after a crash', () => {
  test('before the journal, a command that is sent again runs', async () => {
    const first = await stage.connected();
    const left = await first.kill();
    await appendFile(join(left, 'commands.jsonl'), `{"id":"${id(1)}","expiresAt":1`);
    await stage.connected(left);
    stage.ask(1, 'flush');
    const run = await stage.began(1);
    expect(run.context.resumed).toBe(false);
    run.end(RESULTS.flush);
    await stage.outcome(1);
  });

  test('between journal and execution, a command runs once, sent again or not', async () => {
    const first = await stage.connected();
    stage.ask(1, 'search');
    stage.ask(2, 'erase');
    await stage.began(1);
    await stage.passed(3);
    const left = await first.kill();
    await stage.connected(left);
    const interrupted = await stage.began(1, 2);
    expect(interrupted.context.resumed).toBe(true);
    stage.ask(2, 'erase');
    interrupted.end(RESULTS.search);
    const waited = await stage.began(2);
    expect(waited.context.resumed).toBe(false);
    waited.end(RESULTS.erase);
    await stage.outcome(2);
    expect(stage.runsOf(2)).toHaveLength(1);
  });

  test.each(['recall', 'erase', 'search', 'fetch-pair', 'edit-snapshot'] as const)(
    'in the middle of it, %s is resumed',
    async (kind) => {
      const first = await stage.connected();
      stage.ask(1, kind);
      await stage.began(1);
      await stage.connected(await first.kill());
      const run = await stage.began(1, 2);
      expect(run.context.resumed).toBe(true);
      expect(stage.plane.outcomes).toEqual([]);
    },
  );

  test('between its end and the report, it is reported and not run again', async () => {
    const first = await stage.connected();
    stage.plane.fault = (path) => (path.endsWith('/outcome') ? 'unavailable' : null);
    stage.ask(1, 'erase');
    (await stage.began(1)).end(RESULTS.erase);
    await stage.toldInVain();
    const left = await first.kill();
    stage.plane.fault = () => null;
    await stage.connected(left);
    stage.ask(1, 'erase');
    expect((await stage.outcome(1)).result).toEqual(RESULTS.erase);
    await stage.passed(2);
    expect(stage.runsOf(1)).toHaveLength(1);
  });

  test('between its end and the report, a drill-in is made again: recorded traffic is not journalled', async () => {
    const first = await stage.connected();
    stage.plane.fault = (path) => (path.endsWith('/outcome') ? 'unavailable' : null);
    stage.ask(1, 'fetch-pair');
    (await stage.began(1)).end(RESULTS['fetch-pair']);
    await stage.toldInVain();
    const left = await first.kill();
    expect(await readFile(join(left, 'commands.jsonl'), 'utf8')).not.toContain('recorded');
    stage.plane.fault = () => null;
    await stage.connected(left);
    (await stage.began(1, 2)).end(RESULTS['fetch-pair']);
    expect((await stage.outcome(1)).result).toEqual(RESULTS['fetch-pair']);
  });

  test('after a report whose answer was lost, it is reported again with the same words', async () => {
    const first = await stage.connected();
    stage.plane.fault = (path) => (path.endsWith('/outcome') ? 'cut-after' : null);
    stage.ask(1, 'recall');
    (await stage.began(1)).end(RESULTS.recall);
    await stage.outcome(1);
    const left = await first.kill();
    stage.plane.fault = () => null;
    const told = stage.plane.outcomes.length;
    await stage.connected(left);
    await stage.until('it is told again', () => stage.plane.outcomes.length > told);
    await stage.passed(2);
    expect(stage.runsOf(1)).toHaveLength(1);
    expect(
      new Set(stage.plane.outcomes.filter((one) => one.id === id(1)).map((one) => JSON.stringify(one))).size,
    ).toBe(1);
  });

  test('three of them make an end of a command, and orderly stops count for nothing', async () => {
    let life = await stage.connected();
    stage.ask(1, 'search');
    await stage.began(1);
    for (let stop = 1; stop <= 3; stop++) {
      await life.stop();
      life = await stage.connected(life.dir);
      await stage.began(1, stop + 1);
    }
    for (let crash = 1; crash <= 2; crash++) {
      life = await stage.connected(await life.kill());
      await stage.began(1, 4 + crash);
    }
    await stage.connected(await life.kill());
    expect(await stage.outcome(1)).toMatchObject({
      state: 'failed',
      message: expect.stringMatching(/^interrupted: .* 3 times/),
    });
    expect(stage.runsOf(1)).toHaveLength(6);
  });
});
