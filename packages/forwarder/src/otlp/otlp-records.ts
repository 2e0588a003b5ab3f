// An RRPair as a log record and as a span of OpenTelemetry, in the protocol's JSON form (ids in hex, 64-bit integers as
// text), and requests put together from them. What is given is exported: filter and redaction come before. Pure.
import { type Body, type RRPair, splitUrl } from '@echoplane/traffic';
import {
  type Attribute,
  errorType,
  nameOf,
  pairAttributes,
  resourceOf,
  SCHEMA_URL,
} from './otlp-attributes.ts';

export type OtlpSignal = 'logs' | 'traces';

/** One record or span as JSON text, beside the resource it belongs to. */
export interface OtlpItem {
  resource: string;
  json: string;
}

const SCOPE = { name: 'echoplane' };
/** Values of the protocol's enums. */
const SPAN_KIND = { IN: 2, OUT: 3 } as const;
const SPAN_ERROR = 2;
const SEVERITY = { info: [9, 'INFO'], warn: [13, 'WARN'], error: [17, 'ERROR'] } as const;
const SAMPLED = 1;

/** What a pair becomes under a signal; `bodyLimitBytes` bounds the JSON in a log record, 0 leaves it out. */
export function otlpItem(signal: OtlpSignal, pair: RRPair, bodyLimitBytes: number): OtlpItem {
  const record = signal === 'logs' ? logRecord(pair, bodyLimitBytes) : span(pair);
  return { resource: JSON.stringify({ attributes: resourceOf(pair) }), json: JSON.stringify(record) };
}

/** The body of a request for these items, grouped by resource in the order they came. */
export function otlpRequest(signal: OtlpSignal, items: readonly OtlpItem[]): string {
  const groups = new Map<string, string[]>();
  for (const { resource, json } of items) {
    const group = groups.get(resource);
    if (group) group.push(json);
    else groups.set(resource, [json]);
  }
  const [resources, scopes, records] =
    signal === 'logs'
      ? ['resourceLogs', 'scopeLogs', 'logRecords']
      : ['resourceSpans', 'scopeSpans', 'spans'];
  const scope = JSON.stringify(SCOPE);
  const parts = [...groups].map(
    ([resource, group]) =>
      `{"resource":${resource},"${scopes}":[{"scope":${scope},"${records}":[${group.join(',')}],"schemaUrl":"${SCHEMA_URL}"}],"schemaUrl":"${SCHEMA_URL}"}`,
  );
  return `{"${resources}":[${parts.join(',')}]}`;
}

/**
 * Ids of a pair's span. The trace is the request's own, else the pair's id; the span's id is the end of the pair's id, and
 * the span that the request named is its parent: a sender's own span is never written twice.
 */
export function spanIds({ id, trace }: RRPair): { traceId: string; spanId: string; parentSpanId?: string } {
  const hex = id.replaceAll('-', '').toLowerCase();
  const spanId = hex.slice(16);
  // B3 has trace ids of 16 digits.
  return trace
    ? { traceId: trace.traceId.padStart(32, '0'), spanId, parentSpanId: trace.spanId }
    : { traceId: hex, spanId };
}

function span(pair: RRPair) {
  const error = errorType(pair);
  return {
    ...spanIds(pair),
    flags: SAMPLED,
    name: nameOf(pair),
    kind: SPAN_KIND[pair.direction],
    startTimeUnixNano: nanoseconds(pair.ts),
    endTimeUnixNano: nanoseconds(pair.ts + pair.durationUs),
    attributes: pairAttributes(pair),
    status: error === null ? {} : { code: SPAN_ERROR },
  };
}

function logRecord(pair: RRPair, bodyLimitBytes: number) {
  const { traceId, spanId } = spanIds(pair);
  const [severityNumber, severityText] = SEVERITY[severityOf(pair)];
  const attributes: Attribute[] = pairAttributes(pair);
  const json = boundedJson(pair, bodyLimitBytes);
  if (json !== null) attributes.push({ key: 'echoplane.rrpair', value: { stringValue: json } });
  return {
    timeUnixNano: nanoseconds(pair.ts),
    observedTimeUnixNano: nanoseconds(pair.ts + pair.durationUs),
    ...{ severityNumber, severityText, eventName: 'echoplane.rrpair' },
    body: { stringValue: sentence(pair) },
    attributes,
    ...{ traceId, spanId, flags: SAMPLED },
  };
}

/** `GET /orders/{id} 200 1.5 ms`: what a person reads in a list of logs. */
function sentence(pair: RRPair): string {
  const outcome = pair.error ?? pair.response?.status ?? 'no response';
  return `${nameOf(pair)} ${outcome} ${(pair.durationUs / 1000).toFixed(1)} ms`;
}

function severityOf(pair: RRPair): keyof typeof SEVERITY {
  if (errorType(pair) !== null) return 'error';
  return (pair.response?.status ?? 0) >= 400 ? 'warn' : 'info';
}

/** The pair as its NDJSON line; without bodies and messages when it would be too long, null when even that is. */
function boundedJson(pair: RRPair, limitBytes: number): string | null {
  if (limitBytes === 0) return null;
  for (const form of [pair, withoutBodies(pair)]) {
    const json = JSON.stringify(form);
    if (Buffer.byteLength(json) <= limitBytes) return json;
  }
  return null;
}

function withoutBodies({ messages: _, ...pair }: RRPair): RRPair {
  const bare = ({ size, encoding }: Body): Body => ({ size, encoding });
  return {
    ...pair,
    request: pair.request && { ...pair.request, body: bare(pair.request.body) },
    response: pair.response && { ...pair.response, body: bare(pair.response.body) },
  };
}

/** µs as decimal nanoseconds, which a double does not hold. */
function nanoseconds(us: number): string {
  return `${Math.max(0, Math.round(us))}000`;
}

/** Where a collector takes a signal: behind whatever path its address has. */
export function signalUrl(base: string, signal: OtlpSignal): string {
  const { path } = splitUrl(base);
  return `${path.endsWith('/') ? base.replace(/\/+$/, '') : base}/v1/${signal}`;
}
