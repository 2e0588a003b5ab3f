// From the bytes a connection's tap sees to captured pairs. It decides what a connection speaks, frames HTTP/1.1, and
// reports everything else as one opaque pair with byte counts. Nothing that goes wrong here may reach the connection:
//
//   detecting ─▶ http1 ─▶ opaque (refused, upgraded)     detecting ─▶ opaque     any ─ an error of ours ─▶ opaque
import { type Clock, newId, writeNewId } from '@echoplane/runtime';
import {
  type CapturedAddress,
  type CapturedPair,
  detectProtocol,
  type EncodablePair,
  encodablePair,
  encodeCaptured,
  Http1Exchange,
  HttpPairEncoder,
  parseClientHello,
  type RawHttpPair,
} from '@echoplane/wire';
import type { Metrics } from './metrics.ts';
import type { Tap } from './splice.ts';

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
  sink: { offerEncodable(pair: EncodablePair): void };
  clock: Pick<Clock, 'nowUs'>;
  metrics: Metrics;
  /** Names this life of this process in connection ids. */
  incarnation: string;
  bodyLimitBytes: number;
  /** Connections captured at once; more are passed through unseen and counted. */
  maxConnections: number;
  tags: Record<string, string>;
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
const NOTHING = Buffer.alloc(0);

/** The capture of one process: opens a tap per connection and knows those that are open. */
export class Capture {
  readonly options: CaptureOptions;
  readonly #open = new Set<ConnectionCapture>();
  readonly #encoder = new HttpPairEncoder(writeNewId);
  #opened = 0;

  constructor(options: CaptureOptions) {
    this.options = options;
  }

  get openConnections(): number {
    return this.#open.size;
  }

