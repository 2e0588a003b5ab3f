import { expect, test } from 'vitest';
import { sketch } from '../pair.fixture.ts';
import { compileExpression, type EvaluationFailure } from './compile.ts';
import { LIMITS } from './cost.ts';
import { FIELDS } from './fields.ts';
import { FilterError } from './filter-error.ts';
import { exprViewOf } from './view.ts';

const order = sketch({
  method: 'POST',
  url: 'http://shop:8080/api/orders/42?debug=1',
  headers: [
    ['Host', 'shop:8080'],
    ['X-Tag', 'a'],
    ['x-tag', 'b'],
  ],
  body: { user: { id: 7, name: 'Ann' }, items: [{ price: 3 }, { price: 12 }], constructor: 'x' },
  status: 503,
  durationUs: 250_000,
  session: 's1',
  tags: { team: 'red' },
});

function holds(source: string, pair = order): boolean {
  return compileExpression(source).test(exprViewOf(pair));
}

test.each([
  'direction == "IN" && path.startsWith("/api") && status >= 500',
  'method in ["POST", "PUT"] && host == "shop:8080" && endpoint == "/api/orders/{id}"',
  'latencyMs > 200 && latencyMs == 250.0 && grpcStatus == -1 && error == ""',
  'service == "c/n/shop" && cluster == "c" && ns == "n" && workload == "shop" && session == "s1"',
  'request.headers["x-tag"] == "a, b" && "host" in request.headers && request.query.contains("debug")',
  'request.json.user.id == 7 && request.json.items.exists(i, i.price > 10) && request.size > 20',
  'request.text.contains("Ann") && request.text.matches("\\"price\\":1[0-9]")',
  'request.json["constructor"] == "x" && !has(request.json.toString) && !has(response.json)',
  'tags.team == "red" && !has(tags.replay)',
  'int("5") == 5 && double("NaN") != double("NaN") && string(status) == "503"',
])('%s holds for a pair of which it is true', (source) => {
  expect(holds(source)).toBe(true);
});

test('a pair without a response has status 0, and empty texts where nothing is', () => {
  const lost = sketch({ status: null, error: 'reset' });
  expect(
    holds(
      'status == 0 && error == "reset" && response.text == "" && session == "" && response.size == 0',
      lost,
    ),
  ).toBe(true);
});

test('what cannot be evaluated does not hold, is told, and does not spoil what is decided without it', () => {
  const failures: EvaluationFailure[] = [];
  const tell = (source: string) =>
    compileExpression(source).test(exprViewOf(order), (why) => failures.push(why));
  expect(tell('request.json.missing.deep == 1')).toBe(false);
  expect(tell('!(request.json.missing == 1)')).toBe(false);
  expect(tell('request.json.user > 3')).toBe(false);
  expect(tell('request.json.user')).toBe(false);
  expect(failures).toEqual(['error', 'error', 'error', 'error']);
  expect(tell('request.json.missing == 1 || status == 503')).toBe(true);
  expect(tell('request.json.missing == 1 && status == 200')).toBe(false);
  expect(failures).toHaveLength(4);
});

test('only expressions that look at a body say so', () => {
  expect(
    compileExpression('status >= 500 && request.headers["a"] == "b" && request.size > 5').needsBody,
  ).toBe(false);
  expect(compileExpression('status >= 500 && request.json.a == 1').needsBody).toBe(true);
  expect(compileExpression('tags.a.split(",").exists(x, response.text.contains(x))').needsBody).toBe(true);
});

