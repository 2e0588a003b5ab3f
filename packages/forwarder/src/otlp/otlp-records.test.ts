import type { RRPair } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { ARRIVAL, capturedPair, messageOf, NOW_US } from '../captured.fixture.ts';
import { decodePair } from '../intake/decode-pair.ts';
import { type OtlpSignal, otlpItem, otlpRequest, signalUrl } from './otlp-records.ts';

function pair(changes: Partial<RRPair> = {}): RRPair {
  const decoded = decodePair(capturedPair(7), ARRIVAL, { leftBytes: 0 })!;
  return { ...decoded, ...changes };
}

/** A record with its attributes by name, values without their types. */
function record(signal: OtlpSignal, of: RRPair, bodyLimitBytes = 0) {
  const { attributes, ...rest } = JSON.parse(otlpItem(signal, of, bodyLimitBytes).json);
  const named = attributes.map(({ key, value }: { key: string; value: object }) => [
    key,
    Object.values(value)[0],
  ]);
  return { ...rest, attributes: Object.fromEntries(named) as Record<string, string> };
}

describe('otlpItem()', () => {
  test('a request to the service is a server span, named by its endpoint', () => {
    const { attributes, ...span } = record('traces', pair());
    expect(span).toEqual({
      ...{ traceId: '0190a0a0000070008000000000000007', spanId: '8000000000000007', flags: 1 },
      ...{ name: 'GET /orders/{id}', kind: 2, status: {} },
      startTimeUnixNano: `${NOW_US + 7_000}000`,
      endTimeUnixNano: `${NOW_US + 8_500}000`,
    });
    expect(attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.route': '/orders/{id}',
      'url.path': '/orders/7',
      'url.query': 'full=1',
      'http.response.status_code': '200',
      'network.protocol.version': '1.1',
      'server.address': 'shop',
      'server.port': '8080',
      'client.address': '127.0.0.1',
    });
    expect(attributes).not.toHaveProperty('url.full');
    expect(attributes).not.toHaveProperty('error.type');
  });

  test('a request that the service made is a client span with the whole url', () => {
    const { kind, attributes } = record('traces', pair({ direction: 'OUT' }));
    expect(kind).toBe(3);
    expect(attributes).toMatchObject({
      ...{ 'url.full': 'http://shop:8080/orders/7?full=1', 'url.template': '/orders/{id}' },
      ...{ 'network.peer.address': '127.0.0.1', 'network.peer.port': '8080' },
    });
    expect(attributes).not.toHaveProperty('http.route');
  });

  test('a trace that the request named is kept, and its span is the parent', () => {
    const trace = { traceId: 'abcdefabcdefabcd', spanId: '1234567812345678' };
    expect(record('traces', pair({ trace }))).toMatchObject({
      traceId: '0000000000000000abcdefabcdefabcd',
      ...{ parentSpanId: '1234567812345678', spanId: '8000000000000007' },
    });
  });

  test.each([
    ['IN', 404, undefined, 'WARN'],
    ['IN', 503, '503', 'ERROR'],
    ['OUT', 404, '404', 'ERROR'],
    ['OUT', 200, undefined, 'INFO'],
  ] as const)('%s with %d is an error of type %s, severity %s', (direction, status, type, severity) => {
    const response = { ...pair().response!, status };
    const one = pair({ direction, response });
    const span = record('traces', one);
    expect(span.attributes['error.type']).toBe(type);
    expect(span.status).toEqual(type ? { code: 2 } : {});
    expect(record('logs', one).severityText).toBe(severity);
  });

  test('no response is an error by its own name', () => {
    const one = pair({ response: null, ttfbUs: null, error: 'timeout' });
    expect(record('traces', one).attributes['error.type']).toBe('timeout');
    expect(record('logs', one).body).toEqual({ stringValue: 'GET /orders/{id} timeout 1.5 ms' });
  });

  test('gRPC has its names and its own status', () => {
    const response = { ...pair().response!, trailers: [['grpc-status', '5']] as [string, string][] };
    const request = { ...pair().request!, url: 'http://shop:8080/shop.Orders/Find' };
    const { attributes } = record('traces', pair({ protocol: 'grpc', request, response }));
    expect(attributes).toMatchObject({
      ...{ 'rpc.system': 'grpc', 'rpc.service': 'shop.Orders', 'rpc.method': 'Find' },
      'rpc.grpc.status_code': '5',
    });
  });

  test('what is neither HTTP nor answered still is a span and a record', () => {
    const opaque = pair({ request: null, response: null, protocol: 'opaque', ttfbUs: null });
    expect(record('traces', opaque)).toMatchObject({ name: 'opaque', kind: 2 });
    expect(record('logs', opaque).attributes['network.protocol.name']).toBe('opaque');
  });

  test('a log record holds the line of the pair: whole, without bodies, or not', () => {
    const response = messageOf('HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(5_000));
    const large = decodePair(capturedPair(7, { response }), ARRIVAL, { leftBytes: 0 })!;
    const line = (limit: number) => record('logs', large, limit).attributes['echoplane.rrpair'];
    expect(JSON.parse(line(16_384)!)).toEqual(large);
    expect(JSON.parse(line(4_096)!)).toMatchObject({
      id: large.id,
      response: { body: { size: 5_000, encoding: 'identity' } },
    });
    expect(line(4_096)).not.toContain('xxx');
    expect([line(100), line(0)]).toEqual([undefined, undefined]);
  });

  test('texts are bounded and well formed', () => {
    const tags = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`t${n}`, 'v']));
    const url = `http://shop:8080/${'a'.repeat(4_094)}😀`;
    const { attributes } = record('traces', pair({ tags, request: { ...pair().request!, url } }));
    expect(attributes['url.path']).toHaveLength(4_096);
    expect(attributes['url.path']!.isWellFormed()).toBe(true);
    expect(Object.keys(attributes).filter((name) => name.startsWith('echoplane.tag.'))).toHaveLength(32);
  });
});

test('otlpRequest() groups by resource', () => {
  const other = pair({ source: { ...pair().source, pod: 'shop-2' } });
  const items = [pair(), other, pair()].map((one) => otlpItem('logs', one, 0));
  const { resourceLogs } = JSON.parse(otlpRequest('logs', items));
  const pods = resourceLogs.map(({ resource }: { resource: { attributes: { key: string }[] } }) =>
    resource.attributes.find(({ key }) => key === 'k8s.pod.name'),
  );
  expect(pods).toMatchObject([{ value: { stringValue: 'shop-1' } }, { value: { stringValue: 'shop-2' } }]);
  expect(resourceLogs[0].scopeLogs[0].logRecords).toHaveLength(2);
});

test.each([
  ['http://c:4318', 'http://c:4318/v1/logs'],
  ['http://c:4318/', 'http://c:4318/v1/logs'],
  ['https://c/otlp/', 'https://c/otlp/v1/logs'],
  ['https://c/otlp', 'https://c/otlp/v1/logs'],
])('signalUrl(%s)', (base, url) => {
  expect(signalUrl(base, 'logs')).toBe(url);
});
