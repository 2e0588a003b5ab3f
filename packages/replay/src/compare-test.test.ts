import type { VolatileLeaf } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { sketchAnswer, sketchTest } from './test.fixture.ts';

const A = '2c5ea4c0-4067-41e9-8bad-9b1deb4d3b7d';
const B = '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11';
const C = '11111111-52a0-4d5c-9a55-1f0f0e8f9d11';
const [MAIL_A, MAIL_B] = ['u-abcdefghijk7@redacted.invalid', 'u-abcdefghijk8@redacted.invalid'];

/** Values that know tokens, as if an earlier answer had produced them. */
function knowing(known: readonly [recorded: string, live: string][]): LiveValues {
  const values = new LiveValues(new Map(known.map(([recorded], i) => [`t${i}`, recorded])));
  for (const [i, [recorded, live]] of known.entries()) {
    const producer = sketchTest({ body: { v: recorded }, produces: [{ token: `t${i}`, path: 'body.v' }] });
    values.learn(producer, sketchAnswer({ body: { v: live } }));
  }
  return values;
}

function compare(
  expected: unknown,
  actual: unknown,
  known: [string, string][] = [],
  volatile: VolatileLeaf[] = [],
) {
  const tested = sketchTest({ body: expected, volatile });
  const found = compareTest(tested, sketchAnswer({ body: actual }), { values: knowing(known), times: null });
  return {
    problems: found.differences.map((d) => `${d.path} ${d.problem}`),
    volatile: found.volatile.map((v) => `${v.path} ${v.kind}`),
  };
}

