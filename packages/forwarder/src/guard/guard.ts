// The second guard: an independent look at a sample of what left, after redaction, in a thread of its own. It finds what
// redaction let through, and raises an alarm: a counter, a line in the log, the status page. It never delays what it
// watches, never changes it, and never repeats a value.
//
//   offer ─ sampled ─▶ waiting (one frame, the newest) ─▶ thread ─▶ findings ─▶ alarm
import { Worker } from 'node:worker_threads';
import { backoffMs, type Clock, type Logger, type Sample } from '@echoplane/runtime';
import { count, total } from '@echoplane/traffic';
import type { Expectations, GuardFinding } from './guard-scan.ts';

export interface GuardTask {
  ndjson: Uint8Array;
  expected: Expectations;
}

export interface GuardAnswer {
  findings: GuardFinding[];
  tookMs: number;
}

/** Where a frame lies. */
export interface FramePlace {
  segment: string;
  frame: number;
}

export interface GuardOptions {
  /** Share of frames that are looked through, 0 to 1. */
  share: number;
  clock: Clock;
  log: Logger;
  random?: () => number;
  /** A scan that takes longer is given up. */
  deadlineMs?: number;
  /** The script of the thread; beside this one by default. */
  script?: URL;
  retry?: { firstMs: number; maxMs: number };
}

interface Waiting extends FramePlace {
  ndjson: Uint8Array<ArrayBuffer>;
  expected: Expectations;
}

/** Of a larger frame the beginning is looked through. */
const MAX_SCAN_BYTES = 1 << 20;
/** Names come from a fixed list; a hundred of them are enough whatever happens. */
const MAX_RULES = 100;
const TOLD_EVERY_US = 60_000_000;
const TOLD_IDS = 5;
const MEMORY_MIB = 96;
const YOUNG_MIB = 4;
const DEFAULTS = { deadlineMs: 20_000, retry: { firstMs: 1_000, maxMs: 60_000 }, random: Math.random };
const LF = 0x0a;

export class Guard {
  readonly #options: GuardOptions & typeof DEFAULTS;
  readonly #alarms: Record<string, number> = {};
  readonly #toldUs = new Map<string, number>();
  #expected: Expectations = { enabled: true, detectorsOff: [], keysExcept: [] };
  #waiting: Waiting | null = null;
  #wake = new AbortController();
  #scannedFrames = 0;
  #scannedBytes = 0;
  #skippedFrames = 0;
  #failures = 0;
  #scanMs = 0;
  #last: (GuardFinding & FramePlace & { atUs: number }) | null = null;

