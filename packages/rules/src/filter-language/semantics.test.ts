// The evaluator against the one of cel-js: the same answer on random expressions and pairs, failures included.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sketch } from '../pair.fixture.ts';
import { compileExpression } from './compile.ts';
import { declareFields } from './fields.ts';
import { type ExpressionView, exprViewOf, type MessageView } from './view.ts';

const reference = declareFields();

/** What cel-js is given: integers as bigint, maps as objects. */
function contextOf(view: ExpressionView) {
  const message = (of: MessageView) => ({
    headers: Object.fromEntries(of.headers),
    trailers: Object.fromEntries(of.trailers),
    size: BigInt(of.size),
    text: of.text,
    ...(of.json === undefined ? {} : { json: of.json }),
  });
  const { direction, method, path, host, endpoint, latencyMs, error, service, session, tags } = view;
  return {
    ...{ direction, method, path, host, endpoint, latencyMs, error, service, session, tags },
    status: BigInt(view.status),
    request: { ...message(view.request), query: view.request.query },
    response: message(view.response),
  };
}

function meaning(source: string, view: ExpressionView): boolean | 'failed' {
  try {
    const value = reference.evaluate(source, contextOf(view));
    return typeof value === 'boolean' ? value : 'failed';
  } catch {
    return 'failed';
  }
}

