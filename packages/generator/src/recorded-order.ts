// Plays every test once, in the order of the recording: see recorded-gate.ts. Tests are begun one after the other, each when
// its request has left; their answers are awaited together.
import type { Clock } from '@echoplane/runtime';
import type { Test } from '@echoplane/traffic';
import { AwaitedChanges } from './awaited-change.ts';
import { ConversationSteps } from './conversation-steps.ts';
import type { Player, User } from './player.ts';
import { RecordedGate, type RecordedSpan, type Steps } from './recorded-gate.ts';
import { paceOf, RecordedPace } from './recorded-pace.ts';
import type { TestFile } from './test-file.ts';

/** Read while others are under way, so that the disk does not make a request late. */
const READ_AHEAD = 16;

export interface RecordedOrderOptions {
  tests: TestFile;
  player: Player;
  /** Who sends the tests of a session, by its number; asked for each test. */
  userOf: (session: number) => User;
  /** The last test of a session has ended. */
  sessionEnded: (session: number) => void;
  maxInFlight: number;
  /** Recorded pauses are kept times this; undefined: as `paceOf` has it. */
  thinkFactor: number | undefined;
  clock: Clock;
  signal: AbortSignal;
}

/** Resolves when all tests have ended, or, after the signal aborted, those under way. */
export async function playRecorded(options: RecordedOrderOptions): Promise<void> {
  const { tests, signal } = options;
  const turns = new Turns(options);
  const sessions = new SessionsLeft(tests);
  const changes = new AwaitedChanges();
  const pace = new RecordedPace(options.thinkFactor ?? paceOf(spanOf(tests)));
  for await (const { position, test } of readAhead(tests)) {
    const span = { startUs: tests.index.startUs(position), endUs: tests.index.endUs(position) };
    await turns.wait(span);
    const session = tests.index.session(position);
    await pause(pace.dueUs(span), options);
    if (signal.aborted) break;
    const prepared = options.player.prepare(test, tests.index.sizeBytes(position));
    const user = options.userOf(session);
    const awaited = changes.of(test);
    pace.begin(span, options.clock.nowUs());
    const steps = ConversationSteps.of(test);
    const stepped = () => {
      steps?.take();
      turns.moved();
    };
    await turns.take(span, steps, async (hasLeft) => {
      await new Promise((ended) =>
        options.player.play(prepared, user, { dueUs: null, left: hasLeft, stepped, awaited }, ended),
      );
      pace.end(span, options.clock.nowUs());
      if (sessions.ended(session)) options.sessionEnded(session);
    });
  }
  await turns.over();
}

/** The gate, with those who wait before it. */
class Turns {
  readonly #gate: RecordedGate;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #underWay = new Set<Promise<void>>();
  /** Something under way has come on. */
  #moved = Promise.withResolvers<void>();

  constructor({ maxInFlight, clock, signal }: RecordedOrderOptions) {
    this.#gate = new RecordedGate(maxInFlight);
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Resolves when a test may begin, or the signal aborts. */
  async wait(span: RecordedSpan): Promise<void> {
    while (!this.#signal.aborted) {
      const waitUs = this.#gate.waitUs(span, this.#clock.nowUs());
      if (waitUs === 0) return;
      if (waitUs === Number.POSITIVE_INFINITY) await Promise.race([...this.#underWay, this.#moved.promise]);
      else await this.#clock.sleep(waitUs / 1000, this.#signal);
    }
  }

  /** Whoever waits for a step of a conversation looks again. */
  moved(): void {
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  /** Begins a test and resolves when its request has left. */
  async take(
    span: RecordedSpan,
    steps: Steps | null,
    play: (hasLeft: () => void) => Promise<void>,
  ): Promise<void> {
    const ended = this.#gate.begin(span, this.#clock.nowUs(), steps);
    const { promise: left, resolve: hasLeft } = Promise.withResolvers<void>();
    const played = play(hasLeft).finally(() => {
      ended();
      this.#underWay.delete(played);
    });
    this.#underWay.add(played);
    await Promise.race([left, played]);
  }

  async over(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}

/** How many tests of each session are still to end. */
class SessionsLeft {
  readonly #left: Uint32Array;

  constructor({ index, recorded }: TestFile) {
    this.#left = new Uint32Array(index.sessions);
    for (const position of recorded) this.#left[index.session(position)]!++;
  }

  /** Whether it was the session's last test. */
  ended(session: number): boolean {
    return --this.#left[session]! === 0;
  }
}

/** From the first request to the last, in µs. */
function spanOf({ index, recorded }: TestFile): number {
  const [first, last] = [recorded[0], recorded.at(-1)];
  return first === undefined || last === undefined ? 0 : index.startUs(last) - index.startUs(first);
}

async function pause(dueUs: number, { clock, signal }: RecordedOrderOptions): Promise<void> {
  const waitMs = (dueUs - clock.nowUs()) / 1000;
  if (waitMs > 0) await clock.sleep(waitMs, signal);
}

/** The tests in the order of the recording. */
async function* readAhead(tests: TestFile): AsyncGenerator<{ position: number; test: Test }> {
  const ahead: Promise<Test>[] = [];
  const read = (position: number) => {
    const test = tests.read(position);
    // A failure is met when its turn comes; until then it must not count as unhandled.
    test.catch(() => {});
    ahead.push(test);
  };
  for (const position of tests.recorded.subarray(0, READ_AHEAD)) read(position);
  for (const [i, position] of tests.recorded.entries()) {
    const test = await ahead.shift()!;
    const next = tests.recorded[i + READ_AHEAD];
    if (next !== undefined) read(next);
    yield { position, test };
  }
}
