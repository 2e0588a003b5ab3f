// From the bytes a connection's tap sees to captured pairs. It decides what the connection speaks, hands the bytes to the
// exchange of that protocol, and reports everything else as one opaque pair with byte counts. Nothing that goes wrong here
// may reach the connection:
//
//   detecting ─▶ http/1.1 ─▶ websocket      any ─ refused, not understood, too much held, an error of ours ─▶ opaque
//       └──────▶ http/2
import { type Clock, newId } from '@echoplane/runtime';
import {
  type CapturedPair,
  capturedMessagesPair,
  type EncodablePair,
  encodablePair,
  encodeCaptured,
  Http1Exchange,
  type Http1PairError,
  Http2Exchange,
  type HttpPairEncoder,
  parseClientHello,
  type RawHttpPair,
  type RawMessagesPair,
  type Slabs,
  WebSocketExchange,
  type WebSocketUpgrade,
  webSocketExtensionsOf,
} from '@echoplane/wire';
import type { CaptureOptions, ConnectionFacts, ConnectionTap } from './capture.ts';
import { Detection } from './detection.ts';
import { fieldName, readFields } from './head-fields.ts';
import { OpaqueBytes } from './opaque-bytes.ts';

/** Where pairs go; none of it waits or throws. */
export interface PairSink {
  offerEncodable(pair: EncodablePair): void;
  /** Counts a pair that is held back on purpose. */
  withhold(reason: string): void;
  /** Counts a pair that could not be kept. */
  drop(reason: string): void;
}

export interface ConnectionOptions extends CaptureOptions {
  id: string;
  facts: ConnectionFacts;
  encoder: HttpPairEncoder;
  slabs: Slabs;
  /** Tells how many bytes more are held; false: too many. */
  holds(bytes: number): boolean;
  over(): void;
}

/** A protocol's exchange. */
interface Exchange {
  client(chunk: Buffer, nowUs: number): void;
  server(chunk: Buffer, nowUs: number): void;
  clientEnd(nowUs: number): void;
  serverEnd(nowUs: number): void;
  abort(error: Http1PairError, nowUs: number): void;
  readonly outstanding: number;
  readonly heldBytes?: number;
}

const HOST = [fieldName('host'), fieldName(':authority')];

/** The tap of one connection. */
export class ConnectionCapture implements ConnectionTap {
  readonly #options: ConnectionOptions;
  readonly #facts: ConnectionFacts;
  readonly #clock: Pick<Clock, 'nowUs'>;
  readonly #openedUs: number;
  /** The facts as bytes, by protocol; gone when a fact changes. */
  #encodedFacts: { protocol: string; bytes: Uint8Array } | null = null;
  #state: 'detecting' | 'http/1.1' | 'http/2' | 'websocket' | 'opaque' = 'detecting';
  #reason = '';
  /** Why nothing more is recorded of the exchange. */
  #dropReason = '';
  /** Why the messages of a WebSocket are held back, as its upgrade was. */
  #withheldStream: string | null = null;
  #exchange: Exchange | null = null;
  #opaqueBytes: OpaqueBytes | null = null;
  #heldBytes = 0;
  readonly #detection = new Detection();
  #connectFailed = false;
  #clientHasEnded = false;
  #sentBytes = 0;
  #receivedBytes = 0;
  #pairs = 0;
  #firstByteUs: number | null = null;
  #firstResponseUs: number | null = null;

  constructor(options: ConnectionOptions) {
    const { facts, opaqueBytesPorts } = options;
    this.#options = options;
    this.#facts = facts;
    this.#clock = options.clock;
    this.#openedUs = options.clock.nowUs();
    if (opaqueBytesPorts.has(facts.server.port)) this.#opaqueBytes = new OpaqueBytes(options.bodyLimitBytes);
    const opaque = facts.opaque ?? options.rules.opaqueReason(facts.server);
    if (opaque) this.#goOpaque(opaque);
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
    return this.#clock.nowUs();
  }

