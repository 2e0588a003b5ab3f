import { describe, expect, test } from 'vitest';
import { grpcStatusOf, indexRow } from './index-row.ts';
import { fixedId, sketchPair } from './pair.fixture.ts';
import type { HeaderList } from './rrpair.ts';

const POSITION = { segment: fixedId(9), frame: 0, frameOffset: 0, frameLength: 1, line: 0 };
const [TRACE, SPAN] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];

function called(responseHeaders: HeaderList, trailers?: HeaderList, protocol = 'grpc') {
  const pair = sketchPair({ responseHeaders });
  return { ...pair, protocol, response: { ...pair.response!, ...(trailers ? { trailers } : {}) } };
}

describe('grpcStatusOf()', () => {
  test.each<[string, ReturnType<typeof called>, number | null]>([
    ['is in the trailers', called([], [['grpc-status', '0']]), 0],
    ['is in the headers when nothing else came', called([['grpc-status', '5']]), 5],
    ['is null when the call was cut', called([]), null],
    ['is null when it is no number', called([['grpc-status', 'x']]), null],
    ['is only of gRPC', called([['grpc-status', '5']], undefined, 'http/2'), null],
  ])('%s', (_, pair, status) => {
    expect(grpcStatusOf(pair)).toBe(status);
    expect(indexRow(pair, POSITION, '/').grpcStatus).toBe(status);
  });
});

describe('indexRow()', () => {
  test('names the trace of the pair, or of its headers in pairs of older recordings', () => {
    const headers: HeaderList = [['traceparent', `00-${TRACE}-${SPAN}-01`]];
    expect(indexRow(sketchPair({ requestHeaders: headers }), POSITION, '/').traceId).toBe(TRACE);
    const named = { ...sketchPair(), trace: { traceId: TRACE!, spanId: SPAN! } };
    expect(indexRow(named, POSITION, '/').traceId).toBe(TRACE);
    expect(indexRow(sketchPair(), POSITION, '/').traceId).toBeNull();
  });
});
