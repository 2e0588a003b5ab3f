// The trace a request belongs to, as its headers say: W3C `traceparent`, else B3 in one header or in several. Pure; it
// must not know who propagates them.
import { header } from './http-view.ts';
import type { HeaderList } from './rrpair.ts';

/** Ids as lower case hex: 32 digits (B3: or 16) and 16. */
export interface Trace {
  traceId: string;
  spanId: string;
}

/** Version 00, or a later one that may say more behind (W3C Trace Context section 3.2); ff is none. */
const TRACEPARENT =
  /^(?:00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}|(?!00|ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?)$/;
const B3 = /^([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-|$)/i;
const B3_TRACE_ID = /^(?:[0-9a-f]{32}|[0-9a-f]{16})$/i;
const B3_SPAN_ID = /^[0-9a-f]{16}$/i;
const ALL_ZERO = /^0+$/;

/** The trace of a request with these headers, or null when they name none, or none that is valid. */
export function traceOf(headers: HeaderList): Trace | null {
  const w3c = TRACEPARENT.exec(header(headers, 'traceparent')?.trim() ?? '');
  const byW3c = w3c && trace(w3c[1] ?? w3c[3]!, w3c[2] ?? w3c[4]!);
  if (byW3c) return byW3c;
  const single = B3.exec(header(headers, 'b3')?.trim() ?? '');
  const byB3 = single && trace(single[1]!, single[2]!);
  if (byB3) return byB3;
  const traceId = header(headers, 'x-b3-traceid')?.trim() ?? '';
  const spanId = header(headers, 'x-b3-spanid')?.trim() ?? '';
  return B3_TRACE_ID.test(traceId) && B3_SPAN_ID.test(spanId) ? trace(traceId, spanId) : null;
}

function trace(traceId: string, spanId: string): Trace | null {
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(spanId)) return null;
  return { traceId: traceId.toLowerCase(), spanId: spanId.toLowerCase() };
}
