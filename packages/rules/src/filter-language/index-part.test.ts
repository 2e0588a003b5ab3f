import { compileFilter, type TrafficQuery, viewOf } from '@echoplane/traffic';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sketch } from '../pair.fixture.ts';
import { compileExpression } from './compile.ts';
import { indexPart } from './index-part.ts';
import { exprViewOf } from './view.ts';

test.each<[string, TrafficQuery, boolean]>([
  ['direction == "OUT" && status >= 500', { direction: 'OUT', statusMin: 500 }, true],
  ['status == 404 && "/a" == path', { statusMin: 404, statusMax: 404 }, false],
  ['path.startsWith("/api") && latencyMs > 20', { pathPrefix: '/api', latencyMinMs: 20 }, false],
  [
    'latencyMs >= 20 && status > 399 && status < 500',
    { latencyMinMs: 20, statusMin: 400, statusMax: 499 },
    true,
  ],
  ['status < 500 && host == "a"', { host: 'a' }, false],
  ['host == "a" && host == "b"', { host: 'a' }, false],
  ['host == "a" || method == "GET"', {}, false],
  ['session == "" && endpoint == "/x"', { endpoint: '/x' }, false],
  ['tags.replay == "r1" && request.json.a == 1', { replay: 'r1' }, false],
  ['tags["replay"] == "r1"', { replay: 'r1' }, true],
  ['status >= 5000', {}, false],
  ['direction == "SIDEWAYS"', {}, false],
])('%s has the index part %j', (source, query, isAll) => {
  const split = indexPart(compileExpression(source));
  expect(split.query).toEqual(query);
  expect(split.rest === null).toBe(isAll);
});

test('the rest is only what the index does not answer', () => {
  const { rest } = indexPart(compileExpression('status >= 500 && request.json.a == 1 && method == "GET"'));
  expect(rest!.needsBody).toBe(true);
  expect(rest!.test(exprViewOf(sketch({ status: 200, method: 'PUT', body: { a: 1 } })))).toBe(true);
});

test('index part and rest together hold for the same pairs as the whole', () => {
  const condition = fc.oneof(
    fc
      .tuple(
        fc.constantFrom('status', 'status', 'latencyMs'),
        fc.constantFrom('<', '<=', '>', '>='),
        fc.constantFrom('0', '200', '404', '500'),
      )
      .map((parts) => parts.join(' ')),
    fc.constantFrom(
      'status == 0',
      'status == 404',
      'method == "GET"',
      'session == ""',
      'session == "s"',
      'direction == "IN"',
    ),
    fc.constantFrom(
      'path.startsWith("/a")',
      'endpoint == "/a/{id}"',
      'host == "shop"',
      'request.json.a == 1',
      '(status == 0 || method == "GET")',
    ),
  );
  const pairs = fc.record({
    status: fc.constantFrom(null, 200, 404, 500),
    method: fc.constantFrom('GET', 'POST'),
    session: fc.constantFrom(null, 's'),
    url: fc.constantFrom('http://shop/a/7', 'http://other/b'),
    durationUs: fc.constantFrom(0, 300_000, 600_000),
    body: fc.constantFrom({ a: 1 }, 'x'),
  });
  fc.assert(
    fc.property(fc.array(condition, { minLength: 1, maxLength: 5 }), pairs, (conditions, of) => {
      const pair = sketch(of);
      const whole = compileExpression(conditions.join(' && '));
      const { query, rest } = indexPart(whole);
      const byParts = compileFilter(query)(viewOf(pair)) && (rest?.test(exprViewOf(pair)) ?? true);
      expect(byParts, whole.source).toBe(whole.test(exprViewOf(pair)));
    }),
    { numRuns: 2_000 },
  );
});
