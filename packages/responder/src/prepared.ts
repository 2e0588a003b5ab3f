// Answers as bytes, made once for each mock and given many times, and made anew where a learned value or a redacted one stands
// in them. It must not know connections or how a mock was found.
import type { MockIndex, Recent } from '@echoplane/replay';
import type { HttpResponse, Mock } from '@echoplane/traffic';
import { encodeCaptured } from '@echoplane/wire';
import { holdsToken } from './explain-miss.ts';
import { headBytes, replyBytes, trailerBytes } from './http1-reply.ts';
import type { LearnedValues } from './learned-values.ts';
import type { RedactedSpace } from './redacted-space.ts';
import { type MatchKind, mockReply, type Reply } from './reply.ts';
import { matchTags } from './served-pair.ts';

const KEPT_ALIVE = { version: '1.1', keepAlive: true };
/** What an answer weighs beside its bytes. */
const OVERHEAD_BYTES = 500;

/** A mock's answer, ready for HTTP/1.1 connections that live on. */
export interface Prepared {
  mockId: string;
  /** Recorded time to the first byte, µs. */
  ttfbUs: number;
  /** Null when it differs from time to time: then it is made from the mock. */
  bytes: PreparedBytes | null;
  /** `known` of the learned values when it was last looked through. */
  known: number;
  /** Match and mock, as encoded tags of the pair. */
  tags: Uint8Array;
}

export interface PreparedBytes {
  /** Status line and fields. */
  head: Buffer;
  body: Buffer;
  /** As fields with their closing blank line; null when there are none. */
  trailers: Buffer | null;
  /** All that is sent. */
  whole: Buffer;
}

export interface ReplyContext {
  learned: LearnedValues;
  space: RedactedSpace | null;
  replayId: string | undefined;
}

/** What a mock is answered with now: with the values that were learned and those that this service sent. */
export function responseNow(response: HttpResponse, { learned, space }: ReplyContext): HttpResponse {
  const applied = learned.apply(response) ?? response;
  return space ? space.leave(applied) : applied;
}

/** The answer of the `n`-th mock, from what was prepared or prepared now. */
export function preparedAnswer(
  { index, prepared }: { index: MockIndex; prepared: Recent<number, Prepared> },
  asked: { n: number; match: MatchKind; method: string },
  context: ReplyContext,
): Prepared {
  const { n, match, method } = asked;
  const key = n * 4 + (match === 'exact' ? 0 : 1) + (method === 'HEAD' ? 2 : 0);
  const known = prepared.get(key);
  if (known && (known.known === context.learned.known || known.bytes === null)) return known;
  const made = prepare(index, asked, context);
  prepared.set(key, made, OVERHEAD_BYTES + (made.bytes ? made.bytes.whole.length * 2 : 0));
  return made;
}

/** A reply as prepared bytes. */
export function preparedBytes(reply: Reply): PreparedBytes {
  return {
    head: headBytes(reply, KEPT_ALIVE),
    body: reply.body,
    trailers: reply.trailers.length > 0 ? trailerBytes(reply.trailers) : null,
    whole: replyBytes(reply, KEPT_ALIVE),
  };
}

function prepare(
  index: MockIndex,
  { n, match, method }: { n: number; match: MatchKind; method: string },
  context: ReplyContext,
): Prepared {
  const mock = index.read(n);
  const { learned, space, replayId } = context;
  const isConstant = !hasTimes(mock) && learned.apply(mock.response) === null && !(space && isRedacted(mock));
  return {
    mockId: mock.id,
    ttfbUs: mock.ttfbUs,
    bytes: isConstant ? preparedBytes(mockReply(mock.response, method, match)) : null,
    known: learned.known,
    tags: encodeCaptured({ tags: matchTags(match, mock.id, replayId) }),
  };
}

/** Whether an answer has a timing of its own and is not sent whole. */
export function hasTimes({ response, messages }: Mock): boolean {
  return response.body.chunks !== undefined || messages !== undefined;
}

function isRedacted({ response: { headers, body } }: Mock): boolean {
  return (
    headers.some(([, value]) => holdsToken(value)) ||
    holdsToken(body.json === undefined ? (body.text ?? body.decoded ?? '') : JSON.stringify(body.json))
  );
}
