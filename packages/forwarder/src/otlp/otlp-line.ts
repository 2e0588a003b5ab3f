// One signal on its way to a collector: items are collected into batches, batches wait in a queue bounded in bytes, one
// at a time is sent, again and again while the collector is away. At the bound the oldest waiting batch goes, counted:
// what arrives after an outage is recent. It must not know RRPairs.
//
//   offer ─▶ open batch ─ full, or old ─▶ waiting ─▶ in flight ─▶ sent | rejected (partly) | dropped (refused)
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { backoffMs, type Clock, type Logger } from '@echoplane/runtime';
import { count } from '@echoplane/traffic';
import { type OtlpItem, type OtlpSignal, otlpRequest, signalUrl } from './otlp-records.ts';

export interface OtlpLineOptions {
  signal: OtlpSignal;
  /** Base address of the collector. */
  url: string;
  headers: Readonly<Record<string, string>>;
  clock: Clock;
  log: Logger;
  /** Bound of all items held, bytes of JSON. */
  queueBytes?: number;
  batchBytes?: number;
  /** How long an item may wait for company. */
  batchDelayMs?: number;
  timeoutMs?: number;
  retry?: { firstMs: number; maxMs: number };
  /** What is still held at the end is tried for so long. */
  lastWordMs?: number;
}

/** Cumulative, in items; `offered = sent + rejected + dropped + held`. */
export interface OtlpCounts {
  offered: number;
  sent: number;
  /** Taken with the batch and refused one by one by the collector (partial success). */
  rejected: number;
  dropped: Record<string, number>;
  heldItems: number;
  heldBytes: number;
  /** Attempts that failed since the last that did not. */
  failures: number;
}

interface Batch {
  items: OtlpItem[];
  bytes: number;
  /** When its first item came. */
  sinceUs: number;
}

type Answer =
  | { outcome: 'taken'; rejected: number }
  | { outcome: 'again'; why: string; afterMs: number | null }
  | { outcome: 'refused'; why: string };

const DEFAULTS = {
  queueBytes: 16 << 20,
  batchBytes: 512 << 10,
  batchDelayMs: 1_000,
  timeoutMs: 10_000,
  retry: { firstMs: 500, maxMs: 30_000 },
  lastWordMs: 2_000,
};
const MAX_BATCH_ITEMS = 2_000;
/** A collector that asks for more patience is asked again all the same. */
const MAX_RETRY_AFTER_MS = 300_000;
const RETRYABLE = new Set([429, 502, 503, 504]);
const MAX_ANSWER_BYTES = 64 << 10;
const TOLD_EVERY_US = 60_000_000;
const compress = promisify(gzip);

export class OtlpLine {
  readonly #options: OtlpLineOptions & typeof DEFAULTS;
  readonly #url: string;
  readonly #waiting: Batch[] = [];
  readonly #dropped: Record<string, number> = {};
  #inFlight: Batch | null = null;
  #heldBytes = 0;
  #offered = 0;
  #sent = 0;
  #rejected = 0;
  #failures = 0;
  #toldUs = Number.NEGATIVE_INFINITY;
  #wake = new AbortController();

  constructor(options: OtlpLineOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#url = signalUrl(options.url, options.signal);
  }

