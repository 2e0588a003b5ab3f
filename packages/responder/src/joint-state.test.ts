import type { Step } from '@echoplane/replay';
import { afterEach, expect, test, vi } from 'vitest';
import { JointState } from './joint-state.ts';
import type { Backlog, StateStore, StoreStep } from './state-store.ts';

const WITHIN = { timeout: 30_000 };

/** A store in memory that can be away. */
class FakeStore implements StateStore {
  isAway = false;
  counters = new Map<string, number>();
  learned: [string, string][] = [];
  async #reached() {
    if (this.isAway) throw new Error('connection refused');
  }
  #count(name: string, by: number) {
    const before = this.counters.get(name) ?? 0;
    this.counters.set(name, before + by);
    return before;
  }
  async advance({ cursor, resource, isWrite }: StoreStep) {
    await this.#reached();
    const writes = resource === null ? 0 : this.#count(`w:${resource}`, isWrite ? 1 : 0);
    return { nth: this.#count(`c:${cursor} ${resource === null || isWrite ? '' : writes}`, 1), writes };
  }
  async claim(_caller: string, [first]: readonly string[]) {
    await this.#reached();
    return first!;
  }
  async news(until: number) {
    await this.#reached();
    return { learned: this.learned.slice(until), until: this.learned.length };
  }
  async add({ counters, learned }: Backlog) {
    await this.#reached();
    for (const [name, by] of counters) this.#count(name, by);
    this.learned.push(...learned.map(([was, is]): [string, string] => [was, is]));
  }
  async close() {}
}

const log = { warn() {}, info() {} } as never;
const over = new AbortController();
afterEach(() => vi.useRealTimers());

function sharing(store: StateStore) {
  const told: string[] = [];
  const wake = Promise.withResolvers<void>();
  const clock = { nowUs: () => 0, sleep: () => wake.promise };
  const tell = (recorded: string, live: string) => void told.push(`${recorded}→${live}`);
  return {
    told,
    wake: wake.resolve,
    state: new JointState({ store, clock, log, signal: over.signal, tell }),
  };
}

const step: Step = { cursor: 'a', session: null, recordedSessions: [], resource: null, isWrite: false };
const numbers = async (state: JointState, count: number, of = step) => {
  const found: number[] = [];
  for (let n = 0; n < count; n++) found.push((await state.advance(of)).nth);
  return found;
};

test('two responders share one sequence', async () => {
  const store = new FakeStore();
  const [one, other] = [sharing(store).state, sharing(store).state];
  expect([await numbers(one, 1), await numbers(other, 2), await numbers(one, 1)]).toEqual([[0], [1, 2], [3]]);
});

test('while the store is away it goes on from where it was, says so, and hands over what it did', async () => {
  const store = new FakeStore();
  const { state, wake } = sharing(store);
  const other = sharing(store).state;
  expect(await numbers(state, 2)).toEqual([0, 1]);
  store.isAway = true;
  expect(await numbers(state, 3)).toEqual([2, 3, 4]);
  expect(state.isAlone).toBe(true);
  state.learn([['r', 'l']]);
  const figures = () => state.samples().map(({ values: [first] }) => first!.value);
  expect(figures()).toEqual([0, 1, 3]);
  store.isAway = false;
  wake();
  await vi.waitFor(() => expect(state.isAlone).toBe(false), WITHIN);
  expect(await numbers(other, 1)).toEqual([5]);
  expect(store.learned).toEqual([['r', 'l']]);
  expect(figures()).toEqual([1, 1, 3]);
});

test('writes are counted alone too, and reads begin anew with them', async () => {
  const store = new FakeStore();
  store.isAway = true;
  const { state } = sharing(store);
  const read = { ...step, cursor: 'read', resource: 'r' };
  expect(await state.advance(read)).toMatchObject({ nth: 0, writes: 0 });
  expect(await state.advance(read)).toMatchObject({ nth: 1, writes: 0 });
  expect(await state.advance({ ...read, cursor: 'write', isWrite: true })).toMatchObject({
    nth: 0,
    writes: 0,
  });
  expect(await state.advance(read)).toMatchObject({ nth: 0, writes: 1 });
});

test('a store that does not answer holds a step up for a second at most, and the next ones not at all', async () => {
  vi.useFakeTimers();
  const store = Object.assign(new FakeStore(), { advance: () => new Promise<never>(() => {}) });
  const { state } = sharing(store);
  const first = state.advance(step);
  await vi.advanceTimersByTimeAsync(1_000);
  expect((await first).nth).toBe(0);
  expect((await state.advance(step)).nth).toBe(1);
});

test('a caller keeps its recorded session when the store goes away', async () => {
  const store = new FakeStore();
  const { state } = sharing(store);
  const mine = { ...step, session: 'me', recordedSessions: ['s1', 's2'] };
  expect((await state.advance(mine)).session).toBe('s1');
  store.isAway = true;
  expect((await state.advance(mine)).session).toBe('s1');
  expect((await state.advance({ ...mine, session: 'you' })).session).toBe('s2');
  expect((await state.advance({ ...mine, session: 'they' })).session).toBeNull();
});

test('what others learned is told here, and what is learned here at once', async () => {
  const store = new FakeStore();
  const { state, told } = sharing(store);
  state.learn([['mine', '1']]);
  expect(told).toEqual(['mine→1']);
  await vi.waitFor(() => expect(store.learned).toHaveLength(1), WITHIN);
  store.learned.push(['theirs', '2']);
  void state.run();
  await vi.waitFor(() => expect(told).toContain('theirs→2'), WITHIN);
});
