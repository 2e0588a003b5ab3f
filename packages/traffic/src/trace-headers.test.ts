import { describe, expect, test } from 'vitest';
import type { HeaderList } from './rrpair.ts';
import { traceOf } from './trace-headers.ts';

const T = '0af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';
const OTHER = 'f'.repeat(32);
const found = (traceId = T) => ({ traceId, spanId: S });

describe('traceOf()', () => {
  test.each<[string, HeaderList, object | null]>([
    ['traceparent', [['Traceparent', `00-${T}-${S}-01`]], found()],
    ['a later version with more behind', [['traceparent', `01-${T}-${S}-01-more`]], found()],
    ['version 00 has nothing behind', [['traceparent', `00-${T}-${S}-01-more`]], null],
    ['version ff is none', [['traceparent', `ff-${T}-${S}-01`]], null],
    ['traceparent is lower case', [['traceparent', `00-${T.toUpperCase()}-${S}-01`]], null],
    ['an id of zeros is none', [['traceparent', `00-${'0'.repeat(32)}-${S}-01`]], null],
    ['a span of zeros is none', [['b3', `${T}-${'0'.repeat(16)}`]], null],
    ['B3 in one header', [['b3', `${T}-${S}-1-05e3ac9a4f6e3b90`]], found()],
    ['B3 without a decision', [['B3', `${T}-${S}`]], found()],
    ['B3 that only decides', [['b3', '0']], null],
    ['B3 with 64 bits, upper case', [['b3', `${S.toUpperCase()}-${S}-d`]], found(S)],
    [
      'B3 in several headers',
      [
        ['X-B3-TraceId', T],
        ['x-b3-spanid', S],
        ['X-B3-Sampled', '1'],
      ],
      found(),
    ],
    ['B3 without its span', [['X-B3-TraceId', T]], null],
    [
      'traceparent comes first',
      [
        ['b3', `${OTHER}-${S}`],
        ['traceparent', `00-${T}-${S}-00`],
      ],
      found(),
    ],
    [
      'a broken traceparent does not hide B3',
      [
        ['traceparent', 'x'],
        ['b3', `${T}-${S}`],
      ],
      found(),
    ],
    ['no header at all', [], null],
  ])('%s', (_, headers, expected) => {
    expect(traceOf(headers)).toEqual(expected);
  });
});
