import { expect, test } from 'vitest';
import { answerKey } from './answer-key.ts';
import { carriedKey } from './carried-key.ts';
import { recordedTest, resultOf } from './recorded.fixture.ts';

const ID = '1b4e28ba-2fa1-41d2-883f-0016d3cca427';
const LIVE = ['6fa459ea-ee8a-4ca4-894e-db77e160355e', '7d444840-9dc0-41d1-b245-5ffdce74fad2'] as const;
const made = recordedTest({ method: 'POST', target: '/things', answer: { id: ID, size: 3, tag: 'abcdef' } });
const read = recordedTest({
  target: `/things/${ID}?tag=abcdef`,
  endpoint: '/things/{id}',
  answer: { size: 3 },
});
const start = (id: string, sentTo = id, size = 3, tag = 'abcdef') => [
  resultOf(made, { answer: { id, size, tag } }),
  resultOf(read, { target: `/things/${sentTo}?tag=${tag}`, answer: { size } }),
];

test('a leaf that differs in a start varies; one that varies and is called different was missed', () => {
  const volatile = [{ path: 'body.id', kind: 'uuid' as const, why: '' }];
  const tests = [{ ...made, volatile }, read];
  const key = answerKey(tests, [], start(LIVE[0]), start(LIVE[1], LIVE[1], 4));
  expect(key).toMatchObject({ varying: 3, missed: ['POST /things body.size', 'GET /things/{id} body.size'] });
  expect(key).toMatchObject({ recallPct: 33.3, precisionPct: 100 });
});

test('a leaf that differs in the first start alone varies as well', () => {
  const key = answerKey([made, read], [], start(ID, ID, 4), start(ID));
  expect(key).toMatchObject({ varying: 2, missed: ['POST /things body.size', 'GET /things/{id} body.size'] });
});

test('a leaf that is compared by kind and never varies is needless', () => {
  const volatile = [{ path: 'body.tag', kind: 'text' as const, why: '' }];
  const rest = { size: 3, tag: 'abcdef' };
  const results = [resultOf(made, { answer: { id: LIVE[0], ...rest } })];
  const key = answerKey([{ ...made, volatile }], [], results, results);
  expect(key.needless).not.toContain('POST /things body.id');
  expect(key.varying).toBe(1);
});

test('a value that varies must be sent as it is in this start', () => {
  const right = carriedKey([made, read], start(LIVE[0]));
  expect(right).toMatchObject({ must: 1, right: 1, replaced: 1, justified: 1, missed: [], needless: [] });
  const stale = carriedKey([made, read], start(LIVE[0], ID));
  expect(stale).toMatchObject({ must: 1, right: 0, replaced: 0, missed: ['GET /things/{id} path[1]'] });
});

test('a value inside a longer text must be sent anew as well', () => {
  const bearer = (id: string): [string, string][] => [['authorization', `Bearer ${id}`]];
  const asked = recordedTest({ target: '/me', headers: bearer(ID) });
  const results = (live: string) => [...start(LIVE[0]), resultOf(asked, { headers: bearer(live) })];
  const tests = [made, read, asked];
  expect(carriedKey(tests, results(LIVE[0]))).toMatchObject({ must: 2, right: 2 });
  expect(carriedKey(tests, results(ID))).toMatchObject({
    must: 2,
    right: 1,
    missed: ['GET /me header.authorization'],
  });
});

test('a value that stayed the same and was sent as another one was replaced needlessly', () => {
  const results = start(LIVE[0]);
  results[1] = resultOf(read, { target: `/things/${LIVE[0]}?tag=zzzzzz` });
  const key = carriedKey([made, read], results);
  expect(key).toMatchObject({ replaced: 2, justified: 1, needless: ['GET /things/{id} query.tag'] });
});

test('what a request says before any answer is its own, and is not carried', () => {
  const named = recordedTest({ method: 'PUT', target: '/names', body: { name: 'amber birch' } });
  const echo = recordedTest({ target: '/names', answer: { name: 'amber birch' } });
  const again = recordedTest({ method: 'PUT', target: '/names', body: { name: 'amber birch' } });
  const results = [resultOf(named), resultOf(echo, { answer: { name: 'birch amber' } }), resultOf(again)];
  expect(carriedKey([named, echo, again], results)).toMatchObject({ must: 0, missed: [] });
});
