// A replay against a real API server, with the operator killed at every write it makes: whichever it was, the next life ends
// the replay in a terminal phase, everything is put back, and the control plane knows of exactly one replay. Between two
// writes nothing changes, so to die after one is to die at every line before the next.
import { type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { conditionsOf, type Death, ReplayOperator } from './replay-operator.fixture.ts';

const WALK_MS = 1_800_000;
let operator: ReplayOperator;

beforeAll(async () => {
  operator = await ReplayOperator.start();
});
afterAll(() => operator?.stop());

test('a replay ends with its report, its conditions and everything as it was', async () => {
  const replay = await operator.apply();
  const ended = await operator.live(operator.life(), replay);
  expect(ended!.status).toMatchObject({
    ...{ phase: 'Succeeded', verdict: 'passed' },
    report: { successRate: 1, matchRate: 1, p95Ms: 12, url: expect.stringContaining('/reports/') },
  });
  const states = [
    'Accepted',
    'SnapshotReady',
    'MocksReady',
    'TargetReady',
    'GeneratorFinished',
    'ReportReady',
  ];
  const all = [...states, 'CleanedUp', 'Complete', 'Passed'];
  expect(conditionsOf(ended)).toEqual(Object.fromEntries(all.map((type) => [type, 'True'])));
  expect(ended!.status.inventory.every(({ restored }: { restored: boolean }) => restored)).toBe(true);
  const { finished } = operator.plane.replays.get(replay.metadata.uid!)!;
  expect(finished).toMatchObject([{ mockResults: 2, run: { sent: 2, resultsDelivered: 2 } }]);
  expect(await operator.traces(replay)).toEqual([]);
});

test('every change stands in the inventory before it is made', async () => {
  const replay = await operator.apply();
  const life = operator.life();
  const made: string[] = [];
  const client = new Proxy(life.context.client, {
    get(target, name: keyof KubeClient) {
      const method = target[name];
      if (typeof method !== 'function') return method;
      const call = method.bind(target) as (...args: unknown[]) => unknown;
      if (name !== 'create' && name !== 'patch') return call;
      return async (resource: { kind: string }, about: { name: string } | Obj, ...rest: unknown[]) => {
        const called = 'metadata' in about ? about.metadata.name : about.name;
        const items: { kind: string; name: string }[] = (await operator.now(replay))!.status?.inventory ?? [];
        const isListed = items.some(({ kind, name: item }) => kind === resource.kind && item === called);
        if (resource.kind !== RESOURCES.trafficReplays.kind && !isListed)
          made.push(`${resource.kind} ${called}`);
        return call(resource, about, ...rest);
      };
    },
  });
  await operator.live({ ...life, context: { ...life.context, client } }, replay);
  expect(made).toEqual([]);
});

async function writesOfOneReplay(): Promise<string[]> {
  const life = operator.life();
  await operator.live(life, await operator.apply());
  expect(life.writes().length).toBeGreaterThan(20);
  return life.writes();
}

test(
  'the operator may die at any write: the next one ends the replay and puts everything back',
  async () => {
    const writes = await writesOfOneReplay();
    const deaths: Death[] = writes.map((_, index) => ({ atWrite: index + 1, when: 'after' }));
    for (const death of [{ atWrite: 1, when: 'before' } as const, ...deaths]) {
      const replay = await operator.apply();
      await operator.live(operator.life(death), replay);
      const ended = await operator.live(operator.life(), replay);
      const where = `died ${death.when} write ${death.atWrite}, ${writes[death.atWrite - 1]}`;
      expect(ended!.status.phase, where).toBe('Succeeded');
      expect(await operator.traces(replay), where).toEqual([]);
      expect(operator.plane.replays.get(replay.metadata.uid!)!.finished, where).toHaveLength(1);
    }
  },
  WALK_MS,
);

test(
  'a replay that is deleted after the operator died at any write is put back and goes',
  async () => {
    const writes = await writesOfOneReplay();
    for (let atWrite = 1; atWrite <= writes.length; atWrite++) {
      const replay = await operator.apply();
      await operator.live(operator.life({ atWrite, when: 'after' }), replay);
      await operator.remove(replay);
      await operator.live(operator.life(), replay, (one) => one === null);
      const where = `died after write ${atWrite}, ${writes[atWrite - 1]}`;
      expect(await operator.traces(replay), where).toEqual([]);
      expect(operator.plane.replays.get(replay.metadata.uid!)?.phase ?? 'none', where).not.toBe('running');
    }
  },
  WALK_MS,
);
