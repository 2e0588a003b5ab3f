// The way most HTTP/1 requests go: recognised by their bytes, answered with bytes that are ready, recorded without objects. It
// does what the general way does, or leaves a request to it; what is slow, rare or different belongs there.
import { numberAt, type Position, type ReplayState, stepOf } from '@echoplane/replay';
import { type Clock, writeNewId } from '@echoplane/runtime';
import {
  type EncodablePair,
  encodeCaptured,
  HttpPairEncoder,
  KnownPairEncoder,
  knownMessages,
} from '@echoplane/wire';
import type { Matched } from './answer-steps.ts';
import type { Answerer } from './answerer.ts';
import { type AskedFields, readAskedFields } from './asked-fields.ts';
import type { Channel, Origin } from './channel.ts';
import { type Heard, MAX_HEARD_BYTES, type Ready } from './heard-requests.ts';
import type { Answering, Http1Asked, Http1Connection } from './http1-connection.ts';
import { Http1Turn, http1Head } from './http1-turn.ts';
import type { KnownRequest } from './known-request.ts';
import type { LearnedValues } from './learned-values.ts';
import type { MockSet, ServedMocks } from './mock-set.ts';
import { hasTimes, type Prepared, type PreparedBytes, preparedAnswer, preparedBytes } from './prepared.ts';
import type { RedactedSpace } from './redacted-space.ts';
import { connectionFacts, KEPT_BODY_BYTES, matchTags } from './served-pair.ts';
import type { Tally } from './tally.ts';

/** Requests with a larger body are looked at each time. */
const MAX_KEYED_BODY_BYTES = 16 << 10;
const START: Position = { nth: 0, writes: 0, session: null };
const NOTHING = { size: 0, kept: [], truncated: 0 };
const CRLF_BYTES = 2;
const CLOSE = Buffer.from('Connection: close\r\n\r\n');
const MAX_FACTS_BYTES = 64 << 10;
/** Of a larger answer the pair is encoded each time: another copy would cost more than that. */
const MAX_READY_BYTES = 16 << 10;

export interface QuickOptions {
  answerer: Answerer;
  mocks: ServedMocks;
  state: ReplayState;
  learned: LearnedValues;
  space: RedactedSpace | null;
  tally: Tally;
  clock: Clock;
  /** Factor of the recorded time to the first byte; 0 answers at once. */
  latency: number;
  replayId: string | undefined;
  /** Takes the pair of an answered request; it is done with when this returns. */
  record(pair: EncodablePair): void;
  signal: AbortSignal;
}

/** Facts of a connection that stay the same from request to request, encoded for one origin. */
interface EncodedFacts {
  host: string;
  bytes: Uint8Array;
}

export class QuickAnswers {
  readonly #options: QuickOptions;
  readonly #encoder = new HttpPairEncoder(writeNewId);
  readonly #known = new KnownPairEncoder(writeNewId);
  readonly #facts = new WeakMap<Channel, EncodedFacts>();
  readonly #scratch = Buffer.alloc(MAX_FACTS_BYTES);

  constructor(options: QuickOptions) {
    this.#options = options;
  }

  /** Answers what was heard before, without reading it; null: this was not, or is to be looked at again. */
  again(bytes: Buffer, length: number, startedUs: number, connection: Http1Connection): Answering | null {
    const { answerer, learned, mocks, space, tally } = this.#options;
    if (length > MAX_HEARD_BYTES || answerer.steps.touchesMatches) return null;
    const { channel } = connection;
    const set = mocks.current;
    const heard = set.heard.find(channel.scheme, bytes.toString('latin1', 0, length));
    if (heard === undefined) return null;
    tally.ask();
    space?.again(heard.known.minted);
    const { head, raw, body, sizeBytes } = heard.asked;
    if (heard.ready && heard.ready.learned !== learned.known)
      heard.ready = this.#readyFor(heard.asked, heard.known, set);
    if (heard.ready) return this.#giveReady(heard.ready, heard.known.origin, startedUs, connection);
    const asked = { head, raw, body, sizeBytes, startedUs, seq: channel.seq++ };
    return this.#follow(heard.known, asked, connection, set, heard.credential);
  }

