// How a request ended, whatever the protocol it was sent by: a pair as a sidecar would have recorded it, and what is to be
// known beside it.
import type { HttpResponse, PairError } from '@echoplane/traffic';
import type { BodyCapture, CapturedAddress, CapturedPair, RawHttpPair, StreamMessage } from '@echoplane/wire';
import type { RequestBytes } from './request-bytes.ts';

/** `gapReason` of a conversation in which a message came that is longer than may be heard. */
export const MESSAGE_TOO_LONG = 'message-too-long';

/** The connection a request went over. */
export interface ConnectionFacts {
  readonly id: string;
  readonly client: CapturedAddress;
  readonly tls: CapturedPair['tls'];
}

export interface Outcome {
  raw: RawHttpPair;
  /** The answer in the form recorded ones have; null when none came, or when it is proven and need not be read. */
  response: HttpResponse | null;
  error: PairError | null;
  /** Why its response could not be framed, or empty. */
  gapReason: string;
  /** Null when none could be opened. */
  connection: ConnectionFacts | null;
  /** The answer is, byte for byte, one that was compared before and had no difference. */
  isProven: boolean;
  /** What followed on a connection that became a WebSocket, both sides. */
  messages?: StreamMessage[];
}

/** The pair of a request that got no response that could be read. */
export function unanswered(
  { head, body }: Pick<RequestBytes, 'head' | 'body'>,
  { dueUs, endUs, seq }: { dueUs: number; endUs: number; seq: number },
): RawHttpPair {
  return {
    seq,
    requestHead: head,
    requestBody: { size: body.length, kept: [body], truncated: 0 },
    requestTrailers: null,
    responseHead: null,
    responseBody: { size: 0, kept: [], truncated: 0 },
    responseTrailers: null,
    interimCount: 0,
    startedUs: dueUs,
    requestEndUs: null,
    firstByteUs: null,
    endUs,
    error: null,
  };
}

/** The pair of an answer that was all there when it came. */
export function answered(
  { head, body }: Pick<RequestBytes, 'head' | 'body'>,
  { dueUs, endUs, seq }: { dueUs: number; endUs: number; seq: number },
  answer: { head: Buffer; body: BodyCapture },
): RawHttpPair {
  return {
    seq,
    requestHead: head,
    requestBody: { size: body.length, kept: [body], truncated: 0 },
    requestTrailers: null,
    responseHead: answer.head,
    responseBody: answer.body,
    responseTrailers: null,
    interimCount: 0,
    startedUs: dueUs,
    requestEndUs: dueUs,
    firstByteUs: endUs,
    endUs,
    error: null,
  };
}
