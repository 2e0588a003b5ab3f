// Ctrl-C, twice Ctrl-C and kill -9 of the demo at every stage: nothing may be left behind.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CliStage, type Running, until } from './cli-stage.ts';

/** How long the demo may take to get anywhere; it starts a dozen programs. */
const DEMO_MS = 400_000;

let stage: CliStage;

beforeEach(() => {
  stage = new CliStage();
});

afterEach(() => stage.close());

/** Resolves once the demo has come so far; a demo that ends before shows what it said. */
async function isAt(run: Running, moment: string): Promise<void> {
  const isThere = () => (moment === '' ? stage.files().length > 0 : run.output().includes(`✓ ${moment}`));
  const said = () => `${moment} of: ${run.output()}`;
  await until(() => isThere() || run.child.exitCode !== null, said, DEMO_MS);
  expect(isThere(), said()).toBe(true);
}

async function expectNothingLeft(): Promise<void> {
  await until(() => stage.processes().length === 0, 'no process is left');
  expect(stage.files()).toEqual([]);
}

describe('Ctrl-C leaves no process and no temporary folder', () => {
  // Moments of the demo by what it has printed; the last ones are in the middle of traffic and of a replay.
  test.each([
    '',
    'embedded PostgreSQL',
    'control plane: tables, roles, keys',
    'payments and rates',
    'shop v1 with its sidecar',
    'snapshot',
    'replay v1, dependencies alive',
  ])('after "%s"', async (moment) => {
    const run = stage.run(['demo', '--once']);
    await isAt(run, moment);
    run.child.kill('SIGINT');
    expect(await run.exit).toBe(130);
    await expectNothingLeft();
  });

  test('pressed twice', async () => {
    const run = stage.run(['demo', '--once']);
    await isAt(run, 'shop v1 with its sidecar');
    run.child.kill('SIGINT');
    await until(() => run.output().includes('Stopping'), 'it is stopping');
    run.child.kill('SIGINT');
    expect(await run.exit).toBe(130);
    await expectNothingLeft();
  });

  test('nor does kill -9', async () => {
    const run = stage.run(['demo', '--once']);
    await isAt(run, 'shop v1 with its sidecar');
    run.child.kill('SIGKILL');
    await run.exit;
    await expectNothingLeft();
  });
});
