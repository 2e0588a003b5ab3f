// Whether a session belongs to the sampled share. What names the session is, in this order: its trace (so that every
// service a request passes through decides alike), the credential the request carries, its connection. The decision
// is a hash of that name: it needs no memory, and it is the same in every sidecar. Pure.
import { fieldName, readFields } from './head-fields.ts';

/** Decides over requests; asked only when the share is below 1. */
export interface Sampler {
  /** `head`: the raw head block; `connection`: the id that stands in when the head names no session. */
  keeps(head: Buffer, connection: string): boolean;
}

const TRACEPARENT = 0;
const B3 = 1;
const B3_TRACE_ID = 2;
const AUTHORIZATION = 3;
const COOKIE = 4;
const FIELDS = ['traceparent', 'b3', 'x-b3-traceid', 'authorization', 'cookie'].map(fieldName);
const DASH = 0x2d;
/** `00-` and the 32 hexadecimal digits of the trace (W3C Trace Context, section 3.2.2). */
const W3C_TRACE_FROM = 3;
const W3C_TRACE_TO = 35;
/** A B3 trace may have 64 bits: the last 16 digits are what both forms have, and what is random in both. */
const TRACE_DIGITS = 16;
const SESSION_COOKIE = /(?:^|;)\s*[^=;\s]*(?:sess|sid|auth|token|jwt)[^=;]*=([^;]*)/i;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** A sampler that keeps about `share` (0 to 1) of the sessions. */
export function createSampler(share: number): Sampler {
  const limit = share * 2 ** 32;
  return {
    keeps(head, connection) {
      const fields = readFields(head, FIELDS);
      const name = traceOf(fields) ?? credentialOf(fields) ?? Buffer.from(connection, 'latin1');
      return hash(name) < limit;
    },
  };
}

function traceOf(fields: readonly (Buffer | undefined)[]): Buffer | undefined {
  const traceparent = fields[TRACEPARENT];
  if (traceparent && traceparent.length > W3C_TRACE_TO && traceparent[W3C_TRACE_TO] === DASH)
    return lastDigits(traceparent.subarray(W3C_TRACE_FROM, W3C_TRACE_TO));
  const b3 = fields[B3];
  // `0`, `1` and `d` alone are decisions without a trace.
  if (b3 && b3.indexOf(DASH) >= TRACE_DIGITS) return lastDigits(b3.subarray(0, b3.indexOf(DASH)));
  const b3TraceId = fields[B3_TRACE_ID];
  return b3TraceId && b3TraceId.length >= TRACE_DIGITS ? lastDigits(b3TraceId) : undefined;
}

function lastDigits(trace: Buffer): Buffer {
  return trace.subarray(trace.length - TRACE_DIGITS);
}

function credentialOf(fields: readonly (Buffer | undefined)[]): Buffer | undefined {
  if (fields[AUTHORIZATION]?.length) return fields[AUTHORIZATION];
  const cookie = fields[COOKIE] && SESSION_COOKIE.exec(fields[COOKIE].toString('latin1'));
  return cookie ? Buffer.from(cookie[1]!, 'latin1') : undefined;
}

/** 32-bit FNV-1a, finished as MurmurHash3 does so that short names spread over the whole range. Letters count as lower case. */
function hash(name: Uint8Array): number {
  let h = FNV_OFFSET;
  for (const byte of name) h = Math.imul(h ^ (byte | 0x20), FNV_PRIME);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
