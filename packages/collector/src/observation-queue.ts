// Observations that wait for the forwarder, bounded in bytes: when it is full the oldest logs go first, then the oldest of
// anything, and what went is counted and told in a note. It must not know where they go.
import {
  MAX_OBSERVATION_BATCH_BYTES,
  MAX_OBSERVATIONS,
  Observation,
  type ObservationKind,
} from '@echoplane/api';

const MAX_BYTES = 8 << 20;

type Unbound<T> = T extends unknown ? Omit<T, 'replay'> : never;
/** An observation before it is known whose it is. */
export type Seen = Unbound<Observation>;

interface Held {
  kind: ObservationKind;
  line: Buffer;
}

/** First in, first out, without moving what stays. */
class Fifo {
  #items: Held[] = [];
  #from = 0;

  get first(): Held | undefined {
    return this.#items[this.#from];
  }
  get length(): number {
    return this.#items.length - this.#from;
  }
  push(item: Held): void {
    this.#items.push(item);
  }
  shift(): Held | undefined {
    const item = this.#items[this.#from];
    if (item) this.#from++;
    if (this.#from > 1_000 && this.#from * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#from);
      this.#from = 0;
    }
    return item;
  }
}

export class ObservationQueue {
  readonly #replay: string;
  readonly #nowUs: () => number;
  readonly #maxBytes: number;
  readonly #logs = new Fifo();
  readonly #others = new Fifo();
  readonly #dropped: Record<ObservationKind, number> = { log: 0, event: 0, metric: 0, note: 0 };
  #bytes = 0;
  #toldDrops = 0;

  constructor({
    replay,
    nowUs,
    maxBytes = MAX_BYTES,
  }: { replay: string; nowUs: () => number; maxBytes?: number }) {
    this.#replay = replay;
    this.#nowUs = nowUs;
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#logs.length + this.#others.length;
  }
  get bytes(): number {
    return this.#bytes;
  }
  /** What did not fit, by kind. */
  get dropped(): Readonly<Record<ObservationKind, number>> {
    return this.#dropped;
  }

  /** Takes an observation; makes room for it when there is none. Throws ZodError for what is no observation. */
  put(seen: Seen): void {
    const line = this.#lineOf(seen);
    (seen.kind === 'log' ? this.#logs : this.#others).push({ kind: seen.kind, line });
    this.#bytes += line.length;
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#logs.shift() ?? this.#others.shift()!;
      this.#bytes -= oldest.line.length;
      this.#dropped[oldest.kind]++;
    }
  }

  /** The next batch as NDJSON, notes, Events and metrics before logs; null when there is nothing. */
  take(): { body: Buffer; count: number } | null {
    const note = this.#dropsNote();
    const lines = note ? [note] : [];
    let sizeBytes = note?.length ?? 0;
    for (const fifo of [this.#others, this.#logs]) {
      for (let next = fifo.first; next && lines.length < MAX_OBSERVATIONS; next = fifo.first) {
        if (sizeBytes > 0 && sizeBytes + next.line.length > MAX_OBSERVATION_BATCH_BYTES) break;
        lines.push(next.line);
        sizeBytes += next.line.length;
        this.#bytes -= next.line.length;
        fifo.shift();
      }
    }
    return lines.length === 0 ? null : { body: Buffer.concat(lines), count: lines.length };
  }

  #lineOf(seen: Seen): Buffer {
    return Buffer.from(`${JSON.stringify(Observation.parse({ replay: this.#replay, ...seen }))}\n`);
  }

  /** What was dropped since this was last told; it goes past the queue, or it would itself push something out. */
  #dropsNote(): Buffer | null {
    const { log, event, metric, note } = this.#dropped;
    const all = log + event + metric + note;
    if (all === this.#toldDrops) return null;
    this.#toldDrops = all;
    const message = `${log} log lines and ${all - log} other observations were dropped so far: the forwarder took them too slowly`;
    return this.#lineOf({ kind: 'note', ts: this.#nowUs(), code: 'observations-dropped', message });
  }
}