  fromClient(chunk: Buffer, atUs: number): void {
    this.#sentBytes += chunk.length;
    this.#firstByteUs ??= atUs;
    try {
      this.#opaqueBytes?.add('client', chunk, atUs);
      if (this.#state === 'detecting') this.#detect(chunk, atUs);
      else this.#exchange?.client(chunk, atUs);
      this.#account();
    } catch {
      this.#fail();
    }
  }

  fromServer(chunk: Buffer, atUs: number): void {
    this.#receivedBytes += chunk.length;
    this.#firstByteUs ??= atUs;
    this.#firstResponseUs ??= atUs;
    try {
      this.#opaqueBytes?.add('server', chunk, atUs);
      if (this.#state !== 'detecting') this.#exchange?.server(chunk, atUs);
      else if (this.#detection.server(chunk) === 'server-first') this.#goOpaque('server-first');
      this.#account();
    } catch {
      this.#fail();
    }
  }

  clientEnded(): void {
    this.#clientHasEnded = true;
    this.#guard(() => this.#exchange?.clientEnd(this.#clock.nowUs()));
  }

  serverEnded(): void {
    this.#guard(() => this.#exchange?.serverEnd(this.#clock.nowUs()));
  }

  closed(failed: boolean): void {
    const nowUs = this.#clock.nowUs();
    this.#guard(() => {
      if (failed) this.#exchange?.abort(this.#clientHasEnded ? 'client-closed' : 'reset', nowUs);
      else this.#exchange?.serverEnd(nowUs);
      if (this.#state === 'detecting' && this.#detection.unknown) this.#goOpaque(this.#detection.unknown);
      // A head that never ended, or an answer without one (HTTP/0.9), is not a pair, and not nothing either.
      if (this.#state === 'http/1.1' && this.#pairs === 0) this.#goOpaque('unfinished-head');
      if (this.#state === 'opaque') this.#offerOpaque(failed, nowUs);
    });
    this.#exchange = this.#opaqueBytes = null;
    this.#account();
    this.#options.over();
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
      outstanding: this.#exchange?.outstanding ?? 0,
      heldBytes: this.#heldBytes,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      ageMs: Math.round((this.#clock.nowUs() - this.#openedUs) / 1000),
    };
  }

  #detect(chunk: Buffer, nowUs: number): void {
    const protocol = this.#detection.client(chunk);
    if (protocol === 'need-more') return;
    const { clientBytes: first, serverBytes } = this.#detection;
    this.#detection.clear();
    if (protocol === 'http1' || protocol === 'http2') {
      this.#state = protocol === 'http1' ? 'http/1.1' : 'http/2';
      this.#exchange = protocol === 'http1' ? this.#newHttp1() : this.#newHttp2();
      this.#exchange.client(first, nowUs);
      if (serverBytes.length > 0) this.#exchange?.server(serverBytes, nowUs);
      return;
    }
    if (protocol === 'tls') this.#noteTls(first);
    const reasons = { tls: 'tls-passthrough', unknown: 'unknown-protocol', 'server-first': 'server-first' };
    this.#goOpaque(reasons[protocol]);
  }

  /** A ClientHello that arrives in pieces stays without its name: nothing waits for it. */
  #noteTls(first: Buffer): void {
    const hello = parseClientHello(first);
    const sni = hello.status === 'ok' ? (hello.sni ?? '') : '';
    this.#facts.scheme = 'https';
    this.#facts.tls ??= { sni, version: '', alpn: '' };
  }

  #newHttp1(): Exchange {
    const { bodyLimitBytes, slabs, connectionLimitBytes } = this.#options;
    return new Http1Exchange(
      {
        pair: (raw) => this.#offerHttp(raw),
        opaque: (reason, abandoned) => this.#leave(reason, abandoned),
        upgraded: (upgrade) => this.#upgrade(upgrade),
      },
      { bodyLimitBytes, slabs, maxHeldBytes: connectionLimitBytes },
    );
  }

  #newHttp2(): Exchange {
    const { bodyLimitBytes, slabs, connectionLimitBytes, withhold, rules } = this.#options;
    return new Http2Exchange(
      {
        pair: (raw) => this.#offerHttp(raw, true),
        abandoned: (reason) => this.#options.metrics.count('requests_abandoned', reason),
        opaque: (reason, abandoned) => this.#leave(reason, abandoned),
      },
      {
        bodyLimitBytes,
        slabs,
        maxHeldBytes: connectionLimitBytes,
        ...((withhold || rules.hasHosts) && { keep: (head: Buffer) => this.#keeps(head) }),
      },
    );
  }

  #keeps(requestHead: Buffer): boolean {
    const reason = this.#withholding(requestHead);
    if (reason) this.#options.sink.withhold(reason);
    return reason === null;
  }

