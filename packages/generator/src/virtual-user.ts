// A virtual user: walks from session to session, the tests of each strictly in order, with live values of its own for each
// and, under load, the same connections for all, as one client. The sessions are handed out in turn, round after round; a
// round's sessions know what others of the round learned. It must not know when a test is sent.
import { runName } from '@echoplane/traffic';
import type { TransformState } from '@echoplane/transforms';
import type { Client } from './client.ts';
import type { LiveSpace, UserValues } from './live-space.ts';
import type { User } from './player.ts';
import type { PreparedTest } from './prepared-test.ts';
import type { PreparedTests } from './prepared-tests.ts';
import type { TestFile } from './test-file.ts';

/** The sessions, in turn. */
export class SessionRounds {
  readonly #tests: TestFile;
  readonly #space: LiveSpace;
  readonly #isOnce: boolean;
  #next = 0;
  #round: number;
  #values: UserValues;

  /** `isOnce`: there is one round; `round`: the number of the first. */
  constructor(tests: TestFile, space: LiveSpace, { isOnce, round }: { isOnce: boolean; round: number }) {
    this.#tests = tests;
    this.#space = space;
    this.#isOnce = isOnce;
    this.#round = round;
    this.#values = space.newValues();
  }

  get hasMore(): boolean {
    const { count } = this.#tests.sessions;
    return count > 0 && !(this.#isOnce && this.#next === count);
  }

  /** Enters the next session; false when there are no more. */
  next(): boolean {
    if (!this.hasMore) return false;
    if (this.#next === this.#tests.sessions.count) {
      this.#next = 0;
      this.#round++;
      this.#values = this.#space.newValues();
    }
    this.#next++;
    return true;
  }

  /** The session that was entered last: its number in the list of sessions. */
  get session(): number {
    return this.#next - 1;
  }

  get round(): number {
    return this.#round;
  }

  /** What the sessions of the round know of each other. */
  get values(): UserValues {
    return this.#values;
  }
}

/** A test that is due next, and how long after the one before it was sent in the recording. */
export interface Step {
  prepared: PreparedTest;
  /** From the recorded end of the test before it; 0 for the first of a session. */
  pauseUs: number;
}

export interface VirtualUserOptions {
  tests: TestFile;
  prepared: PreparedTests;
  rounds: SessionRounds;
  space: LiveSpace;
  newClient: () => Client;
  newState: (identity: { user: number; round: number }) => TransformState;
  /** Each session is a client of its own; without it the user is one. */
  isClientPerSession: boolean;
}

export class VirtualUser implements User {
  readonly #options: VirtualUserOptions;
  readonly #number: number;
  client: Client;
  state!: TransformState;
  runName = '';
  #round = -1;
  /** Made when first asked for: many sessions neither make nor need any. */
  #values: UserValues | null = null;
  /** Known to all sessions of its round. */
  #ofRound!: UserValues;
  /** Its session is this stretch of all sessions' tests; `#at` is the next of it. */
  #first = 0;
  #end = 0;
  #at = 0;

  /** `number`: from 0; no two users of a run have the same. */
  constructor(number: number, options: VirtualUserOptions) {
    this.#number = number;
    this.#options = options;
    this.client = options.newClient();
  }

  get isAlone(): boolean {
    return this.#end - this.#first === 1;
  }

  get values(): UserValues {
    this.#values ??= this.#options.space.newValues(this.#ofRound);
    return this.#values;
  }

  /** What it sends next, at once when that is at hand; null when there are no more sessions. */
  next(): Step | null | Promise<Step> {
    const { tests, prepared } = this.#options;
    if (this.#at === this.#end && !this.#enterSession()) return null;
    const { sessions, index } = tests;
    const position = sessions.test(this.#at);
    const isFirst = this.#at === this.#first;
    const pauseUs = isFirst
      ? 0
      : Math.max(0, index.startUs(position) - index.endUs(sessions.test(this.#at - 1)));
    this.#at++;
    const test = prepared.get(position);
    if (test instanceof Promise) return test.then((read) => ({ prepared: read, pauseUs }));
    return { prepared: test, pauseUs };
  }

  close(): void {
    this.client.close();
  }

  #enterSession(): boolean {
    const { rounds, tests, newClient, newState, isClientPerSession } = this.#options;
    if (!rounds.next()) return false;
    if (isClientPerSession) {
      this.client.close();
      this.client = newClient();
    }
    this.#first = this.#at = tests.sessions.first(rounds.session);
    this.#end = tests.sessions.end(rounds.session);
    this.#values = null;
    this.#ofRound = rounds.values;
    // Every round is somebody else's: other variables, another row of each data set.
    if (rounds.round !== this.#round) {
      const [user, round] = [this.#number, rounds.round];
      this.#round = round;
      this.state = newState({ user, round });
      // Without stages there is one round, and the run knows all its values as one.
      if (!isClientPerSession) this.runName = runName(user, round);
    }
    return true;
  }
}