test.each<[string, FilterError['code'], number, RegExp]>([
  ['statu > 5', 'unknown_name', 1, /no field statu; did you mean status\?/],
  ['path == "a" && banana == 1', 'unknown_name', 16, /no field banana; there are direction, /],
  ['request.jsn.a == 1', 'unknown_name', 9, /did you mean json/],
  ['namespace == "x"', 'unknown_name', 1, /write ns/],
  ['status >= "x"', 'type', 1, /both sides must be of one type/],
  ['latencyMs == 5', 'type', 1, /write 100\.0 instead of 100/],
  ['"a" in path', 'type', 1, /x\.contains\("a"\)/],
  ['path', 'type', 1, /the whole expression is a string/],
  ['path.startWith("x")', 'unknown_name', 1, /did you mean startsWith/],
  ['path.startsWith(5)', 'type', 1, /it goes x\.startsWith\("a"\)/],
  ['status = 5', 'syntax', 8, /write == to compare/],
  ['status > 5 and path == "x"', 'syntax', 12, /write &&/],
  ['(status > 5', 'syntax', 12, /a closing \) is missing/],
  ['path == "x', 'syntax', 9, /closing quote/],
  ['', 'syntax', 1, /empty/],
  ['status > 5\n  && foo', 'unknown_name', 6, /^line 2, column 6: /],
  ['path.matches("(?=a)")', 'pattern', 14, /not valid RE2/],
  ['path.matches("(a{900}){900}")', 'pattern', 14, /RE2|too large/],
  ['path.matches("((ab){1000}c|d{1000})")', 'pattern', 14, /too large|RE2/],
  ['path.matches(host)', 'unsupported', 14, /text in quotes/],
  [
    'timestamp("2026-01-01T00:00:00Z") == timestamp("2026-01-01T00:00:00Z")',
    'unsupported',
    1,
    /timestamp\(\) is not part/,
  ],
  ['request["json"].a == 1', 'unsupported', 1, /write request\.NAME/],
  ['request == request', 'type', 1, /does not work/],
  ['[request].size() == 1', 'unsupported', 2, /write request\.json/],
  ['{"a": 1}.a == 1', 'unsupported', 1, /not part of the filter language/],
])('%s is refused as %s at column %i', (source, code, column, message) => {
  let error: unknown;
  try {
    compileExpression(source);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(FilterError);
  const refused = error as FilterError;
  expect(refused.code).toBe(code);
  expect(refused.column).toBe(column);
  expect(refused.message).toMatch(message);
});

test.each([
  ['longer than the limit', `path == "${'a'.repeat(LIMITS.length)}"`],
  ['with too many nodes', Array(400).fill('status == 1').join(' || ')],
  ['nested too deeply', `${'('.repeat(1_000)}true${')'.repeat(1_000)}`],
  ['of negations only', `${'!'.repeat(4_000)}true`],
  ['with loops three deep', 'request.json.a.exists(x, x.b.exists(y, y.c.exists(z, z == 1)))'],
])('an expression %s is refused as too large', (_what, source) => {
  expect(() => compileExpression(source)).toThrowError(expect.objectContaining({ code: 'too_large' }));
});

const huge = sketch({ body: { t: 'a'.repeat(200_000), list: Array.from({ length: 20_000 }, (_, i) => i) } });

test.each([
  'request.json.list.exists(x, request.json.list.exists(y, x + y < 0))',
  'request.json.list.exists(x, request.text.contains("zz"))',
  'request.json.list.exists(x, request.text.matches("(a|aa)*b"))',
  'request.json.list.exists(x, request.text.lowerAscii() == request.text.upperAscii())',
  'request.json.list.exists(x, (request.json.list + request.json.list).size() < 0)',
  'request.json.list.exists(x, request.text.split("").size() < 0)',
  'request.json.list.exists(x, request.json.list == request.json.list.map(y, y) && false)',
  'request.json.list.map(x, request.json.t + request.json.t).size() > 1',
  'request.text.matches("((a|aa)(a|b)(a|c)){100}$")',
])('%s is given up for its cost on a large body', (source) => {
  const failures: EvaluationFailure[] = [];
  expect(compileExpression(source).test(exprViewOf(huge), (why) => failures.push(why))).toBe(false);
  expect(failures).toEqual(['cost']);
});

test('JSON nested without end fails its expression and nothing else', () => {
  const deep = sketch({ body: `${'['.repeat(100_000)}${']'.repeat(100_000)}` });
  const failures: EvaluationFailure[] = [];
  const same = compileExpression('request.json == [request.json] || request.json == request.json.map(x, x)');
  same.test(exprViewOf(deep), (why) => failures.push(why));
  expect(failures.length).toBeLessThanOrEqual(1);
  expect(holds('has(request.json) && path == "/"', deep)).toBe(true);
});

test('a view computes the endpoint and the body only for expressions that ask', () => {
  const pair = sketch({ url: 'http://shop/api/7', body: { a: 1 } });
  Object.defineProperty(pair.request!, 'body', {
    get: () => {
      throw new Error('the body was touched');
    },
  });
  expect(
    holds('direction == "IN" && path == "/api/7" && status == 200 && !("x" in request.headers)', pair),
  ).toBe(true);
  expect(() => holds('request.json.a == 1', pair)).toThrow('touched');
});

test('every flat field can be read', () => {
  for (const [name, { type }] of Object.entries(FIELDS)) {
    const source = { string: `${name} == ${name}`, int: `${name} + 0 == ${name}`, double: `${name} >= 0.0` }[
      type
    ];
    if (source) expect(holds(source), name).toBe(true);
  }
});