const word = fc.constantFrom(
  '',
  'a',
  'GET',
  'POST',
  'IN',
  '/',
  '/api',
  '/api/7',
  'shop',
  'x',
  '5',
  'äé😀',
  ' b ',
);
const text = word.map((value) => JSON.stringify(value));
const number = fc.constantFrom('0', '1', '2', '200', '404', '500', '-3');
const double = fc.constantFrom('0.0', '1.5', '2.0', '100.0');
const { string, int, float, dyn, list, bool } = fc.letrec((tie) => ({
  string: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.constantFrom(
      'direction',
      'method',
      'path',
      'host',
      'endpoint',
      'session',
      'error',
      'request.text',
      'request.query',
    ),
    fc.constantFrom(
      'tags.a',
      'request.headers["host"]',
      'request.headers.missing',
      'response.headers["content-type"]',
    ),
    fc
      .tuple(
        tie('string'),
        fc.constantFrom('lowerAscii()', 'upperAscii()', 'trim()', 'substring(1)', 'substring(0, 2)'),
      )
      .map(([s, f]) => `${s}.${f}`),
    fc.tuple(tie('string'), tie('string')).map(([a, b]) => `(${a} + ${b})`),
    fc.oneof(tie('int'), tie('float'), tie('dyn')).map((v) => `string(${v})`),
    fc.tuple(tie('string'), text).map(([s, by]) => `${s}.split(${by}).join("-")`),
  ),
  int: fc.oneof(
    { depthSize: 'small' },
    number,
    fc.constantFrom('status', 'request.size'),
    fc
      .tuple(tie('int'), fc.constantFrom('+', '-', '*', '/', '%'), tie('int'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.oneof(tie('string'), tie('list'), tie('dyn')).map((v) => `size(${v})`),
    fc.tuple(tie('string'), text).map(([s, part]) => `${s}.indexOf(${part})`),
    fc.oneof(fc.constantFrom('"5"', '"x"', '"-7"', 'status'), tie('float')).map((v) => `int(${v})`),
    tie('int').map((v) => `(-${v})`),
  ),
  float: fc.oneof(
    { depthSize: 'small' },
    double,
    fc.constant('latencyMs'),
    fc.oneof(tie('string'), tie('int')).map((v) => `double(${v})`),
    fc
      .tuple(tie('float'), fc.constantFrom('+', '-', '*', '/'), tie('float'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
  ),
  dyn: fc.constantFrom(
    ...[
      'request.json',
      'request.json.a',
      'request.json.b.c',
      'request.json.list',
      'request.json.list[0]',
      'request.json.list[1].a',
    ],
    ...[
      'request.json["a"]',
      'response.json',
      'response.json.a',
      'request.json.none',
      'request.json.list[9]',
      'dyn(1)',
      'dyn("a")',
    ],
  ),
  list: fc.oneof(
    { depthSize: 'small' },
    fc.array(text, { minLength: 1, maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    fc.tuple(tie('list'), tie('list')).map(([a, b]) => `(${a} + ${b})`),
    tie('string').map((s) => `[${s}]`),
  ),
  bool: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(
      'true',
      'false',
      'request.json.yes',
      'has(request.json)',
      'has(request.json.a)',
      'has(request.json.b.c)',
      'has(tags.a)',
      '"a" in tags',
      'has(request.json.none.x)',
    ),
    fc.tuple(tie('bool'), fc.constantFrom('&&', '||'), tie('bool')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('bool').map((b) => `!${b}`),
    fc.tuple(tie('bool'), tie('bool'), tie('bool')).map(([c, a, b]) => `(${c} ? ${a} : ${b})`),
    ...(['string', 'int', 'float', 'bool'] as const).map((type) =>
      fc
        .tuple(tie(type), fc.constantFrom('==', '!=', '<', '<=', '>', '>='), tie(type))
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
    ),
    fc.tuple(tie('int'), fc.constantFrom('<', '>='), tie('float')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    ...(['string', 'int', 'float', 'dyn', 'list'] as const).flatMap((type) => [
      fc
        .tuple(tie('dyn'), fc.constantFrom('==', '!=', '<', '>'), tie(type))
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
      fc.tuple(tie(type), fc.constantFrom('==', '!='), tie('dyn')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    ]),
    fc.tuple(tie('dyn'), fc.constantFrom('== null', '!= null')).map(([a, op]) => `(${a} ${op})`),
    fc.tuple(fc.oneof(tie('string'), tie('dyn')), tie('list')).map(([a, b]) => `(${a} in ${b})`),
    fc.tuple(tie('string'), tie('dyn')).map(([a, b]) => `(${a} in ${b})`),
    fc
      .tuple(tie('int'), fc.array(number, { minLength: 1, maxLength: 3 }))
      .map(([a, items]) => `(${a} in [${items.join(', ')}])`),
    fc
      .tuple(
        fc.oneof(tie('string'), tie('dyn')),
        fc.constantFrom('startsWith', 'endsWith', 'contains'),
        fc.oneof(text, tie('dyn')),
      )
      .map(([s, f, part]) => `${s}.${f}(${part})`),
    fc
      .tuple(tie('string'), fc.constantFrom('^/', 'a|b', '[A-Z]+$', '.'))
      .map(([s, p]) => `${s}.matches("${p}")`),
    fc
      .tuple(
        fc.oneof(tie('dyn'), tie('list')),
        fc.constantFrom('exists', 'all', 'exists_one'),
        fc.constantFrom('x == "a"', 'x.a == 1', 'x > 1', 'size(x) > 0', 'x', 'path == x'),
      )
      .map(([l, f, p]) => `${l}.${f}(x, ${p})`),
    fc
      .tuple(
        fc.oneof(tie('dyn'), tie('list')),
        fc.constantFrom('filter(x, x != "a")', 'map(x, [x])', 'map(x, x == "a", x)', 'filter(x, x.a == 1)'),
      )
      .map(([l, f]) => `size(${l}.${f}) > 1`),
  ),
})) as Record<string, fc.Arbitrary<string>>;
void [string, int, float, dyn, list];

const leaf = fc.constantFrom<unknown>(
  0,
  1,
  2,
  1.5,
  'a',
  '5',
  '',
  true,
  false,
  null,
  [],
  {},
  ['a'],
  [1, 2],
  { a: 1 },
  [{ a: 1 }, { a: 2 }],
  ['a', 'b', 1],
);
const json = fc.oneof(
  leaf,
  fc.record(
    { a: leaf, b: fc.oneof(leaf, fc.record({ c: leaf })), list: leaf, yes: leaf },
    { requiredKeys: [] },
  ),
);
const pair = fc
  .record({
    url: fc.constantFrom('http://shop/', 'http://shop/api/7?a=1', 'http://x:1/api', 'http://a/a'),
    method: fc.constantFrom('GET', 'POST'),
    status: fc.constantFrom(null, 200, 404, 500),
    durationUs: fc.constantFrom(0, 1_500, 100_000),
    session: fc.constantFrom(null, 'a'),
    tags: fc.constantFrom({}, { a: 'x' }, { a: '' }),
    body: fc.oneof(json, fc.constantFrom('a', 'plain x', '')),
    responseBody: json,
  })
  .map(sketch);

test('an expression means on every pair what cel-js says it means, failures included', {
  timeout: 60_000,
}, () => {
  const answers = { true: 0, false: 0, failed: 0 };
  fc.assert(
    fc.property(bool!, fc.array(pair, { minLength: 4, maxLength: 4 }), (source, pairs) => {
      fc.pre(source.length < 1_500 && reference.check(source).valid);
      const expression = compileExpression(source);
      for (const one of pairs) {
        let failed = false;
        const holds = expression.test(exprViewOf(one), () => {
          failed = true;
        });
        const wanted = meaning(source, exprViewOf(one));
        answers[String(wanted) as keyof typeof answers]++;
        expect(failed ? 'failed' : holds, source).toBe(wanted);
      }
    }),
    { numRuns: 3_000, seed: 4 },
  );
  // The test must have seen all three kinds of answers, and often.
  for (const count of Object.values(answers)) expect(count).toBeGreaterThan(500);
});
