// Reads that the recorded client repeated until the answer changed (`Test.settling`). How often it had to ask was the service's
// doing: the last of them waits, within bounds, until the live answer has changed as well, or all that follows would come
// too early. So does a read of the same endpoint that the recorded client had to make only once, and a write of an operation that
// was refused until it was taken (`Test.insists`). It must not know how requests are sent.
import { kindOf, leafAt, readTime } from '@echoplane/replay';
import type { HttpResponse, SettlingLeaf, Test } from '@echoplane/traffic';

/** A leaf of an answer as it was when the recorded client stopped asking, and what it was while it asked on; undefined: null. */
interface AwaitedLeaf {
  path: string;
  recorded: string;
  until: ReadonlySet<string | undefined>;
}
export type AwaitedChange = readonly AwaitedLeaf[];

const MAX_ENDPOINTS = 1_000;
/** A leaf that has more is no state that somebody waits for. */
const MAX_STATES = 64;
const STATUS = 'status';

/** Watches the tests of a run in the order of the recording. */
export class AwaitedChanges {
  /** The latest read of a session that was asked for again; bounded by the sessions of the snapshot. */
  readonly #asked = new Map<string, Test>();
  /** What leaves were while clients asked on, by endpoint and path. */
  readonly #states = new Map<string, Map<string, Set<string | undefined>>>();

  /** What the next test waits for; null: nothing. */
  of(test: Test): AwaitedChange | null {
    const before = this.#asked.get(test.session);
    if (awaitedOf(test).length > 0) {
      this.#asked.set(test.session, test);
      this.#remember(test);
      return null;
    }
    this.#asked.delete(test.session);
    if (test.insists) return [taken(test, test.insists)];
    const { request, response } = test;
    const isAgain =
      before && before.request.method === request.method && before.request.target === request.target;
    const awaited = isAgain
      ? awaitedOf(before).flatMap(({ path }) =>
          awaitedLeaf(response, path, new Set([leafAt(before.response, path)])),
        )
      : [...this.#statesOf(test)].flatMap(([path, states]) =>
          states.size > MAX_STATES ? [] : awaitedLeaf(response, path, states),
        );
    return awaited.length > 0 ? awaited : null;
  }

  /** As its recording says, which knows later reads as well; else as those before it were. */
  #statesOf(test: Test): ReadonlyMap<string, AwaitedLeaf['until']> {
    const told = (test.awaits ?? []).map(
      ({ path, until }) =>
        [path, new Set(until.map((value) => (value === null ? undefined : String(value))))] as const,
    );
    return new Map([...(this.#states.get(endpointOf(test)) ?? []), ...told]);
  }

  #remember(test: Test): void {
    const key = endpointOf(test);
    const leaves = this.#states.get(key) ?? new Map<string, Set<string | undefined>>();
    if (leaves.size === 0 && this.#states.size >= MAX_ENDPOINTS) return;
    this.#states.set(key, leaves);
    for (const { path } of awaitedOf(test)) {
      const states = leaves.get(path) ?? new Set();
      leaves.set(path, states);
      if (states.size <= MAX_STATES) states.add(leafAt(test.response, path));
    }
  }
}

/** A write waits until it is not refused as it was before. */
function taken({ response }: Test, refusals: readonly number[]): AwaitedLeaf {
  return { path: STATUS, recorded: String(response.status), until: new Set(refusals.map(String)) };
}

/** What a client asked for again; what only lags nobody waited for. */
function awaitedOf({ settling = [] }: Test): readonly SettlingLeaf[] {
  return settling.some(({ lags }) => lags) ? settling.filter(({ lags }) => !lags) : settling;
}

function endpointOf({ request, endpoint }: Test): string {
  return `${request.method} ${endpoint}`;
}

function awaitedLeaf(response: HttpResponse, path: string, until: AwaitedLeaf['until']): AwaitedLeaf[] {
  const recorded = leafAt(response, path);
  return recorded === undefined || until.has(recorded) ? [] : [{ path, recorded, until }];
}

/** Whether an answer is one that the recorded client would have stopped at; another status is not worth waiting. */
export function hasChanged(awaited: AwaitedChange, { status }: HttpResponse, live: HttpResponse): boolean {
  const [first] = awaited;
  if (first?.path === STATUS) return !first.until.has(String(live.status));
  if (live.status !== status) return true;
  return awaited.every(({ path, recorded, until }) => {
    const value = leafAt(live, path);
    return value === recorded || (isMadeAnew(recorded, until) && !until.has(value));
  });
}

/** Whether it is another one in each run: a time, an id, a number that came where there was none. */
function isMadeAnew(recorded: string, until: AwaitedLeaf['until']): boolean {
  if (/^\d+(?:\.\d+)?$/.test(recorded) && readTime(recorded) === null)
    return until.size === 1 && until.has(undefined);
  return kindOf(recorded) !== null || readTime(recorded) !== null;
}
