import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileFilter, TrafficQuery, viewOf } from './filter.ts';
import { sketchPair } from './pair.fixture.ts';

const view = viewOf(
  sketchPair({ method: 'POST', url: 'https://shop:8080/orders/17?x=1', status: 404, durationUs: 12_500 }),
);

test.each<[TrafficQuery, boolean]>([
  [{}, true],
  [{ direction: 'IN' }, true],
  [{ direction: 'OUT' }, false],
  [{ method: 'POST', host: 'shop:8080', endpoint: '/orders/{id}', service: 'c/n/shop' }, true],
  [{ pathPrefix: '/orders' }, true],
  [{ pathPrefix: '/orders?' }, false],
  [{ statusMin: 400, statusMax: 499 }, true],
  [{ statusMin: 500 }, false],
  [{ latencyMinMs: 12.5 }, true],
  [{ latencyMinMs: 12.6 }, false],
  [{ from: view.ts, to: view.ts + 1 }, true],
  [{ to: view.ts }, false],
  [{ replay: 'r1' }, false],
])('%j holds: %s', (query, holds) => {
  expect(compileFilter(query)(view)).toBe(holds);
});

test('a query without a replay means live traffic only', () => {
  const replayed = viewOf(sketchPair({ tags: { replay: 'r1' } }));
  expect([compileFilter({})(replayed), compileFilter({ replay: 'r1' })(replayed)]).toEqual([false, true]);
});

test('two conditions together hold exactly where both hold alone', () => {
  const part = fc.record(
    { statusMin: fc.integer({ min: 100, max: 599 }), method: fc.constantFrom('GET', 'POST') },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(part, fc.integer({ min: 100, max: 599 }), (query, statusMax) => {
      const clean = TrafficQuery.parse(query);
      const both = compileFilter({ ...clean, statusMax })(view);
      expect(both).toBe(compileFilter(clean)(view) && compileFilter({ statusMax })(view));
    }),
  );
});
