// The capture of one process: it opens a tap for each connection, knows those that are open, and bounds what all of them
// hold. What a tap makes of its bytes is connection-capture.ts's.
import { type Clock, writeNewId } from '@echoplane/runtime';
import { type CapturedAddress, type CapturedPair, HttpPairEncoder, Slabs } from '@echoplane/wire';
import { ConnectionCapture, type PairSink } from './connection-capture.ts';
import type { DestinationRules } from './destination-rules.ts';
import type { Metrics } from './metrics.ts';
import type { Tap } from './splice.ts';
import type { Withholding } from './withholding.ts';

/** What is known of a connection when its capture begins. */
export interface ConnectionFacts {
  direction: 'IN' | 'OUT';
  scheme: 'http' | 'https';
  client: CapturedAddress;
  server: CapturedAddress;
  tls: CapturedPair['tls'];
  /** Why it is not to be framed, when that is already known. */
  opaque?: string;
}

export interface CaptureOptions {
  sink: PairSink;
  clock: Pick<Clock, 'nowUs'>;
  metrics: Metrics;
  /** Names this life of this process in connection ids. */
  incarnation: string;
  bodyLimitBytes: number;
  /** Bytes held for one connection, beside bodies. */
  connectionLimitBytes: number;
  /** Bytes held for all connections: bodies have three quarters of it, heads the rest. At it bodies go first, then connections. */
  captureLimitBytes: number;
  /** Connections captured at once; more are passed through unseen and counted. */
  maxConnections: number;
  tags: Record<string, string>;
  /** Whether new connections are captured at this moment. */
  isCapturing(): boolean;
  /** Which requests are held back; null: none. */
  withhold: Withholding | null;
  /** Puts a dump between a connection and its capture; in diagnostics mode only. */
  diagnose?: ((tap: ConnectionTap, facts: ConnectionFacts) => ConnectionTap) | null;
  rules: DestinationRules;
  /** The name by which a request calls its server, or empty; null: servers are not named so. */
  hostNamed?: ((requestHead: Buffer) => string) | null;
  /** Opaque destinations, by port, of which bytes are kept. */
  opaqueBytesPorts: ReadonlySet<number>;
}

/** A tap with what only its owner can tell it. */
export interface ConnectionTap extends Tap {
  /** The server's address, once it is known. */
  connected(ip: string | undefined, port: number | undefined): void;
  /** The server could not be reached; requests that were seen say so. */
  connectFailed(): void;
  /** Whether nothing is going on: no request waits for its response, no stream is open. */
  readonly isQuiet: boolean;
}

const UNSEEN: ConnectionTap = {
  nowUs: () => 0,
  fromClient() {},
  fromServer() {},
  clientEnded() {},
  serverEnded() {},
  closed() {},
  connected() {},
  connectFailed() {},
  isQuiet: false,
};

/** Opens taps. */
export class Capture {
  readonly #options: CaptureOptions;
  readonly #open = new Set<ConnectionCapture>();
  readonly #encoder = new HttpPairEncoder(writeNewId);
  readonly #slabs: Slabs;
  #heldBytes = 0;
  #opened = 0;

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#slabs = new Slabs(Math.floor((options.captureLimitBytes * 3) / 4));
  }

  get openConnections(): number {
    return this.#open.size;
  }

  /** Bytes held for requests that are going on: bodies, and everything else. */
  get heldBytes(): number {
    return this.#slabs.takenBytes + this.#heldBytes;
  }

  /** Body bytes not kept because of the bound. */
  get shedBytes(): number {
    return this.#slabs.shedBytes;
  }

  open(facts: ConnectionFacts): ConnectionTap {
    const { metrics, maxConnections, incarnation } = this.#options;
    if (!this.#options.isCapturing() || this.#open.size >= maxConnections) {
      metrics.count('connections_unseen', facts.direction);
      return UNSEEN;
    }
    metrics.count('connections_captured', facts.direction);
    const capture = new ConnectionCapture({
      ...this.#options,
      id: `${incarnation}-${this.#opened++}`,
      facts,
      encoder: this.#encoder,
      slabs: this.#slabs,
      holds: (bytes) => this.#hold(bytes),
      over: () => this.#open.delete(capture),
    });
    this.#open.add(capture);
    return this.#options.diagnose?.(capture, facts) ?? capture;
  }

  /** What is open, for diagnosis: at most `limit` connections. */
  describe(limit = 1_000): Record<string, unknown>[] {
    const described: Record<string, unknown>[] = [];
    for (const capture of this.#open) {
      if (described.length === limit) break;
      described.push(capture.describe());
    }
    return described;
  }

  /** Counts bytes held more (or less, when negative); false when they are too many. */
  #hold(bytes: number): boolean {
    this.#heldBytes += bytes;
    return bytes <= 0 || this.#heldBytes <= this.#options.captureLimitBytes / 4;
  }
}
