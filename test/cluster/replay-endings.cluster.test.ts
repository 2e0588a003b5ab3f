// The ways in which a replay ends, against a real API server: each leaves nothing behind.
import { type Obj, RESOURCES } from '@echoplane/kube';
import { ALLOWED_LABEL, TERMINAL_PHASES } from '@echoplane/resources';
import { systemClock } from '@echoplane/runtime';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { rolloutTrigger } from '../../packages/operator/src/replay/index.ts';
import { conditionsOf, isOver, ReplayOperator } from './replay-operator.fixture.ts';
import { leftovers, SHOP } from './replay-world.fixture.ts';

let operator: ReplayOperator;

beforeAll(async () => {
  operator = await ReplayOperator.start();
});
afterAll(() => operator?.stop());
beforeEach(() => {
  Object.assign(operator.world, { generators: 'succeed', webhook: 'wires' });
  operator.plane.live = 0;
});

const inPhase = (phase: string) => (replay: Obj | null) => replay?.status?.phase === phase;
const reasonOf = (replay: Obj | null, wanted: string): string =>
  replay!.status.conditions.find(({ type }: { type: string }) => type === wanted)?.reason;
const ahead = (ms: number) => {
  const clock = systemClock();
  return { ...clock, nowUs: () => clock.nowUs() + ms * 1_000 };
};

test('a workload with live traffic is left alone, unless it may be disturbed', async () => {
  operator.plane.live = 3;
  const refused = await operator.live(operator.life(), await operator.apply());
  expect(refused!.status).toMatchObject({ phase: 'Failed', outcome: { reason: 'LiveTraffic' } });
  const taken = await operator.live(operator.life(), await operator.apply({ allowLiveTraffic: true }));
  expect(taken!.status.phase).toBe('Succeeded');
});

test('a namespace without the label is refused before anything is made', async () => {
  const allow = (value: string | null) =>
    operator.world.client.patch(
      RESOURCES.namespaces,
      { name: SHOP },
      { metadata: { labels: { [ALLOWED_LABEL]: value } } },
      { type: 'merge' },
    );
  await allow(null);
  const ended = await operator.live(operator.life(), await operator.apply());
  await allow('true');
  expect(ended!.status).toMatchObject({
    phase: 'Failed',
    outcome: { reason: 'NamespaceNotAllowed' },
    inventory: [],
  });
  expect(conditionsOf(ended)).toMatchObject({ Complete: 'True', Passed: 'False' });
});

test('a second replay of a busy workload waits for the first', async () => {
  operator.world.generators = 'hang';
  const first = await operator.apply();
  await operator.live(operator.life(), first, inPhase('Running'));
  const second = await operator.apply();
  const waiting = await operator.live(operator.life(), second, (one) => one?.status?.conditions?.length > 0);
  expect(conditionsOf(waiting).Accepted).toBe('False');
  expect(reasonOf(waiting, 'Accepted')).toBe('WorkloadBusy');
  operator.world.generators = 'succeed';
  await operator.live(operator.life(), first);
  const ended = await operator.live(operator.life(), second);
  expect(ended!.status.phase).toBe('Succeeded');
  expect(await operator.traces(second)).toEqual([]);
});

test('two that ask at once: one has the workload', async () => {
  operator.world.generators = 'hang';
  const both = await Promise.all([operator.apply(), operator.apply()]);
  const isSettled = (one: Obj | null) => inPhase('Running')(one) || one?.status?.conditions?.length > 0;
  await Promise.all(both.map((one) => operator.live(operator.life(), one, isSettled)));
  const accepted = (await Promise.all(both.map((one) => operator.now(one)))).map(
    (one) => conditionsOf(one).Accepted,
  );
  expect(accepted.sort()).toEqual(['False', 'True']);
  for (const one of both) await operator.patch(one, { cancel: true });
  for (const one of both) await operator.live(operator.life(), one);
});

test.each(['Pending', 'Preparing', 'Waiting', 'Running'])(
  'cancelled while %s it is put back',
  async (phase) => {
    operator.world.generators = 'hang';
    const replay = await operator.apply({ suspend: phase === 'Pending' });
    await operator.live(operator.life(), replay, inPhase(phase));
    await operator.patch(replay, { cancel: true });
    const ended = await operator.live(operator.life(), replay);
    expect(ended!.status).toMatchObject({ phase: 'Cancelled', outcome: { reason: 'Cancelled' } });
    expect(conditionsOf(ended)).toMatchObject({ Complete: 'True', Passed: 'Unknown', CleanedUp: 'True' });
    expect(await operator.traces(replay)).toEqual([]);
  },
);

