import type { Assertion } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { rulesFor, STRICT } from './compare-rules.ts';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { type AnswerSketch, sketchAnswer, sketchTest } from './test.fixture.ts';

const always = () => true;

function compare(assertions: Assertion[], recorded: AnswerSketch, live: AnswerSketch) {
  const rules = rulesFor(assertions, always);
  const options = { values: new LiveValues(new Map()), times: null, rules };
  const { differences, leaves } = compareTest(sketchTest(recorded), sketchAnswer(live), options);
  return { found: differences.map((d) => `${d.path} ${d.problem}`), leaves };
}

const was = {
  body: { id: 1, price: 100, tags: ['a', 'b'], user: { name: 'ann', age: 7 }, list: [{ n: 1, m: 1 }] },
};
const is = {
  body: {
    id: 2,
    price: 104,
    tags: ['b', 'a'],
    user: { name: 'bob', age: 8 },
    list: [{ n: 2, m: 1 }],
    more: 1,
  },
};

describe('rulesFor()', () => {
  test('is strict without assertions, and asks only for what is named with them', () => {
    expect(rulesFor(undefined, always)).toBe(STRICT);
    expect(rulesFor([], always)).toBe(STRICT);
    expect(rulesFor([{ type: 'status' }], always)).toEqual({
      ...{ status: true, headers: false, cookies: false, body: null, schema: null },
    });
  });

  test('takes the assertions together that hold for a test', () => {
    const rules = rulesFor(
      [
        { type: 'headers', names: ['X-Region'] },
        { type: 'headers', names: ['Vary'], when: 'never' },
        { type: 'body', ignore: ['body.a'], tolerance: 0.1 },
        { type: 'body', ignore: ['body.b'], allowNew: true },
        { type: 'expect', expression: 'true' },
      ],
      (when) => when !== 'never',
    );
    expect(rules.headers).toEqual(['x-region']);
    expect(rules.body).toEqual({
      ignore: ['body.a', 'body.b'],
      only: [],
      unordered: [],
      allowNew: true,
      tolerance: 0.1,
    });
  });
});

describe('an assertion', () => {
  test('of the status asks for nothing else', () => {
    expect(compare([{ type: 'status' }], was, is).found).toEqual([]);
    expect(compare([{ type: 'status' }], was, { ...is, status: 500 }).found).toEqual(['status value']);
    expect(compare([{ type: 'body' }], { body: { a: 1 } }, { status: 500, body: { a: 1 } }).found).toEqual(
      [],
    );
  });

  test('of headers asks for those it names', () => {
    const [recorded, live] = ['eu', 'us'].map((region) => ({
      headers: [
        ['X-Region', region],
        ['X-Rack', region],
      ] as [string, string][],
    }));
    expect(compare([{ type: 'headers', names: ['X-Rack'] }], recorded!, live!).found).toEqual([
      'header.x-rack value',
    ]);
    expect(compare([{ type: 'headers' }], recorded!, live!).found).toHaveLength(2);
    expect(compare([{ type: 'cookies' }], recorded!, live!).found).toEqual([]);
  });

  test('of the body leaves out what is ignored, with all below it, and counts it', () => {
    const rule: Assertion = {
      type: 'body',
      ignore: ['body.id', 'body.user', 'body.list[].n', 'body.more', 'body.price', 'body.tags'],
    };
    const { found, leaves } = compare([rule], was, is);
    expect(found).toEqual([]);
    expect(leaves).toEqual({ strict: 1, time: 0, kind: 0, ignored: 9 });
  });

  test('of the body asks only for what is named, when something is', () => {
    expect(compare([{ type: 'body', only: ['body.user'] }], was, is).found).toEqual([
      'body.user.name value',
      'body.user.age value',
    ]);
    expect(compare([{ type: 'body', only: ['body.list[].m'] }], was, is).found).toEqual([]);
    expect(compare([{ type: 'body', only: ['body.user'] }], was, { body: {} }).found).toEqual([
      'body.user missing',
    ]);
  });

  test('of the body lets arrays be in any order, fields be new and numbers be near where it says so', () => {
    const body = (more: object): Assertion[] => [
      { type: 'body', only: ['body.price', 'body.tags'], ...more },
    ];
    expect(compare(body({}), was, is).found).toEqual(['body.price value', 'body.tags order']);
    expect(compare(body({ unordered: ['body.tags'], tolerance: 0.05 }), was, is).found).toEqual([]);
    expect(compare(body({ unordered: ['body.tags'], tolerance: 0.03 }), was, is).found).toEqual([
      'body.price value',
    ]);
    expect(
      compare([{ type: 'body', allowNew: true }], { body: { a: 1 } }, { body: { a: 1, b: 2 } }).found,
    ).toEqual([]);
  });

  test('of the schema asks for types and presence', () => {
    const schema: Assertion[] = [{ type: 'schema' }];
    expect(compare(schema, was, { body: { ...is.body, more: undefined } }).found).toEqual([]);
    expect(
      compare(schema, { body: { a: [1], b: 'x', c: null } }, { body: { a: [1, 2], b: 5, c: null } }).found,
    ).toEqual(['body.b type']);
    expect(compare(schema, { body: { a: 1 } }, { body: {} }).found).toEqual(['body.a missing']);
    expect(compare([{ type: 'schema', ignore: ['body.a'] }], { body: { a: 1 } }, { body: {} }).found).toEqual(
      [],
    );
  });
});