  constructor(options: GuardOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** What is left in on purpose, from the redaction rules that are in force. */
  expect({ enabled, detectorsOff, keysExcept }: Expectations): void {
    this.#expected = { enabled, detectorsOff, keysExcept };
  }

  /** Takes a share of the frames on, copied. Never throws, never waits; a newer frame takes the place of one that waits. */
  offer(ndjson: string | Uint8Array, { segment, frame }: FramePlace): void {
    const { share, random } = this.#options;
    if (!this.#expected.enabled || share <= 0 || random() >= share) return;
    if (this.#waiting) this.#skippedFrames++;
    this.#waiting = { ndjson: beginningOf(ndjson), segment, frame, expected: this.#expected };
    this.#wake.abort();
  }

  /** Findings since the start. */
  get alarms(): number {
    return total(this.#alarms);
  }

  /** Looks through what was offered until `signal` aborts; a thread that ends or hangs is replaced and counted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, retry } = this.#options;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const scannedBefore = this.#scannedFrames;
      await this.#untilOffered(signal, () => false);
      if (signal.aborted) return;
      const why = await this.#withThread(signal);
      if (signal.aborted) return;
      this.#failures++;
      log.warn({ why }, 'the thread of the guard ended; another one is started');
      if (this.#scannedFrames > scannedBefore) attempt = 1;
      await clock.sleep(backoffMs(attempt, retry, Math.random()), signal);
    }
  }

  status() {
    return {
      share: this.#options.share,
      ...{ scannedFrames: this.#scannedFrames, scannedBytes: this.#scannedBytes },
      ...{ skippedFrames: this.#skippedFrames, failures: this.#failures, scanMs: Math.round(this.#scanMs) },
      ...{ alarms: { ...this.#alarms }, lastAlarm: this.#last },
    };
  }

  samples(): Sample[] {
    const alarms = Object.entries(this.#alarms).map(([rule, value]) => ({ labels: { rule }, value }));
    const counter = (name: string, help: string, values: Sample['values']): Sample => ({
      ...{ name: `echoplane_forwarder_guard_${name}_total`, help, type: 'counter', values },
    });
    return [
      counter('alarms', 'RRPairs in which the guard found what redaction let through, by rule', alarms),
      counter('frames', 'Frames the guard looked through', [{ value: this.#scannedFrames }]),
      counter('bytes', 'Bytes of NDJSON the guard looked through', [{ value: this.#scannedBytes }]),
      counter('skipped_frames', 'Frames that made room for newer ones', [{ value: this.#skippedFrames }]),
      counter('failures', 'Threads of the guard that ended or hung', [{ value: this.#failures }]),
    ];
  }

  async #untilOffered(signal: AbortSignal, isOver: () => boolean): Promise<void> {
    while (!this.#waiting && !signal.aborted && !isOver()) {
      this.#wake = new AbortController();
      await this.#options.clock.sleep(3_600_000, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  /** One thread from start to end; why it ended. */
  async #withThread(signal: AbortSignal): Promise<string> {
    const thread = this.#startThread();
    let why: string | null = null;
    let settle: (answer: GuardAnswer | string) => void = () => {};
    const end = (reason: string) => {
      why ??= reason;
      settle(reason);
      this.#wake.abort();
    };
    thread.on('error', ({ name }) => end(name)).on('exit', (code) => end(`exit ${code}`));
    thread.on('message', (answer: GuardAnswer) => settle(answer));
    try {
      for (;;) {
        await this.#untilOffered(signal, () => why !== null);
        const frame = this.#waiting;
        if (signal.aborted || why !== null || !frame) return why ?? 'stopped';
        this.#waiting = null;
        const { promise, resolve } = Promise.withResolvers<GuardAnswer | string>();
        settle = resolve;
        const answer = await this.#scanned(thread, frame, promise, signal);
        if (typeof answer === 'string') return answer;
        this.#take(answer, frame);
      }
    } finally {
      await thread.terminate();
    }
  }

  #startThread(): Worker {
    const thread = new Worker(this.#options.script ?? scriptBeside(import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB, maxYoungGenerationSizeMb: YOUNG_MIB },
      ...{ stdout: true, stderr: true, env: {} },
    });
    thread.stdout.resume();
    thread.stderr.resume();
    thread.unref();
    return thread;
  }

  /** What the thread answers, or why it does not. */
  async #scanned(
    thread: Worker,
    { ndjson, expected }: Waiting,
    answered: Promise<GuardAnswer | string>,
    signal: AbortSignal,
  ): Promise<GuardAnswer | string> {
    const size = ndjson.length;
    const task: GuardTask = { ndjson, expected };
    thread.postMessage(task, [ndjson.buffer]);
    const over = new AbortController();
    const limit = this.#options.clock
      .sleep(this.#options.deadlineMs, AbortSignal.any([signal, over.signal]))
      .then(() => 'it took too long');
    const answer = await Promise.race([answered, limit]);
    over.abort();
    if (typeof answer !== 'string') {
      this.#scannedFrames++;
      this.#scannedBytes += size;
      this.#scanMs += answer.tookMs;
    }
    return answer;
  }

  #take({ findings }: GuardAnswer, { segment, frame }: FramePlace): void {
    const atUs = this.#options.clock.nowUs();
    for (const { rule, id } of findings) {
      const name = rule in this.#alarms || Object.keys(this.#alarms).length < MAX_RULES ? rule : 'other';
      count(this.#alarms, name);
      this.#last = { rule: name, id, segment, frame, atUs };
    }
    for (const [rule, found] of Map.groupBy(findings, ({ rule }) => rule)) {
      if (atUs - (this.#toldUs.get(rule) ?? Number.NEGATIVE_INFINITY) < TOLD_EVERY_US) continue;
      if (this.#toldUs.size >= MAX_RULES) this.#toldUs.clear();
      this.#toldUs.set(rule, atUs);
      const ids = found.slice(0, TOLD_IDS).map(({ id }) => id);
      this.#options.log.error(
        { rule, segment, frame, pairs: found.length, ids },
        'ALARM: the guard found in what left the forwarder something that redaction should have replaced',
      );
    }
  }
}

/** Beside this file: as source, or as the bundle's second script. */
export function scriptBeside(url: string): URL {
  return new URL(url.endsWith('.ts') ? './guard-worker.ts' : './guard-worker.js', url);
}

/** A copy of whole lines of at most 1 MiB. */
function beginningOf(ndjson: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = typeof ndjson === 'string' ? Buffer.from(ndjson) : ndjson;
  if (bytes.length <= MAX_SCAN_BYTES) return new Uint8Array(bytes);
  const end = bytes.lastIndexOf(LF, MAX_SCAN_BYTES);
  return new Uint8Array(bytes.subarray(0, end > 0 ? end : MAX_SCAN_BYTES));
}
