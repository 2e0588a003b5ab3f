import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sketch } from '../pair.fixture.ts';
import { FilterError } from './filter-error.ts';
import { compileShorthand, expressionOf } from './shorthand.ts';
import { exprViewOf } from './view.ts';

test.each([
  ['status:>=500', '(status >= 500)'],
  ['status:5xx', '(status >= 500 && status <= 599)'],
  ['status:404,410', '((status == 404) || (status == 410))'],
  ['latencyMs:100..250.5', '(latencyMs >= 100.0 && latencyMs <= 250.5)'],
  ['path:/api/*', '(path.startsWith("/api/"))'],
  ['host:*.example.com', '(host.endsWith(".example.com"))'],
  ['path:*order*', '(path.contains("order"))'],
  ['path:/a*b.c*', '(path.matches("(?s)^/a.*b\\\\.c.*$"))'],
  ['method:post -direction:OUT', '(method == "POST") && !((direction == "OUT"))'],
  ['error:*', '(error != "")'],
  ['path:"/a b*"', '(path == "/a b*")'],
  ['tag.team:red', '("team" in tags && tags["team"] == "red")'],
  [
    'request.User-Agent:curl*',
    '("user-agent" in request.headers && request.headers["user-agent"].startsWith("curl"))',
  ],
  ['path:\ud800', '(path == "\ufffd")'],
  ['', 'true'],
])('%s stands for %s', (text, expression) => {
  expect(expressionOf(text)).toBe(expression);
  compileShorthand(text);
});

test('free text is looked for in path, host, query and bodies, and can be turned around', () => {
  const view = exprViewOf(sketch({ url: 'http://shop/x', responseBody: { note: 'out of stock' } }));
  expect(compileShorthand('"out of stock"').test(view)).toBe(true);
  expect(compileShorthand('shop "out of stock" -basket').test(view)).toBe(true);
  expect(compileShorthand('-"out of stock"').test(view)).toBe(false);
});

test('a negated header fits where there is no such header', () => {
  const view = exprViewOf(sketch());
  expect(compileShorthand('-request.x-team:red').test(view)).toBe(true);
});

test.each([
  ['status:>=500 statsu:5', 14, /no field statsu/],
  ['path:/a status:many', 16, /wants a number: 404/],
  ['status:4.5', 8, /wants a number/],
  ['path:/a "open', 9, /closing quote/],
  ['path: /a', 6, /has no value/],
  ['tags:x', 1, /tag\.NAME/],
  ['- path:/a', 2, /a word is missing/],
])('%s is refused at column %i', (text, column, message) => {
  let refused: unknown;
  try {
    compileShorthand(text);
  } catch (error) {
    refused = error;
  }
  expect(refused).toBeInstanceOf(FilterError);
  expect((refused as FilterError).column).toBe(column);
  expect((refused as FilterError).message).toMatch(message);
});

test('any text is either a search or an error of ours, and any value can be searched for', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60, unit: 'binary' }), (text) => {
      try {
        compileShorthand(text);
      } catch (error) {
        expect(error).toBeInstanceOf(FilterError);
      }
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(
      fc.string({ maxLength: 30 }).filter((text) => !text.includes('"')),
      (value) => {
        const view = exprViewOf(sketch({ tags: { a: value } }));
        expect(compileShorthand(`tag.a:"${value}"`).test(view)).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});
