// A container's log as the API server streams it (`timestamps=true`): lines with their times, each bounded, and none twice when
// the stream is opened again from a second before. Pure.
import { MAX_LOG_LINE_BYTES } from '@echoplane/api';

const LF = 0x0a;
/** Room for the timestamp before the line. */
const MAX_STAMP_BYTES = 48;

export interface LogLine {
  /** µs since the epoch. */
  ts: number;
  text: string;
  cutBytes: number;
}

export class LogLines {
  #held: Buffer[] = [];
  #heldBytes = 0;
  #cutBytes = 0;
  /** Of the newest line, ns since the epoch. */
  #newest = 0n;
  /** What a stream that was opened again repeats. */
  #skipUntil = -1n;

  /** Time of the newest line in whole seconds, as `sinceTime` takes it; null before the first. */
  get newestSecond(): string | null {
    return this.#newest === 0n ? null : new Date(Number(this.#newest / 1_000_000_000n) * 1000).toISOString();
  }

  /** A new stream begins: an unfinished line is given up, and lines up to the newest are passed over. */
  reopen(): void {
    this.#reset();
    this.#skipUntil = this.#newest === 0n ? -1n : this.#newest;
  }

  /** The lines that end in `chunk`. */
  *feed(chunk: Buffer): Generator<LogLine> {
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      this.#hold(chunk.subarray(from, end));
      from = end + 1;
      const line = this.#finish();
      if (line) yield line;
    }
    this.#hold(chunk.subarray(from));
  }

  #hold(part: Buffer): void {
    const room = MAX_LOG_LINE_BYTES + MAX_STAMP_BYTES - this.#heldBytes;
    const kept = part.subarray(0, Math.max(0, room));
    // A copy: the chunk it is part of may be a whole read.
    if (kept.length > 0) this.#held.push(Buffer.from(kept));
    this.#heldBytes += kept.length;
    this.#cutBytes += part.length - kept.length;
  }

  #finish(): LogLine | null {
    const bytes = Buffer.concat(this.#held);
    const cut = this.#cutBytes;
    this.#reset();
    const blank = bytes.indexOf(0x20);
    const stamp = blank < 0 ? bytes.toString() : bytes.toString('latin1', 0, blank);
    const ns = nanoseconds(stamp);
    if (ns === null || ns <= this.#skipUntil) return null;
    if (ns > this.#newest) this.#newest = ns;
    const whole = bytes.subarray(blank < 0 ? bytes.length : blank + 1);
    // Valid text of no more bytes than the bound, even where a character was cut or an octet is replaced by three.
    let text = whole.subarray(0, MAX_LOG_LINE_BYTES).toString().replace(/\r$/, '');
    while (Buffer.byteLength(text) > MAX_LOG_LINE_BYTES) text = text.slice(0, Math.floor(text.length * 0.7));
    return {
      ts: Number(ns / 1000n),
      text,
      cutBytes: cut + Math.max(0, whole.length - MAX_LOG_LINE_BYTES),
    };
  }

  #reset(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#cutBytes = 0;
  }
}

/** RFC 3339 with up to nine decimals, in ns since the epoch; null for anything else. */
export function nanoseconds(stamp: string): bigint | null {
  const [, seconds, fraction = '', zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(stamp) ?? [];
  const ms = seconds === undefined ? Number.NaN : Date.parse(`${seconds}${zone}`);
  return Number.isNaN(ms) ? null : BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