describe('compareTest()', () => {
  test('a redacted credential may be another one; where the live one is known it must be that', () => {
    const [before, after] = [{ key: 'rdx_aaaaaaaaaaaaaaaaaaa1' }, { key: 'rdx_bbbbbbbbbbbbbbbbbbb2' }];
    expect(compare(before, after)).toEqual({ problems: [], volatile: ['body.key token'] });
    expect(compare(before, after, [[before.key, 'rdx_ccccccccccccccccccc3']]).problems).toEqual([
      'body.key value',
    ]);
  });

  test('of two random values one may not look like a credential, and is not redacted', () => {
    const words = [{ hash: 'rdx_aaaaaaaaaaaaaaaaaaa1' }, { hash: 'AbUIvlHQ_aLKOIINOBIeEQ' }] as const;
    expect(compare(words[0], words[1]).problems).toEqual([]);
    expect(compare(words[1], words[0]).problems).toEqual([]);
    expect(compare(words[0], { hash: 'an error message here' }).problems).toEqual(['body.hash value']);
    const link = (code: string) => ({ href: `/login?code=${code}&tab=17&lang=en` });
    const [hidden, plain] = [link('rdx_aaaaaaaaaaaaaaaaaaa1'), link('RqOsFUPzwOAb')];
    expect([compare(hidden, plain).problems, compare(plain, hidden).problems]).toEqual([[], []]);
    expect(compare(hidden, link('expired')).problems).toEqual(['body.href value']);
  });

  describe('what redaction hides, as a whole or in pieces', () => {
    const parts = 'MIICozCCAYsCBgGh/rdx_bm3dtx9f9f0mf4e11xcb+rdx_d5y90yypz170f0zr8kkm/96YFJUH';
    const key = (kid: string, use: string, cert: string) => ({
      kid: `rdx_${kid.repeat(19)}7`,
      use,
      cert,
    });
    const [whole, other] = ['rdx_oz0ol97bq489wilo8vvp', 'rdx_zr7x3ziuitunsxwclgrm'];

    test('stands for any such word, and for nothing else', () => {
      expect(compare({ cert: parts }, { cert: whole })).toEqual({
        problems: [],
        volatile: ['body.cert token'],
      });
      expect(compare({ cert: whole }, { cert: parts }).problems).toEqual([]);
      expect(compare({ cert: parts }, { cert: 'no certificate here' }).problems).toEqual(['body.cert value']);
      expect(compare({ cert: 'a certificate of ours' }, { cert: parts }).problems).toEqual([
        'body.cert value',
      ]);
    });

    test('sorts things in an order that cannot be seen', () => {
      const was = [key('a', 'sig', parts), key('b', 'enc', whole)];
      const is = [key('c', 'enc', other), key('d', 'sig', whole)];
      expect(compare({ keys: was }, { keys: is }).problems).toEqual([]);
      const numbered = (list: typeof was, numbers: number[]) =>
        list.map((one, i) => ({ ...one, n: numbers[i] }));
      const [three, turned] = [
        [...was, key('e', 'log', whole)],
        [key('f', 'log', other), ...is.toReversed()],
      ];
      expect(
        compare({ keys: numbered(three, [1, 2, 3]) }, { keys: numbered(turned, [3, 1, 2]) }).problems,
      ).toEqual(['body.keys order']);
    });
  });

  test('a size in whole pages may be another one, but no other number, and none far away', () => {
    const learned: VolatileLeaf[] = [{ path: 'body.bytes', kind: 'measure', unit: 4096, why: '' }];
    const problems = (bytes: unknown) => compare({ bytes: 28_672 }, { bytes }, [], learned).problems;
    expect([problems(32_768), problems(40_960)]).toEqual([[], []]);
    const wrong = [28_673, 28_672_000, 0, -4096, null, '32768'];
    expect(wrong.flatMap(problems)).toEqual([
      ...Array(4).fill('body.bytes value'),
      ...Array(2).fill('body.bytes type'),
    ]);
  });

  describe('what a service makes by itself', () => {
    const note = { by: 'system', n: 1 };
    const problems = (expected: unknown, actual: unknown) => {
      const tested = sketchTest({ body: expected, optional: [{ path: 'body.items[].note', why: '' }] });
      const values = knowing([]);
      const { differences, leaves } = compareTest(tested, sketchAnswer({ body: actual }), {
        values,
        times: null,
      });
      return [differences.map((d) => `${d.path} ${d.problem}`), leaves.kind];
    };

    test('may be there or not, and may be null', () => {
      const [with_, without, isNull] = [{ note }, {}, { note: null }].map((one) => ({
        items: [{ id: 'a', ...one }],
      }));
      expect(problems(with_, without)).toEqual([[], 2]);
      expect(problems(without, with_)).toEqual([[], 0]);
      expect(problems(with_, isNull)).toEqual([[], 2]);
      expect(problems(isNull, with_)).toEqual([[], 1]);
    });

    test('is compared where it is, and all else must be there', () => {
      const [one, two] = [note, { ...note, by: 'ann' }].map((value) => ({
        items: [{ id: 'a', note: value }],
      }));
      expect(problems(one, two)).toEqual([['body.items[0].note.by value'], 0]);
      expect(problems({ items: [{ id: 'a', note }] }, { items: [{ note }] })).toEqual([
        ['body.items[0].id missing'],
        0,
      ]);
      expect(problems({ items: [{ id: 'a' }] }, { items: [] })).toEqual([['body.items[0] missing'], 0]);
    });
  });

  test('a redacted address must be the same person’s, unless the service makes addresses there', () => {
    const [before, after] = [{ email: MAIL_A }, { email: MAIL_B }];
    expect(compare(before, before)).toEqual({ problems: [], volatile: [] });
    expect(compare(before, after).problems).toEqual(['body.email value']);
    expect(compare(before, after, [[MAIL_A, MAIL_B]])).toEqual({ problems: [], volatile: [] });
    expect(compare(before, after, [], [{ path: 'body.email', kind: 'email', why: '' }])).toEqual({
      problems: [],
      volatile: ['body.email email'],
    });
  });

  test('an answer of another status says nothing of the values that the recorded one held', () => {
    const values = knowing([]);
    const refused = sketchAnswer({ status: 401, body: { code: 'unauthorized' } });
    compareTest(sketchTest({ body: { id: A } }), refused, { values, times: null });
    values.learn(sketchTest({ body: { id: A } }), refused);
    const later = compareTest(sketchTest({ body: { id: A } }), sketchAnswer({ body: { id: B } }), {
      ...{ values, times: null },
    });
    expect(later.differences).toEqual([]);
  });

  test('lets another uuid pass and says so', () => {
    expect(compare({ id: A }, { id: B })).toEqual({ problems: [], volatile: ['body.id uuid'] });
    const [was, is] = [{ url: `/orders/${A}?x=1` }, { url: `/orders/${B}?x=1` }];
    expect(compare(was, is)).toEqual({ problems: [], volatile: ['body.url mixed'] });
  });

  test('holds a value to its live counterpart where that is known', () => {
    expect(compare({ id: A }, { id: B }, [[A, B]])).toEqual({ problems: [], volatile: [] });
    expect(compare({ id: A }, { id: C }, [[A, B]]).problems).toEqual(['body.id value']);
    expect(compare({ url: `/o/${A}/${C}` }, { url: `/o/${C}/${A}` }, [[A, B]]).problems).toEqual([
      'body.url value',
    ]);
  });

  test('takes a learned counter by kind, but not as a string', () => {
    const volatile: VolatileLeaf[] = [{ path: 'body.items[].number', kind: 'sequence', why: 'counts up' }];
    const run = (n: unknown) =>
      compare({ items: [{ number: 4 }] }, { items: [{ number: n }] }, [], volatile).problems;
    expect(run(9)).toEqual([]);
    expect(run('9')).toEqual(['body.items[0].number type']);
  });

  test('a leaf learned to hold a random word takes one that does not look random, and nothing of another shape', () => {
    const shape = 'https://pay.example/r/{token}';
    const volatile: VolatileLeaf[] = [{ path: 'body.url', kind: 'mixed', shape, why: 'generated' }];
    const run = (url: string) =>
      compare({ url: 'https://pay.example/r/4bIxAupJ0f7wAL5GoPGmcl' }, { url }, [], volatile).problems.length;
    expect(run('https://pay.example/r/DUzcAhBSHUhJhQeqmTXPkuyi')).toBe(0);
    expect(run('https://pay.example/x/DUzcAhBSHUhJhQeqmTXPkuyi')).toBe(1);
    expect(run('https://pay.example/r/')).toBe(1);
  });
});
