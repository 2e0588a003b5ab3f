import { describe, expect, it } from 'vitest';
import {
  graphQuery,
  hasListFilters,
  isLive,
  listQuery,
  parseTrafficSearch,
  spanOf,
} from './traffic-search.ts';

const NOW = 1_700_000_000_000_000;

describe('parseTrafficSearch()', () => {
  it('keeps what is valid and drops the rest', () => {
    expect(
      parseTrafficSearch({
        range: '2y',
        direction: 'UP',
        status: '5xx',
        minMs: '250',
        host: '',
        nonsense: 1,
      }),
    ).toEqual({ status: '5xx', minMs: 250 });
  });

  it('reads a path that looks like a number as text, and gives a path its slash', () => {
    expect(parseTrafficSearch({ path: 7 })).toEqual({ path: '/7' });
    expect(parseTrafficSearch({ path: '/orders' })).toEqual({ path: '/orders' });
  });

  it('does not take a name of Object for a range', () => {
    expect(parseTrafficSearch({ range: 'constructor', status: 'toString' })).toEqual({});
  });
});

describe('spanOf()', () => {
  it('ends open for a range and is fixed for a chosen span', () => {
    expect(spanOf({ range: '5m' }, NOW)).toEqual({ from: NOW - 300_000_000 });
    expect(spanOf({ range: 'all' }, NOW)).toEqual({});
    expect(spanOf({ range: '5m', from: 1_000, to: 2_000 }, NOW)).toEqual({ from: 1_000_000, to: 2_000_000 });
  });

  it('is the last hour unless said otherwise', () => {
    expect(spanOf({}, NOW)).toEqual({ from: NOW - 3_600_000_000 });
  });
});

describe('queries', () => {
  const search = parseTrafficSearch({
    service: 'c/n/shop',
    range: 'all',
    status: 'errors',
    path: '/orders',
    minMs: 0,
  });

  it('listQuery() turns a status class into inclusive bounds and a path into a prefix', () => {
    expect(listQuery(search, NOW)).toEqual({
      service: 'c/n/shop',
      statusMin: 400,
      statusMax: 599,
      pathPrefix: '/orders',
    });
  });

  it('graphQuery() leaves the list filters out', () => {
    expect(graphQuery(search, NOW)).toEqual({ service: 'c/n/shop' });
    expect(hasListFilters(search)).toBe(true);
    expect(hasListFilters({ service: 'x', range: '5m', pair: 'p' })).toBe(false);
  });

  it('a span with an end is not live', () => {
    expect(isLive({ range: '5m' })).toBe(true);
    expect(isLive({ from: 1, to: 2 })).toBe(false);
  });
});
