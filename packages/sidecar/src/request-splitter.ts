// Cuts a client's bytes into request heads and raw bodies, for the one place where a head is rewritten on its way.
// Bodies come out exactly as they came in, transfer framing included; only their end is looked for. Pure.
import { Http1Framer, type Http1Sink } from '@echoplane/wire';

/** The next piece of a client's bytes; `rest` is what is left of the chunk. */
export type Part =
  | { type: 'more' }
  | { type: 'head'; raw: Buffer; method: string; url: string; upgrade: boolean; rest: Buffer }
  | { type: 'body'; bytes: Buffer; rest: Buffer }
  | { type: 'refused'; reason: string };

type Head = Extract<Part, { type: 'head' }>;

const NOTHING = Buffer.alloc(0);
const ignore = () => {};

/** One client connection's requests, in order. */
export class RequestSplitter {
  #heads = new Http1Framer('request');
  /** Finds the end of the body in progress; null between requests. */
  #body: Http1Framer | null = null;
  #refused: string | null = null;

  /** Whether the next byte is the first of a request. */
  get isBetween(): boolean {
    return this.#body === null && !this.#heads.inHead;
  }

  /** The first part of `chunk`; call again with the part's `rest` while there is any. */
  take(chunk: Buffer): Part {
    if (this.#refused) return { type: 'refused', reason: this.#refused };
    return this.#body ? this.#takeBody(this.#body, chunk) : this.#takeHead(chunk);
  }

  #takeHead(chunk: Buffer): Part {
    const framer = this.#heads;
    // Another protocol (SOCKS, TLS) may wait for our answer and never send what ends a head.
    if (!framer.inHead && isNoText(chunk[0])) this.#refused = 'not-http';
    if (this.#refused) return { type: 'refused', reason: this.#refused };
    let head: Omit<Head, 'rest'> | null = null;
    framer.feed(chunk, {
      head: ({ raw, method, target, upgrade }) => {
        head = { type: 'head', raw: Buffer.from(raw), method, url: target, upgrade };
        // An abandoned framer counts what follows: that is how the end of the head is known.
        framer.abandon();
      },
      body: ignore,
      trailers: ignore,
      complete: ignore,
      opaque: (reason) => {
        this.#refused = reason;
      },
    });
    if (this.#refused) return { type: 'refused', reason: this.#refused };
    const found = head as Omit<Head, 'rest'> | null;
    if (!found) return { type: 'more' };
    this.#heads = new Http1Framer('request');
    this.#beginBody(found.raw);
    return { ...found, rest: chunk.subarray(chunk.length - framer.opaqueBytes) };
  }

  #beginBody(raw: Buffer): void {
    this.#body = new Http1Framer('request');
    this.#body.feed(raw, this.#bodySink(this.#body));
  }

  #takeBody(framer: Http1Framer, chunk: Buffer): Part {
    framer.feed(chunk, this.#bodySink(framer));
    if (this.#refused) return { type: 'refused', reason: this.#refused };
    const end = chunk.length - framer.opaqueBytes;
    return { type: 'body', bytes: chunk.subarray(0, end), rest: this.#body ? NOTHING : chunk.subarray(end) };
  }

  #bodySink(framer: Http1Framer): Http1Sink {
    return {
      head: ignore,
      body: ignore,
      trailers: ignore,
      complete: () => {
        this.#body = null;
        framer.abandon();
      },
      opaque: (reason) => {
        this.#refused = reason;
      },
    };
  }
}

function isNoText(byte: number | undefined): boolean {
  return byte !== undefined && (byte < 0x20 || byte > 0x7e) && byte !== 0x0d && byte !== 0x0a;
}