  open(facts: ConnectionFacts): ConnectionTap {
    if (this.#open.size >= this.options.maxConnections) {
      this.options.metrics.count('connections_unseen', facts.direction);
      return UNSEEN;
    }
    this.options.metrics.count('connections_captured', facts.direction);
    const id = `${this.options.incarnation}-${this.#opened++}`;
    const capture = new ConnectionCapture({ id, facts, ...this.options, encoder: this.#encoder }, () =>
      this.#open.delete(capture),
    );
    this.#open.add(capture);
    return capture;
  }

  /** What is open, for diagnosis. */
  describe(): Record<string, unknown>[] {
    return [...this.#open].map((capture) => capture.describe());
  }
}

interface ConnectionOptions extends CaptureOptions {
  id: string;
  facts: ConnectionFacts;
  encoder: HttpPairEncoder;
}

class ConnectionCapture implements ConnectionTap {
  readonly #options: ConnectionOptions;
  readonly #facts: ConnectionFacts;
  /** The facts as bytes, by protocol; gone when a fact changes. */
  #encodedFacts: { protocol: string; bytes: Uint8Array } | null = null;
  readonly #forget: () => void;
  readonly #openedUs: number;
  #state: 'detecting' | 'http1' | 'opaque' = 'detecting';
  #reason = '';
  #exchange: Http1Exchange | null = null;
  #first: Buffer = NOTHING;
  #connectFailed = false;
  #clientHasEnded = false;
  #sentBytes = 0;
  #receivedBytes = 0;
  #pairs = 0;
  #firstByteUs: number | null = null;
  #firstResponseUs: number | null = null;

  constructor(options: ConnectionOptions, forget: () => void) {
    const { facts } = options;
    this.#facts = facts;
    this.#options = options;
    this.#forget = forget;
    this.#openedUs = options.clock.nowUs();
    if (facts.opaque) this.#goOpaque(facts.opaque);
  }

  get isQuiet(): boolean {
    if (this.#exchange) return this.#exchange.outstanding === 0;
    return this.#sentBytes + this.#receivedBytes === 0;
  }

  connected(ip: string | undefined, port: number | undefined): void {
    this.#facts.server = { ...this.#facts.server, ip: ip ?? '', port: port ?? this.#facts.server.port };
    this.#encodedFacts = null;
  }

  connectFailed(): void {
    this.#connectFailed = true;
    this.#options.metrics.count('connect_failures', this.#facts.direction);
  }

  nowUs(): number {
    return this.#options.clock.nowUs();
  }

  fromClient(chunk: Buffer, atUs: number): void {
    this.#sentBytes += chunk.length;
    this.#firstByteUs ??= atUs;
    try {
      if (this.#state === 'detecting') this.#detect(chunk, atUs);
      else this.#exchange?.client(chunk, atUs);
    } catch {
      this.#fail();
    }
  }

  fromServer(chunk: Buffer, atUs: number): void {
    this.#receivedBytes += chunk.length;
    this.#firstByteUs ??= atUs;
    this.#firstResponseUs ??= atUs;
    try {
      if (this.#state === 'detecting') this.#goOpaque('server-first');
      else this.#exchange?.server(chunk, atUs);
    } catch {
      this.#fail();
    }
  }

  clientEnded(): void {
    this.#clientHasEnded = true;
    this.#guard(() => this.#exchange?.clientEnd(this.#options.clock.nowUs()));
  }

  serverEnded(): void {
    this.#guard(() => this.#exchange?.serverEnd(this.#options.clock.nowUs()));
  }

  closed(failed: boolean): void {
    const nowUs = this.#options.clock.nowUs();
    this.#guard(() => {
      if (failed) this.#exchange?.abort(this.#clientHasEnded ? 'client-closed' : 'reset', nowUs);
      else this.#exchange?.serverEnd(nowUs);
      if (this.#state === 'detecting' && this.#first.length > 0) this.#goOpaque('unknown-protocol');
      if (this.#state === 'opaque') this.#offerOpaque(failed, nowUs);
    });
    this.#exchange = null;
    this.#forget();
  }

  describe(): Record<string, unknown> {
    const { direction, scheme, client, server, tls } = this.#facts;
    return {
      id: this.#options.id,
      direction,
      scheme,
      client: `${client.ip}:${client.port}`,
      server: `${server.host || server.ip}:${server.port}`,
      sni: tls?.sni ?? null,
      state: this.#state,
      reason: this.#reason,
      pairs: this.#pairs,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      ageMs: Math.round((this.#options.clock.nowUs() - this.#openedUs) / 1000),
    };
  }

  #detect(chunk: Buffer, nowUs: number): void {
    this.#first = this.#first.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#first, chunk]);
    const protocol = detectProtocol(this.#first);
    if (protocol === 'need-more') return;
    const first = this.#first;
    this.#first = NOTHING;
    if (protocol === 'http1') {
      this.#state = 'http1';
      this.#exchange = this.#newExchange();
      this.#exchange.client(first, nowUs);
      return;
    }
    if (protocol === 'tls') this.#noteTls(first);
    this.#goOpaque(
      protocol === 'tls' ? 'tls-passthrough' : protocol === 'http2' ? 'http2' : 'unknown-protocol',
    );
  }

  /** A ClientHello that arrives in pieces stays without its name: nothing waits for it. */
  #noteTls(first: Buffer): void {
    const hello = parseClientHello(first);
    const sni = hello.status === 'ok' ? (hello.sni ?? '') : '';
    this.#facts.scheme = 'https';
    this.#facts.tls ??= { sni, version: '', alpn: '' };
  }

  #newExchange(): Http1Exchange {
    return new Http1Exchange(
      {
        pair: (raw) => this.#offerPair(raw),
        opaque: (reason, abandoned) => {
          this.#options.metrics.count('requests_abandoned', reason, abandoned);
          this.#goOpaque(reason);
        },
      },
      { bodyLimitBytes: this.#options.bodyLimitBytes },
    );
  }

  #goOpaque(reason: string): void {
    this.#state = 'opaque';
    this.#reason = reason;
    this.#exchange = null;
    this.#first = NOTHING;
    this.#options.metrics.count('connections_opaque', reason);
  }

  #offerPair(raw: RawHttpPair): void {
    this.#pairs++;
    const { sink, encoder } = this.#options;
    const error = this.#connectFailed ? 'connect-failed' : (raw.error ?? '');
    sink.offerEncodable(encoder.load(raw, this.#factsFor(raw.protocol ?? 'http/1.1'), error));
  }

  #factsFor(protocol: string): Uint8Array {
    if (this.#encodedFacts?.protocol !== protocol)
      this.#encodedFacts = { protocol, bytes: encodeCaptured({ ...this.#shared(), protocol }) };
    return this.#encodedFacts.bytes;
  }

  #offerOpaque(failed: boolean, nowUs: number): void {
    if (this.#sentBytes + this.#receivedBytes === 0) return;
    const tsUs = this.#firstByteUs ?? this.#openedUs;
    const pair: CapturedPair = {
      ...this.#shared(),
      id: newId(tsUs),
      tsUs,
      durationUs: nowUs - tsUs,
      ttfbUs: this.#firstResponseUs === null ? -1 : this.#firstResponseUs - tsUs,
      protocol: 'opaque',
      seq: this.#pairs,
      request: null,
      response: null,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      error: this.#connectFailed ? 'connect-failed' : failed ? 'reset' : '',
      gapReason: this.#reason,
    };
    this.#options.sink.offerEncodable(encodablePair(pair));
  }

  /** What all pairs of the connection say. */
  #shared(): Pick<
    CapturedPair,
    'direction' | 'scheme' | 'client' | 'server' | 'tls' | 'connection' | 'tags'
  > {
    const { direction, scheme, client, server, tls } = this.#facts;
    return {
      direction,
      scheme,
      client,
      server,
      tls,
      connection: this.#options.id,
      tags: this.#options.tags,
    };
  }

  /** The app comes first: an error of the capture ends the framing of its connection, and nothing else. */
  #guard(step: () => void): void {
    try {
      step();
    } catch {
      this.#fail();
    }
  }

  #fail(): void {
    this.#options.metrics.count('framing_errors', this.#facts.direction);
    this.#goOpaque('framing-failed');
  }
}