  /** Takes an item on. Never throws, never waits. */
  offer(item: OtlpItem): void {
    this.#offered++;
    const bytes = Buffer.byteLength(item.json) + Buffer.byteLength(item.resource);
    const { queueBytes } = this.#options;
    const isTooLarge = bytes > queueBytes / 2;
    while (!isTooLarge && this.#heldBytes + bytes > queueBytes && this.#makeRoom());
    if (isTooLarge || this.#heldBytes + bytes > queueBytes)
      this.drop(isTooLarge ? 'too-large' : 'queue-full', 1);
    else this.#add(item, bytes);
  }

  #add(item: OtlpItem, bytes: number): void {
    const { batchBytes, clock } = this.#options;
    let open = this.#waiting.at(-1);
    if (!open || open.bytes + bytes > batchBytes || open.items.length >= MAX_BATCH_ITEMS) {
      open = { items: [], bytes: 0, sinceUs: clock.nowUs() };
      this.#waiting.push(open);
      this.#wake.abort();
    }
    open.items.push(item);
    open.bytes += bytes;
    this.#heldBytes += bytes;
  }

  /** Counts items that were offered and are given up. */
  drop(reason: string, items: number): void {
    count(this.#dropped, reason, items);
  }

  /** Counts one that never became an item. */
  dropUnmade(reason: string): void {
    this.#offered++;
    this.drop(reason, 1);
  }

  get counts(): OtlpCounts {
    const held = [...this.#waiting, ...(this.#inFlight ? [this.#inFlight] : [])];
    return {
      ...{ offered: this.#offered, sent: this.#sent, rejected: this.#rejected },
      dropped: { ...this.#dropped },
      heldItems: held.reduce((sum, { items }) => sum + items.length, 0),
      ...{ heldBytes: this.#heldBytes, failures: this.#failures },
    };
  }

  /** Sends until `signal` aborts, then what is left once more within `lastWordMs`; the rest is counted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#isDue()) await this.#sendFirst(signal);
      else await this.#idle(signal);
    }
    const last = AbortSignal.timeout(this.#options.lastWordMs);
    while (this.#waiting.length > 0 && !last.aborted) if (!(await this.#sendFirst(last, 1))) break;
    for (const batch of this.#waiting.splice(0)) this.#giveUp(batch, 'shutdown');
  }

  /** The first batch is complete, or its time has come. */
  #isDue(): boolean {
    const [first, second] = this.#waiting;
    if (!first) return false;
    return second !== undefined || this.#dueInMs(first) <= 0;
  }

  #dueInMs({ sinceUs }: Batch): number {
    const { clock, batchDelayMs } = this.#options;
    return batchDelayMs - (clock.nowUs() - sinceUs) / 1000;
  }

  async #idle(signal: AbortSignal): Promise<void> {
    const [first] = this.#waiting;
    this.#wake = new AbortController();
    const forMs = first ? this.#dueInMs(first) : this.#options.batchDelayMs * 60;
    await this.#options.clock.sleep(Math.max(1, forMs), AbortSignal.any([signal, this.#wake.signal]));
  }

  /** Sends the oldest batch, as often as it takes; whether that came to an end. An interrupted one waits again. */
  async #sendFirst(signal: AbortSignal, attempts = Number.POSITIVE_INFINITY): Promise<boolean> {
    const batch = this.#waiting.shift()!;
    this.#inFlight = batch;
    const body = await compress(otlpRequest(this.#options.signal, batch.items));
    let isDone = false;
    for (let attempt = 1; attempt <= attempts && !signal.aborted && !isDone; attempt++) {
      const answer = await this.#post(body, signal);
      isDone = this.#settle(batch, answer);
      if (!isDone && attempt < attempts && !signal.aborted) await this.#pause(attempt, answer, signal);
    }
    this.#inFlight = null;
    if (!isDone) this.#waiting.unshift(batch);
    return isDone;
  }

  #settle(batch: Batch, answer: Answer): boolean {
    if (answer.outcome === 'again') {
      this.#failures++;
      this.#tell(answer.why, 'the OTLP collector does not take what is exported; it is tried again');
      return false;
    }
    this.#failures = 0;
    if (answer.outcome === 'refused') {
      this.#tell(answer.why, 'the OTLP collector refused what is exported; it is dropped');
      this.#giveUp(batch, 'refused');
      return true;
    }
    const rejected = Math.min(answer.rejected, batch.items.length);
    this.#rejected += rejected;
    this.#sent += batch.items.length - rejected;
    this.#heldBytes -= batch.bytes;
    if (rejected > 0) this.#tell(`${rejected} rejected`, 'the OTLP collector took a batch only in part');
    return true;
  }

  async #post(body: Buffer, signal: AbortSignal): Promise<Answer> {
    const { headers, timeoutMs } = this.#options;
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json', 'content-encoding': 'gzip' },
        body: new Uint8Array(body),
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      const text = await beginningOf(response);
      const { status } = response;
      if (response.ok) return { outcome: 'taken', rejected: rejectedIn(text) };
      const afterMs = retryAfterMs(response.headers.get('retry-after'), this.#options.clock.nowUs() / 1000);
      if (RETRYABLE.has(status)) return { outcome: 'again', why: `status ${status}`, afterMs };
      return { outcome: 'refused', why: `status ${status}` };
    } catch (err) {
      const { cause, name } = err as { cause?: { code?: string }; name: string };
      return { outcome: 'again', why: cause?.code ?? name, afterMs: null };
    }
  }

  async #pause(attempt: number, answer: Answer, signal: AbortSignal): Promise<void> {
    const { clock, retry } = this.#options;
    const asked = answer.outcome === 'again' ? answer.afterMs : null;
    await clock.sleep(asked ?? backoffMs(attempt, retry, Math.random()), signal);
  }

  /** False when nothing waits that could go: what is in flight stays. */
  #makeRoom(): boolean {
    const oldest = this.#waiting.shift();
    if (oldest) this.#giveUp(oldest, 'queue-full');
    return oldest !== undefined;
  }

  #giveUp(batch: Batch, reason: string): void {
    this.#heldBytes -= batch.bytes;
    this.drop(reason, batch.items.length);
  }

  /** At most once a minute; never what the collector said, which may repeat what it was sent. */
  #tell(why: string, message: string): void {
    const nowUs = this.#options.clock.nowUs();
    if (nowUs - this.#toldUs < TOLD_EVERY_US) return;
    this.#toldUs = nowUs;
    this.#options.log.warn({ signal: this.#options.signal, why }, message);
  }
}

/** As text, at most 64 KiB; the rest is not read. */
async function beginningOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  if (!response.body) return text;
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER_BYTES) break;
  }
  return text;
}

/** Items that a collector says it did not take of a batch it took. */
function rejectedIn(text: string): number {
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: Record<string, unknown> };
    const rejected = Number(partialSuccess?.rejectedLogRecords ?? partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    return 0;
  }
}

/** RFC 9110 section 10.2.3: seconds or a date; null when it says neither. At most five minutes. */
export function retryAfterMs(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  const ms = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}