test('mocks-only stays until it is cancelled, and sends nothing', async () => {
  const replay = await operator.apply({ mode: 'mocks-only', generator: { replicas: 1 } });
  await operator.live(operator.life(), replay, inPhase('Running'));
  const still = await operator.live(operator.life(null, ahead(86_400_000)), replay, () => true);
  expect(still!.status.phase).toBe('Running');
  expect(still!.status.inventory.map(({ kind }: { kind: string }) => kind)).not.toContain('Job');
  await operator.patch(replay, { cancel: true });
  await operator.live(operator.life(), replay);
  expect(await operator.traces(replay)).toEqual([]);
});

test('tests-only leaves the workload as it is', async () => {
  const replay = await operator.apply({ mode: 'tests-only' });
  const ended = await operator.live(operator.life(), replay);
  expect(ended!.status.phase).toBe('Succeeded');
  const items: { action: string; kind: string }[] = ended!.status.inventory;
  expect(items.filter(({ action }) => action === 'changed')).toEqual([]);
  expect(items.filter(({ kind }) => kind === 'Service')).toEqual([]);
});

test('a lost index voids the run', async () => {
  operator.world.generators = 'fail';
  const replay = await operator.apply();
  await operator.live(operator.life(), replay);
  const [finished] = operator.plane.replays.get(replay.metadata.uid!)!.finished as {
    run: { voidReasons: string[] };
  }[];
  expect(finished!.run.voidReasons.join()).toContain('out of memory');
  expect(await operator.traces(replay)).toEqual([]);
});

test('pods that the webhook missed end it at the deadline, put back', async () => {
  operator.world.webhook = 'is down';
  const replay = await operator.apply();
  const isTold = (one: Obj | null) =>
    reasonOf(one!, 'TargetReady') === 'NotWired' && /without wiring/.test(one!.status.message);
  await operator.live(operator.life(), replay, (one) => one?.status?.conditions !== undefined && isTold(one));
  const ended = await operator.live(operator.life(null, ahead(660_000)), replay);
  expect(ended!.status).toMatchObject({ phase: 'Failed', outcome: { reason: 'StageTimedOut' } });
  expect(await operator.traces(replay)).toEqual([]);
});

test('cleanup: none keeps what was made, and deletion takes it along', async () => {
  const replay = await operator.apply({ cleanup: 'none' });
  const ended = await operator.live(operator.life(), replay, (one) =>
    TERMINAL_PHASES.includes(one?.status?.phase),
  );
  expect(reasonOf(ended, 'CleanedUp')).toBe('Kept');
  const kept = await leftovers(operator.world.client, replay.metadata.uid!);
  expect(kept.join()).toMatch(/Deployment.*Job/);
  expect(kept.join()).not.toContain('Lease');
  const next = await operator.live(operator.life(), await operator.apply());
  expect(next!.status.outcome.reason).toBe('StillWired');
  await operator.remove(replay);
  await operator.live(operator.life(), replay, (one) => one === null);
  expect(await operator.traces(replay)).toEqual([]);
});

test('a finished replay goes after its TTL', async () => {
  const replay = await operator.apply({ ttlAfterFinished: '1h' });
  await operator.live(operator.life(), replay);
  expect(await operator.live(operator.life(null, ahead(3_000_000)), replay, () => true)).not.toBeNull();
  expect(await operator.live(operator.life(null, ahead(3_700_000)), replay, () => true)).toBeNull();
});

test('a suspended replay does not begin', async () => {
  const replay = await operator.apply({ suspend: true });
  const held = await operator.live(operator.life(), replay, (one) => one?.status?.message !== undefined);
  expect(held!.status).toMatchObject({ phase: 'Pending', inventory: [] });
  await operator.patch(replay, { suspend: false });
  expect((await operator.live(operator.life(), replay))!.status.phase).toBe('Succeeded');
});

test('an annotated rollout has one replay, which its own wiring does not make two', async () => {
  const { client } = operator.world;
  const ref = { namespace: SHOP, name: 'cart' };
  const annotate = (value: string | null) =>
    client.patch(
      RESOURCES.deployments,
      ref,
      { metadata: { annotations: { 'replay.echoplane.dev/snapshot': value } } },
      { type: 'merge' },
    );
  await annotate('checkout');
  const signal = new AbortController().signal;
  const trigger = () => rolloutTrigger(operator.life().context).reconcile(`${SHOP}/cart`, signal);
  const owned = async () => {
    const found: Obj[] = [];
    for await (const one of client.list(RESOURCES.trafficReplays, { namespace: SHOP }))
      if (one.metadata.ownerReferences?.some(({ name }) => name === 'cart')) found.push(one);
    return found;
  };
  await trigger();
  const [replay] = await owned();
  operator.world.generators = 'hang';
  await operator.live(operator.life(), replay!, inPhase('Running'));
  await trigger();
  operator.world.generators = 'succeed';
  const ended = await operator.live(operator.life(), replay!, isOver);
  await trigger();
  await annotate(null);
  expect(ended!.status.phase).toBe('Succeeded');
  expect(await owned()).toHaveLength(1);
});