  /** Answers a request; a promise when that takes time. */
  answer(asked: Http1Asked, connection: Http1Connection): Answering {
    const text = asked.raw.toString('latin1');
    const fields = readAskedFields(text);
    // Two hosts, or none where there must be one: another reader might take another (RFC 9112 section 3.2).
    if (fields.hosts > 1 || (fields.hosts === 0 && asked.head.version !== '1.0')) {
      connection.refuse('malformed-head');
      return undefined;
    }
    this.#options.tally.ask();
    const isGeneral = asked.head.version === '1.0' || this.#options.answerer.steps.touchesMatches;
    if (isGeneral) return this.#answerInGeneral(asked, connection);
    const set = this.#options.mocks.current;
    const key = this.#keyOf(asked, text, fields, connection.channel);
    const known = key === null ? undefined : set.known.get(key);
    if (known === undefined) return this.#lookAt(asked, connection, set, key);
    this.#options.space?.again(known.minted);
    const { credential } = fields;
    set.heard.keep(connection.channel.scheme, asked, { known, credential }, (kept) =>
      this.#readyFor(kept, known, set),
    );
    return this.#follow(known, asked, connection, set, fields.credential);
  }

  /** Everything that decides how a request is recognised, as one text; with redaction all of its head does. */
  #keyOf(
    { head, body, sizeBytes }: Http1Asked,
    text: string,
    fields: AskedFields,
    channel: Channel,
  ): string | null {
    if (sizeBytes > MAX_KEYED_BODY_BYTES) return null;
    const asked = this.#options.space
      ? text
      : `${head.method} ${head.target}\n${fields.host ?? channel.authority}\n${fields.marks}`;
    return sizeBytes === 0
      ? `${channel.scheme} ${asked}`
      : `${channel.scheme} ${asked}\n${body.toString('latin1')}`;
  }

  /** Null where it depends on more than the request. */
  #readyFor({ head, raw, body }: Heard['asked'], { found }: KnownRequest, set: MockSet): Ready | null {
    if (found.group) return null;
    const prepared = preparedAnswer(set, { n: found.n, match: 'exact', method: head.method }, this.#options);
    const { bytes, ttfbUs, mockId } = prepared;
    if (!bytes || bytes.trailers || bytes.body.length > MAX_READY_BYTES) return null;
    const half = (its: Buffer, whole: Buffer) => ({
      ...{ head: its, body: whole, bodySize: whole.length, trailers: Buffer.alloc(0), chunks: [] },
    });
    const tags = matchTags('exact', mockId, this.#options.replayId);
    const messages = knownMessages({
      request: half(raw, body),
      response: half(bytes.head, bytes.body),
      tags,
    });
    return { whole: bytes.whole, messages, ttfbUs, learned: prepared.known };
  }

  #giveReady(ready: Ready, origin: Origin, startedUs: number, connection: Http1Connection): Answering {
    const { clock, latency, signal } = this.#options;
    const seq = connection.channel.seq++;
    const waitMs = latency === 0 ? 0 : (startedUs + ready.ttfbUs * latency - clock.nowUs()) / 1000;
    const write = () => {
      const firstByteUs = clock.nowUs();
      connection.send(ready.whole, (isWhole) => {
        this.#options.tally.count('exact');
        const facts = this.#factsOf(connection.channel, origin);
        const error = isWhole ? '' : 'client-closed';
        const place = { seq, startedUs, firstByteUs, endUs: clock.nowUs(), error };
        this.#options.record(this.#known.load(ready.messages, facts, place));
      });
    };
    if (waitMs > 0) return clock.sleep(waitMs, signal).then(write);
    write();
    return undefined;
  }

  /** Looks at a request for the first time. */
  #lookAt(asked: Http1Asked, connection: Http1Connection, set: MockSet, key: string | null): Answering {
    const { answerer } = this.#options;
    const { body, sizeBytes, startedUs, seq } = asked;
    const { channel } = connection;
    const exchange = answerer.exchange({ channel, seq, startedUs, head: http1Head(asked), body, sizeBytes });
    const minted = this.#options.space?.minted ?? [];
    const found = sizeBytes > body.length ? null : set.index.find(exchange.request);
    if (found?.kind !== 'exact')
      return answerer.answer(exchange, new Http1Turn(asked, connection), found ?? undefined);
    const known: KnownRequest = { found, origin: exchange.origin, minted };
    if (key !== null) set.known.set(key, known, key.length * 2);
    const credential = set.index.hasSessions
      ? readAskedFields(asked.raw.toString('latin1')).credential
      : null;
    return this.#follow(known, asked, connection, set, credential);
  }

  #follow(
    known: KnownRequest,
    asked: Http1Asked,
    connection: Http1Connection,
    set: MockSet,
    credential: string | null,
  ): Answering {
    const step = stepOf(known.found, credential);
    const position = step ? this.#options.state.advance(step) : START;
    if (!(position instanceof Promise)) return this.#give(known, position, asked, connection, set);
    set.acquire();
    return position.then((at) => this.#give(known, at, asked, connection, set)).finally(() => set.release());
  }

  #give(
    known: KnownRequest,
    position: Position,
    asked: Http1Asked,
    connection: Http1Connection,
    set: MockSet,
  ): Answering {
    const { clock, latency, signal, answerer } = this.#options;
    const { method } = asked.head;
    const n = numberAt(known.found, position);
    const prepared = preparedAnswer(set, { n, match: 'exact', method }, this.#options);
    let { bytes } = prepared;
    if (bytes === null) {
      const mock = set.index.read(n);
      if (hasTimes(mock))
        return this.#answerInGeneral(asked, connection, { kind: 'exact', mock, miss: null });
      bytes = preparedBytes(answerer.reply(asked, mock, 'exact'));
    }
    const whole = bytes;
    const waitMs = latency === 0 ? 0 : (asked.startedUs + prepared.ttfbUs * latency - clock.nowUs()) / 1000;
    if (waitMs <= 0) return this.#write(known.origin, prepared, whole, asked, connection);
    return clock
      .sleep(waitMs, signal)
      .then(() => this.#write(known.origin, prepared, whole, asked, connection));
  }

  #write(
    origin: Origin,
    prepared: Prepared,
    bytes: PreparedBytes,
    asked: Http1Asked,
    connection: Http1Connection,
  ): undefined {
    const firstByteUs = this.#options.clock.nowUs();
    const whole = asked.head.keepAlive ? bytes.whole : closing(bytes);
    connection.send(whole, (isWhole) => {
      this.#options.tally.count('exact');
      this.#record(origin, prepared, bytes, asked, connection.channel, firstByteUs, isWhole);
    });
    return undefined;
  }

  #record(
    origin: Origin,
    prepared: Prepared,
    { head, body, trailers }: PreparedBytes,
    asked: Http1Asked,
    channel: Channel,
    firstByteUs: number,
    isWhole: boolean,
  ): void {
    const raw = {
      seq: asked.seq,
      requestHead: asked.raw,
      requestBody: captureOf(asked.body, asked.sizeBytes),
      requestTrailers: null,
      responseHead: head,
      responseBody: captureOf(body, body.length),
      responseTrailers: trailers,
      interimCount: 0,
      startedUs: asked.startedUs,
      requestEndUs: null,
      firstByteUs,
      endUs: this.#options.clock.nowUs(),
      error: null,
    };
    const facts = this.#joined(this.#factsOf(channel, origin), prepared.tags);
    this.#options.record(this.#encoder.load(raw, facts, isWhole ? '' : 'client-closed'));
  }

  #factsOf(channel: Channel, origin: Origin): Uint8Array {
    let facts = this.#facts.get(channel);
    if (facts === undefined || facts.host !== origin.host) {
      const bytes = encodeCaptured({ protocol: 'http/1.1', ...connectionFacts(channel, origin) });
      facts = { host: origin.host, bytes };
      this.#facts.set(channel, facts);
    }
    return facts.bytes;
  }

  #joined(facts: Uint8Array, tags: Uint8Array): Uint8Array {
    const length = facts.length + tags.length;
    const into = length <= this.#scratch.length ? this.#scratch : Buffer.alloc(length);
    into.set(facts);
    into.set(tags, facts.length);
    return into.subarray(0, length);
  }

  #answerInGeneral(asked: Http1Asked, connection: Http1Connection, matched?: Matched): Promise<void> {
    const { body, sizeBytes, startedUs, seq } = asked;
    const { channel } = connection;
    const { answerer } = this.#options;
    const exchange = answerer.exchange({ channel, seq, startedUs, head: http1Head(asked), body, sizeBytes });
    const turn = new Http1Turn(asked, connection);
    return matched ? answerer.answerWith(matched, exchange, turn) : answerer.answer(exchange, turn);
  }
}

function captureOf(bytes: Buffer, size: number) {
  if (size === 0) return NOTHING;
  const kept = bytes.length > KEPT_BODY_BYTES ? bytes.subarray(0, KEPT_BODY_BYTES) : bytes;
  return { size, kept: [kept], truncated: size - kept.length };
}

/** The same for a connection that ends: what follows the head is as it is. */
function closing({ head, whole }: PreparedBytes): Buffer {
  return Buffer.concat([head.subarray(0, head.length - CRLF_BYTES), CLOSE, whole.subarray(head.length)]);
}
