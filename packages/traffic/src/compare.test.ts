import { describe, expect, test } from 'vitest';
import { compareResponses } from './compare.ts';
import { sketchPair } from './pair.fixture.ts';
import type { HttpResponse } from './rrpair.ts';
import { Substitution } from './substitution.ts';

const A = '2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d';
const B = '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11';
const C = '11111111-52a0-4d5c-9a55-1f0f0e8f9d11';

const answer = (responseBody: unknown, status = 200, responseHeaders?: HttpResponse['headers']) =>
  sketchPair({ responseBody, status, ...(responseHeaders ? { responseHeaders } : {}) }).response!;

function compare(expected: unknown, actual: unknown, known: [string, string][] = []) {
  const substitution = new Substitution();
  for (const [recorded, live] of known) substitution.set(recorded, live);
  const { differences, volatile } = compareResponses(answer(expected), answer(actual), {
    volatile: [],
    known: substitution,
  });
  return {
    problems: differences.map((d) => `${d.path} ${d.problem}`),
    volatile: volatile.map((v) => `${v.path} ${v.kind}`),
  };
}

const [MAIL_A, MAIL_B] = ['u-abcdefghijk7@redacted.invalid', 'u-abcdefghijk8@redacted.invalid'];

describe('compareResponses()', () => {
  test('a redacted credential may be another one; where the live one is known it must be that', () => {
    const [before, after] = [{ key: 'rdx_aaaaaaaaaaaaaaaaaaa1' }, { key: 'rdx_bbbbbbbbbbbbbbbbbbb2' }];
    expect(compare(before, after)).toEqual({ problems: [], volatile: ['body.key token'] });
    expect(compare(before, after, [[before.key, 'rdx_ccccccccccccccccccc3']]).problems).toEqual([
      'body.key value',
    ]);
  });

  test('a redacted address must be the same person’s, unless the service makes addresses there', () => {
    const [before, after] = [{ email: MAIL_A }, { email: MAIL_B }];
    expect(compare(before, before)).toEqual({ problems: [], volatile: [] });
    expect(compare(before, after).problems).toEqual(['body.email value']);
    expect(compare(before, after, [[MAIL_A, MAIL_B]])).toEqual({ problems: [], volatile: [] });
    const learned = compareResponses(answer(before), answer(after), {
      volatile: [{ path: 'body.email', kind: 'email', why: '' }],
      known: new Substitution(),
    });
    expect(learned).toEqual({ differences: [], volatile: [{ path: 'body.email', kind: 'email' }] });
  });

  test.each([
    ['a changed number', { total: 5990 }, { total: 3990 }, ['body.total value']],
    ['a number that became a string', { n: 7 }, { n: '7' }, ['body.n type']],
    ['a value that became null', { n: 7 }, { n: null }, ['body.n type']],
    ['a missing field', { a: 1, b: 2 }, { a: 1 }, ['body.b missing']],
    ['a new field', { a: 1 }, { a: 1, b: 2 }, ['body.b unexpected']],
    ['an array that lost an element', { l: [1, 2] }, { l: [1] }, ['body.l[1] missing']],
    ['an array that became empty', { l: [1] }, { l: [] }, ['body.l[0] missing', 'body.l unexpected']],
    ['a word', { s: 'paid' }, { s: 'open' }, ['body.s value']],
    ['a uuid that became a word', { id: A }, { id: 'none' }, ['body.id value']],
    [
      'the text around a generated value',
      { url: `/orders/${A}` },
      { url: `/carts/${B}` },
      ['body.url value'],
    ],
    ['a truth', { ok: true }, { ok: false }, ['body.ok value']],
  ])('finds %s', (_, expected, actual, problems) => {
    expect(compare(expected, actual).problems).toEqual(problems);
  });

  test.each([
    ['another uuid', { id: A }, { id: B }, ['body.id uuid']],
    ['another time', { at: '2026-11-21T03:04:05Z' }, { at: '2026-11-22T09:00:00Z' }, ['body.at timestamp']],
    ['another epoch', { at: 1_800_000_000 }, { at: 1_800_009_999 }, ['body.at epoch']],
    ['a url with another id', { url: `/orders/${A}?x=1` }, { url: `/orders/${B}?x=1` }, ['body.url mixed']],
  ])('lets %s pass and says so', (_, expected, actual, volatile) => {
    expect(compare(expected, actual)).toEqual({ problems: [], volatile });
  });

  test('holds a value to its live counterpart where that is known', () => {
    expect(compare({ id: A }, { id: B }, [[A, B]])).toEqual({ problems: [], volatile: [] });
    expect(compare({ id: A }, { id: C }, [[A, B]]).problems).toEqual(['body.id value']);
    expect(compare({ url: `/o/${A}/${C}` }, { url: `/o/${C}/${A}` }, [[A, B]]).problems).toEqual([
      'body.url value',
    ]);
  });

  test('names only the status when it differs, for the rest follows from it', () => {
    const none = { volatile: [], known: new Substitution() };
    const { differences } = compareResponses(answer({ id: A }), answer({ code: 'oops' }, 500), none);
    expect(differences).toEqual([{ path: 'status', problem: 'value', expected: '200', actual: '500' }]);
  });

  test('compares headers that mean something and leaves those that only carry', () => {
    const none = { volatile: [], known: new Substitution() };
    const expected = answer({}, 200, [
      ['Content-Type', 'application/json'],
      ['Date', 'Sat, 21 Nov 2026 03:04:05 GMT'],
      ['X-Region', 'eu'],
      ['Content-Length', '2'],
    ]);
    const actual = answer({}, 200, [
      ['content-type', 'text/html'],
      ['date', 'Sun, 22 Nov 2026 03:04:05 GMT'],
      ['x-region', 'us'],
    ]);
    const { differences } = compareResponses(expected, actual, none);
    expect(differences.map((d) => d.path)).toEqual(['header.content-type', 'header.x-region']);
  });

  test('takes a learned counter by kind, but not as a string', () => {
    const volatile = [{ path: 'body.items[].number', kind: 'sequence' as const, why: 'counts up' }];
    const known = new Substitution();
    const run = (n: unknown) =>
      compareResponses(answer({ items: [{ number: 4 }] }), answer({ items: [{ number: n }] }), {
        volatile,
        known,
      });
    expect(run(9).differences).toEqual([]);
    expect(run('9').differences.map((d) => d.problem)).toEqual(['type']);
  });
});

test('a leaf learned to hold a random word takes one that does not look random, and nothing of another shape', () => {
  const leaf = {
    path: 'body.url',
    kind: 'mixed' as const,
    shape: 'https://pay.example/r/{token}',
    why: 'generated',
  };
  const run = (url: string) =>
    compareResponses(answer({ url: 'https://pay.example/r/4bIxAupJ0f7wAL5GoPGmcl' }), answer({ url }), {
      volatile: [leaf],
      known: new Substitution(),
    }).differences.length;
  expect(run('https://pay.example/r/DUzcAhBSHUhJhQeqmTXPkuyi')).toBe(0);
  expect(run('https://pay.example/x/DUzcAhBSHUhJhQeqmTXPkuyi')).toBe(1);
  expect(run('https://pay.example/r/')).toBe(1);
});
