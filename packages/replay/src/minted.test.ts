// Tokens that are made of the second in which they are asked for, in a replay of another pace.
import { expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { RECORDED_US, sketchAnswer, sketchTest, type TestSketch } from './test.fixture.ts';

const [first, form, other, live, late] = [
  'k3Vb9xQ2mZ7tR1wY8sLd',
  'Zp4Nc7Hf2Jq9Xv6Ta1We',
  'Bm8Gd5Ks3Uy2Qr7Li0Ox',
  'Wt6Fz1Pn4Ce9Ha3Vj8Mb',
  'Yd2Ru7Eo5Xk0Sg9Ql4Ti',
];
const tokens = new Map([
  ['first', first],
  ['form', form],
]);
/** When the recording's second begins, and that of the replay. */
const SECOND_US = Math.ceil(RECORDED_US / 1_000_000) * 1_000_000;
const LIVE_US = SECOND_US + 86_400_000_000;

interface Read {
  target?: string;
  token: string;
  is: string;
  /** Milliseconds of the second, then and now. */
  atMs: number;
  liveMs: number;
  produces?: string;
  /** As a piece of a longer text. */
  line?: boolean;
}

/** The problems of each read in one run; before them one that showed that reads of tokens make them. */
function found(...reads: Read[]): string[][] {
  const values = new LiveValues(tokens);
  return reads.map(({ target = '/csrf', token, is, atMs, liveMs, produces, line }, n) => {
    const text = (value: string) => (line ? `<input name="csrf" value="${value}">` : value);
    const sketch: TestSketch = {
      ...{ n: n + 1, target, atUs: SECOND_US - RECORDED_US + atMs * 1000, durationUs: 4_000 },
      ...{
        body: { token: text(token) },
        produces: produces ? [{ token: produces, path: 'body.token' }] : [],
      },
    };
    const [recorded, answer] = [sketchTest(sketch), sketchAnswer({ body: { token: text(is) } })];
    const requestUs = LIVE_US + liveMs * 1000;
    const compared = compareTest(recorded, answer, {
      values,
      times: { requestUs, endUs: requestUs + 4_000 },
    });
    values.learn(recorded, answer);
    return compared.differences.map(({ path, problem }) => `${path} ${problem}`);
  });
}

const earlier: Read = { token: first, is: other, atMs: -5_000, liveMs: -5_000, produces: 'first' };
const shown: Read = { target: '/login', token: form, is: live, atMs: 200, liveMs: 900, produces: 'form' };
const again: Read = { token: form, is: late, atMs: 600, liveMs: 1_300 };

test('two tokens of one second may be two, where reads are seen to make them', () => {
  expect(found(earlier, shown, again)).toEqual([[], [], []]);
  expect(found(earlier, shown, { ...again, is: live })).toEqual([[], [], []]);
  const hidden = [form, 'rdx_oqjpk0b3jbol33b3gou4'] as const;
  tokens.set('form', hidden[1]);
  const signed = 'ImI0MjU0NGY1MDBlYzFhMTdhMzIy.awMdVw.0dIIK9N57reWW3fbIRdnZV6VHLA';
  expect(found(earlier, { ...shown, token: hidden[1] }, { ...again, token: hidden[1], is: signed })).toEqual([
    [],
    [],
    [],
  ]);
  tokens.set('form', hidden[0]);
});

test('elsewhere as well, in a page too, when the place that gave it first is seen to make them', () => {
  const elsewhere: Read = { ...again, target: '/welcome' };
  const before: Read = { ...earlier, target: '/login' };
  expect(found(before, shown, elsewhere)).toEqual([[], [], []]);
  expect(found(earlier, shown, elsewhere)).toEqual([[], [], ['body.token value']]);
  expect(found(before, shown, { ...elsewhere, line: true })).toEqual([[], [], []]);
  expect(found(earlier, shown, { ...elsewhere, line: true })).toEqual([[], [], ['body.token value']]);
});

test('they are one where nothing says so, in one second, and when it is another’s', () => {
  const differs = [[], [], ['body.token value']];
  expect(found(shown, again)).toEqual([[], ['body.token value']]);
  expect(found(earlier, shown, { ...again, liveMs: 950 })).toEqual(differs);
  expect(found(earlier, shown, { ...again, atMs: 1_600, liveMs: 2_300 })).toEqual(differs);
  expect(found(earlier, shown, { ...again, is: other })).toEqual(differs);
});

test('a form of a page, that holds the token more than once and is shown again by its write', () => {
  const values = new LiveValues(tokens);
  const held = tokens.get('form')!;
  const field = (token: string) => `<input type="hidden" name="csrf" value="${token}">`;
  const read = (n: number, is: readonly string[], atMs: number, liveMs: number, more: TestSketch = {}) => {
    const body = Array.from(is, () => field(held)).join('\n<hr>\n');
    const sketch = { atUs: SECOND_US - RECORDED_US + atMs * 1000, durationUs: 4_000, type: 'text/html' };
    const recorded = sketchTest({ n, target: '/new', ...sketch, body, ...more });
    const answer = sketchAnswer({ type: 'text/html', body: is.map(field).join('\n<hr>\n') });
    const requestUs = LIVE_US + liveMs * 1000;
    const times = { requestUs, endUs: requestUs + 4_000 };
    const { differences } = compareTest(recorded, answer, { values, times });
    values.learn(recorded, answer);
    return differences.map(({ path, problem }) => `${path} ${problem}`);
  };
  const produces = [{ token: 'form', path: 'body.input.csrf' }];
  expect(read(1, [live, live], 200, 900, { produces })).toEqual([]);
  expect(read(2, [late, late], 300, 950)).toEqual(['body[0] value', 'body[2] value']);
  expect(read(3, [live, late], 300, 999)).toEqual([]);
  expect(read(4, [other, other], 400, 2_100, { method: 'POST' })).toEqual([]);
});
