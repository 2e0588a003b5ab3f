import type { TrafficQuery } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import type { Span } from './partitions.ts';
import {
  budgetEndStatement,
  coverageStatement,
  listStatement,
  pairStatement,
  positionsStatement,
  timestampOf,
} from './traffic-sql.ts';

const HOSTILE = "x'; DROP TABLE rrpairs; --";
const QUERY: Required<TrafficQuery> & Span = {
  ...{ direction: HOSTILE as 'IN', service: HOSTILE, host: HOSTILE, method: HOSTILE, endpoint: HOSTILE },
  ...{
    pathPrefix: HOSTILE,
    statusMin: 411,
    statusMax: 412,
    latencyMinMs: 413,
    session: HOSTILE,
    replay: HOSTILE,
  },
  ...{ from: 1_700_000_000_000_414, to: 1_700_000_000_000_415 },
};

describe('statements', () => {
  const cursor = { tsUs: 1_700_000_000_000_416, id: HOSTILE };
  test.each([
    ['list', listStatement(QUERY, { limit: 417, cursor, budget: 418 })],
    ['budget end', budgetEndStatement(QUERY, cursor, 419)],
    ['pair', pairStatement(HOSTILE, QUERY)],
    ['positions', positionsStatement(QUERY)],
    ['coverage', coverageStatement(QUERY)],
  ])('%s: nothing of the input is in the text, all of it is in the values', (_name, { text, values }) => {
    expect(text).not.toMatch(/DROP|x'|41\d/);
    expect(new Set([...text.matchAll(/\$(\d+)/g)].map((match) => Number(match[1]))).size).toBe(values.length);
    expect(values.filter((value) => value === HOSTILE).length).toBeGreaterThanOrEqual(1);
  });

  test('without a replay only live traffic is meant', () => {
    expect(listStatement({ from: 1, to: 2 }, { limit: 1, cursor: null, budget: 1 }).values[0]).toBe('');
  });
});

test.each([
  [0, '1970-01-01T00:00:00.000000Z'],
  [1_700_000_000_000_001, '2023-11-14T22:13:20.000001Z'],
  [1_700_000_000_999_999, '2023-11-14T22:13:20.999999Z'],
  [-1, '1969-12-31T23:59:59.999999Z'],
])('timestampOf(%d) keeps every µs', (us, text) => {
  expect(timestampOf(us)).toBe(text);
});
