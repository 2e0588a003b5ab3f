/**
 * A pair of an HTTP/1.1 exchange in the making: what is known of it so far, and the raw pair it becomes. It must not
 * know how the bytes were framed, nor the pairs beside it.
 */
import { BodyCollector } from './body-collector.ts';
import type { Http1PairError, RawHttpPair } from './raw-http-pair.ts';

/** A pair in the making. */
export interface Outstanding extends Omit<RawHttpPair, 'requestBody' | 'responseBody' | 'part'> {
  method: string;
  requestBody: BodyCollector;
  responseBody: BodyCollector;
  hasRequest: boolean;
  hasResponse: boolean;
  /** Parts emitted already. */
  parts: number;
}

/** Stands for the body of every request without one; nothing is ever added to it. */
export const NO_BODY = new BodyCollector(0);

type Begun = Pick<
  Outstanding,
  'seq' | 'method' | 'requestHead' | 'requestBody' | 'responseBody' | 'startedUs'
>;

/** The pair of a request whose head was just read. */
export function newOutstanding(begun: Begun): Outstanding {
  return {
    seq: begun.seq,
    method: begun.method,
    requestHead: begun.requestHead,
    requestBody: begun.requestBody,
    requestTrailers: null,
    responseHead: null,
    responseBody: begun.responseBody,
    responseTrailers: null,
    interimCount: 0,
    startedUs: begun.startedUs,
    requestEndUs: null,
    firstByteUs: null,
    endUs: 0,
    error: null,
    hasRequest: false,
    hasResponse: false,
    parts: 0,
  };
}

/** What there is of it as a raw pair that ended at `endUs`. */
export function rawPairOf(from: Outstanding, endUs: number, error: Http1PairError | null): RawHttpPair {
  return {
    seq: from.seq,
    requestHead: from.requestHead,
    requestBody: from.requestBody.finish(),
    requestTrailers: from.requestTrailers,
    responseHead: from.responseHead,
    responseBody: from.responseBody.finish(),
    responseTrailers: from.responseTrailers,
    interimCount: from.interimCount,
    startedUs: from.startedUs,
    requestEndUs: from.requestEndUs,
    firstByteUs: from.firstByteUs,
    endUs,
    error,
  };
}

/** Heads, trailers and the request's body; the one response in progress has its own limit. */
export function heldBytesOf(pair: Outstanding): number {
  return (
    pair.requestHead.length +
    pair.requestBody.keptBytes +
    (pair.requestTrailers?.length ?? 0) +
    (pair.responseHead?.length ?? 0) +
    (pair.responseTrailers?.length ?? 0)
  );
}

/** Gives the memory of both bodies back. */
export function releaseBodies({ requestBody, responseBody }: Outstanding): void {
  requestBody.release();
  responseBody.release();
}
