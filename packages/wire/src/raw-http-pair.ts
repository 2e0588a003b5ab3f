/**
 * The pair as every HTTP layer of this package emits it, whatever the version: bytes and times, nothing read. It must
 * not know how they were framed, nor what becomes of them.
 */
import type { BodyCapture } from './body-collector.ts';

/** Why a pair is not whole; who ended first names the side. */
export type Http1PairError = 'reset' | 'client-closed' | 'server-closed' | 'timeout';

/** One request and its response as they were on the wire; times are the owner's clock in µs. */
export interface RawHttpPair {
  /** Position of the request on its connection, from 0. */
  seq: number;
  requestHead: Buffer;
  requestBody: BodyCapture;
  requestTrailers: Buffer | null;
  /** Null when no final response was seen. */
  responseHead: Buffer | null;
  responseBody: BodyCapture;
  responseTrailers: Buffer | null;
  /** 1xx responses (100, 103) that came before the final one and are not kept. */
  interimCount: number;
  /** The request's first byte. */
  startedUs: number;
  /** The request's last byte; null when it did not end. */
  requestEndUs: number | null;
  /** The final response's first byte; null when there was none. */
  firstByteUs: number | null;
  /** When the pair was over: the later of both last bytes, or the error. */
  endUs: number;
  error: Http1PairError | null;
  /** Default http/1.1. */
  protocol?: 'http/1.1' | 'http/2' | 'grpc';
  /**
   * Only of a stream that is recorded in parts, which share `seq`: the first holds the request's body, later ones
   * repeat both heads and begin, in all their times, with their first byte.
   */
  part?: { index: number; last: boolean };
}
