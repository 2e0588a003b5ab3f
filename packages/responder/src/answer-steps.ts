// The way of one request through the responder, as types: what comes before, beside and after matching is a step, each one
// optional. Without any step a request is answered at once; it must not know what the steps do.
//
//   read ─▶ prepare ─▶ match ─▶ (miss) ─▶ finish ─▶ wait ─▶ disturb | deliver | send ─▶ record
import type { Duplex } from 'node:stream';
import type { MockIndex, ReplayState, SignatureChanges } from '@echoplane/replay';
import type { Clock, Logger } from '@echoplane/runtime';
import type { Mock, OutboundRequest } from '@echoplane/traffic';
import type { CapturedPair } from '@echoplane/wire';
import type { Channel, Origin } from './channel.ts';
import type { MatchKind, Miss, Reply } from './reply.ts';
import type { Survey } from './survey.ts';
import type { AskedHead, Http2Asked, Turn } from './turn.ts';

/** One request, whole, and what is known of it. */
export interface Exchange {
  readonly channel: Channel;
  /** Position on its connection, from 0. */
  readonly seq: number;
  /** µs since the epoch. */
  readonly startedUs: number;
  /** As it was sent. */
  readonly head: AskedHead;
  /** As it was sent, without transfer framing; at most 8 MiB of `sizeBytes`. */
  readonly body: Buffer;
  readonly sizeBytes: number;
  readonly origin: Origin;
  /** What is matched: the request in the form of the recording (redacted as it is); `prepare` may replace it. */
  request: OutboundRequest;
  /** What `prepare` makes of its signature. */
  signature?: SignatureChanges;
  /** Further tags of its pair (`TAG.chaos`, …). */
  readonly tags: Record<string, string>;
}

/** What an exchange is answered with. */
export interface Answer {
  match: MatchKind;
  /** The recording it comes from; null of a miss or of the real host. */
  mock: Mock | null;
  reply: Reply;
  /** From the request's first byte to the answer's, µs. */
  waitUs: number;
  /** Only of a miss. */
  miss: Miss | null;
}

/** Whether the client took all of it; null when the step leaves the sending to the next one. */
export type Sent = boolean | null;

/** Every one may be left out; a promise is awaited, and one that rejects spoils its own request only. */
export interface AnswerSteps {
  /** Whether `prepare`, `finish` or `disturb` may do something to HTTP/1 requests that find a mock; else they are not asked for those. */
  readonly touchesMatches: boolean;
  /** Before matching: transforms at `responder-request`. */
  prepare?(exchange: Exchange): void | Promise<void>;
  /** After a miss: generalised mocks, the real host. Null keeps the miss. */
  missed?(exchange: Exchange, miss: Miss): Answer | null | Promise<Answer | null>;
  /** Before anything is written: transforms at `responder-response`. */
  finish?(exchange: Exchange, answer: Answer): Answer | Promise<Answer>;
  /** Instead of sending, when it is time: chaos, which tags the exchange. Null: nothing is done to this one. */
  disturb?(exchange: Exchange, answer: Answer, turn: Turn): Sent | Promise<Sent>;
  /** Instead of sending whole, asked of mocks with chunk times and of all that `touchesMatches`. Null: it is sent whole. */
  deliver?(exchange: Exchange, answer: Answer, turn: Turn): Sent | Promise<Sent>;
  /**
   * Takes over an HTTP/1.1 request that asks for an upgrade, before anything else is done; false: it is answered as any other.
   * `take` gives the connection, on which nothing is read any more, and what the client has sent behind the head.
   */
  upgrade?(exchange: Exchange, take: () => { socket: Duplex; rest: Buffer }): boolean;
  /** Takes over an HTTP/2 stream before its body is read (gRPC); false: it is answered as any other. */
  stream?(asked: Http2Asked): boolean;
}

/** What steps that answer by themselves do as the ordinary way does. */
export interface AnswerTools {
  state: ReplayState;
  clock: Clock;
  log: Logger;
  /** Aborting it ends the waits. */
  signal: AbortSignal;
  /** The mocks served now. */
  index(): MockIndex;
  /** What was noted of them while they were loaded. */
  survey(): Survey;
  /** A request as an exchange, redacted as the recording is; `body` is all of it. */
  exchange(asked: Omit<Exchange, 'request' | 'tags' | 'origin'>): Exchange;
  /** The mock of a request, and the replay a step further; what is learned from it is learned. */
  match(exchange: Exchange): Matched | Promise<Matched>;
  /** What a mock is answered with now. */
  reply(exchange: Exchange, mock: Mock, match: MatchKind): Reply;
  /** Counts an answer and records its pair. `extra`: fields of the pair that differ from those of a whole exchange. */
  conclude(exchange: Exchange, answer: Answer, ended: Ended, extra?: Partial<CapturedPair>): void;
}

/** How an exchange ended; times in µs since the epoch. */
export interface Ended {
  firstByteUs: number | null;
  endUs: number;
  /** Whether the client took all of it. */
  isWhole: boolean;
}

export type Matched =
  | { kind: 'exact' | 'volatile'; mock: Mock; miss: null }
  /** Not equal, and told so: `miss` has the difference. */
  | { kind: 'nearest'; mock: Mock; miss: Miss }
  | { kind: 'miss'; mock: null; miss: Miss };