  /** The connection goes on as a WebSocket. */
  #upgrade({ seq, requestHead, responseHead, clientRest, serverRest }: WebSocketUpgrade): void {
    const nowUs = this.#clock.nowUs();
    this.#withheldStream = this.#withholding(requestHead);
    this.#state = 'websocket';
    const exchange = new WebSocketExchange(
      {
        pair: (raw) => this.#offerMessages(raw),
        opaque: (reason, abandoned) => this.#leave(reason, abandoned),
      },
      {
        seq: seq + 1,
        extensions: webSocketExtensionsOf(responseHead),
        bodyLimitBytes: this.#options.bodyLimitBytes,
      },
    );
    this.#exchange = exchange;
    if (clientRest.length > 0) exchange.client(clientRest, nowUs);
    if (serverRest.length > 0) exchange.server(serverRest, nowUs);
  }

  #leave(reason: string, abandoned: number): void {
    this.#options.metrics.count('requests_abandoned', reason, abandoned);
    this.#goOpaque(reason);
  }

  #goOpaque(reason: string): void {
    this.#state = 'opaque';
    this.#reason = reason;
    this.#exchange = null;
    this.#detection.clear();
    this.#options.metrics.count('connections_opaque', reason);
  }

  /** Tells how much is held; when all connections hold too much, this one is no longer decoded. */
  #account(): void {
    const heldBytes = (this.#exchange?.heldBytes ?? 0) + (this.#opaqueBytes?.heldBytes ?? 0);
    const more = heldBytes - this.#heldBytes;
    if (more === 0) return;
    this.#heldBytes = heldBytes;
    if (this.#options.holds(more)) return;
    this.#discard('memory');
    this.#options.holds(-heldBytes);
    this.#heldBytes = 0;
  }

  /** Ends the decoding: what is going on is dropped and counted. */
  #discard(reason: string): void {
    this.#dropReason = reason;
    try {
      this.#exchange?.abort('reset', this.#clock.nowUs());
    } catch {
      // It was given up because of an error; what it held goes with it.
    }
    this.#opaqueBytes = null;
    this.#goOpaque(reason);
  }

  /** `isAsked`: whether it is to be held back was asked with its request. */
  #offerHttp(raw: RawHttpPair, isAsked = false): void {
    this.#pairs++;
    if (this.#isLeftOut(isAsked ? null : this.#withholding(raw.requestHead))) return;
    if (this.#pairs === 1) this.#nameServer(raw.requestHead);
    const { sink, encoder } = this.#options;
    const error = this.#connectFailed ? 'connect-failed' : (raw.error ?? '');
    sink.offerEncodable(encoder.load(raw, this.#factsFor(raw.protocol ?? 'http/1.1'), error));
  }

  /** A server known by its address only is called what the first request calls it. */
  #nameServer(requestHead: Buffer): void {
    const { facts, hostNamed } = this.#options;
    if (hostNamed && facts.direction === 'OUT' && !facts.server.host)
      facts.server = { ...facts.server, host: hostNamed(requestHead) };
  }

  /** Why a request is held back: a rule on requests, or the name it uses is one that is not to be decoded. */
  #withholding(requestHead: Buffer): string | null {
    const { withhold, facts, id, rules } = this.#options;
    const { direction, server } = facts;
    const reason = withhold?.(requestHead, { direction, connection: id, serverPort: server.port });
    if (reason || !rules.hasHosts || direction === 'IN') return reason ?? null;
    const isIgnored = readFields(requestHead, HOST).some(
      (host) => host && rules.opaqueReason({ host: host.toString('latin1') }),
    );
    return isIgnored ? 'ignored-host' : null;
  }

  #factsFor(protocol: string): Uint8Array {
    if (this.#encodedFacts?.protocol !== protocol)
      this.#encodedFacts = { protocol, bytes: encodeCaptured({ ...this.#shared(), protocol }) };
    return this.#encodedFacts.bytes;
  }

  #offerMessages(raw: RawMessagesPair): void {
    if (this.#isLeftOut(this.#withheldStream)) return;
    const pair = capturedMessagesPair(raw, { ...this.#shared(), id: newId(raw.startedUs) });
    this.#options.sink.offerEncodable(encodablePair(pair));
  }

  /** Counts a pair that is dropped, or held back because of `withheld`. */
  #isLeftOut(withheld: string | null): boolean {
    const { sink } = this.#options;
    if (this.#dropReason) sink.drop(this.#dropReason);
    else if (withheld) sink.withhold(withheld);
    else return false;
    return true;
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
      messages: this.#opaqueBytes?.messages(tsUs) ?? [],
    };
    this.#options.sink.offerEncodable(encodablePair(pair));
  }

  /** What all pairs of the connection say. */
  #shared() {
    const { direction, scheme, client, server, tls } = this.#facts;
    return { direction, scheme, client, server, tls, connection: this.#options.id, tags: this.#options.tags };
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
    this.#discard('framing-failed');
  }
}
