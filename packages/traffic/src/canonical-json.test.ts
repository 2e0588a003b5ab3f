import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isExactJson, settleBody } from './body.ts';
import { canonicalJson } from './canonical-json.ts';
import { sketchPair } from './pair.fixture.ts';
import { pairLine } from './pair-line.ts';

/** What it must come to: parse, print, compare. */
function printsBack(text: string): boolean {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && JSON.stringify(value) === text;
  } catch {
    return false;
  }
}

test.each([
  ['{}', 'yes'],
  ['[]', 'yes'],
  ['{"a":[1,-2.5,true,false,null,"x\\n\\"\\\\"],"b":{"c":0}}', 'yes'],
  ['{"a": 1}', 'no'],
  ['{"a":1}\n', 'no'],
  ['[1,]', 'no'],
  ['[01]', 'no'],
  ['[1.0]', 'no'],
  ['[-0]', 'no'],
  ['[1.]', 'no'],
  ['["\\/"]', 'no'],
  ['["\t"]', 'no'],
  ['{"a":1', 'no'],
  ['{a:1}', 'no'],
  ['[1e5]', 'unsure'],
  ['[1234567890123456]', 'unsure'],
  ['[0.0000001]', 'unsure'],
  ['["\\u00e9"]', 'unsure'],
  ['{"2":1,"1":2}', 'unsure'],
  ['{"a":1,"a":2}', 'unsure'],
  ['{"__proto__":1}', 'unsure'],
])('canonicalJson(%j) is %s', (text, verdict) => {
  expect(canonicalJson(text)).toBe(verdict);
});

test('of every value it says what parsing and printing it says', () => {
  let sure = 0;
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      if (typeof value !== 'object' || value === null || text.includes('__proto__')) return;
      expect(isExactJson(text)).toBe(printsBack(text));
      if (canonicalJson(text) === 'yes') sure++;
    }),
    { numRuns: 3_000 },
  );
  expect(sure).toBeGreaterThan(300);
});

test('a text that was changed anywhere is never taken for exact when it is not', () => {
  const edits = fc.tuple(
    fc.nat(),
    fc.constantFrom(' ', '0', '"', '\\', ',', ':', '}', ']', '.', '-', 'e', '\n', 'a', ''),
  );
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 3 }),
      fc.array(edits, { minLength: 1, maxLength: 3 }),
      (value, changes) => {
        let text = JSON.stringify({ a: value, b: [0.5, 10, -3] });
        for (const [at, insert] of changes) {
          const place = at % text.length;
          text = text.slice(0, place) + insert + text.slice(place + (insert === '' ? 1 : 0));
        }
        if (text.includes('__proto__')) return;
        expect(isExactJson(text)).toBe(printsBack(text));
      },
    ),
    { numRuns: 5_000 },
  );
});

test('numbers are exact when they print back', () => {
  const numbers = fc.oneof(
    fc.double({ noNaN: true }).map(String),
    fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map(String),
    fc.tuple(fc.nat({ max: 999 }), fc.stringMatching(/^\d{1,17}$/)).map(([a, b]) => `${a}.${b}`),
  );
  fc.assert(
    fc.property(numbers, (number) => {
      expect(isExactJson(`[${number}]`)).toBe(printsBack(`[${number}]`));
    }),
    { numRuns: 5_000 },
  );
});

test('nesting beyond the bound is not stored as JSON', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect([isExactJson(nested(100)), isExactJson(nested(101)), isExactJson(nested(100_000))]).toEqual([
    true,
    false,
    false,
  ]);
});

test('pairLine() writes the line that settling and printing gives, and leaves the pair as it was', () => {
  const texts = [
    '{"a":[1,"x"]}',
    '{"a": 1}',
    'plain "text"',
    '[1e21]',
    '{"b":"mark0q"}',
    '{"\\u0061":1}',
    '',
  ];
  for (const requestText of texts) {
    for (const responseText of texts) {
      const make = () => {
        const pair = structuredClone(sketchPair());
        for (const [half, text] of [
          [pair.request, requestText],
          [pair.response, responseText],
        ] as const) {
          half!.body = { size: text.length, encoding: 'identity', text };
        }
        return pair;
      };
      const settled = make();
      settleBody(settled.request!.body);
      settleBody(settled.response!.body);
      const pair = make();
      const line = pairLine(pair, 'mark0');
      expect(JSON.parse(line)).toEqual(settled);
      expect(pair).toEqual(make());
    }
  }
});
