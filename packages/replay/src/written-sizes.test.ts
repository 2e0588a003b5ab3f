import type { Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { json } from './shifted-replay.fixture.ts';
import { type AnswerSketch, sketchAnswer, sketchTest, type TestSketch } from './test.fixture.ts';

/** A card of 20 bytes, of which 5 more are sent since its secrets were redacted. */
const CARD: TestSketch = { method: 'PUT', target: '/cards/1', requestBody: 'a card of 25 bytes, made.' };

/** The values of a run that has sent a card recorded with so many bytes. */
function having(...sizes: number[]): LiveValues {
  const values = new LiveValues(new Map());
  for (const size of sizes) {
    const one = sketchTest(CARD);
    const request: Test['request'] = { ...one.request, body: { ...one.request.body, size } };
    compareTest({ ...one, request }, sketchAnswer({}), { values, times: null });
  }
  return values;
}

function differing(recorded: AnswerSketch, live: AnswerSketch, values: LiveValues): string[] {
  const { differences } = compareTest(sketchTest(recorded), sketchAnswer(live), { values, times: null });
  return differences.map(({ path }) => path);
}

test('the size of what was written without its secrets is the one that was sent', () => {
  expect(differing(json({ bytes: 20 }), json({ bytes: 25 }), having(20))).toEqual([]);
  expect(differing(json({ bytes: '20' }), json({ bytes: '25' }), having(20))).toEqual([]);
  expect(differing(json({ bytes: 20 }), json({ bytes: 26 }), having(20))).toEqual(['body.bytes']);
  expect(differing(json({ bytes: 21 }), json({ bytes: 25 }), having(20))).toEqual(['body.bytes']);
});

test('what was sent as it was recorded explains nothing', () => {
  expect(differing(json({ bytes: 20 }), json({ bytes: 25 }), having(25))).toEqual(['body.bytes']);
  expect(differing(json({ bytes: 20 }), json({ bytes: 25 }), having())).toEqual(['body.bytes']);
});

test('the size of all is the sum of the others, then and now', () => {
  const sizes = (...bytes: number[]) => json(bytes.map((size) => ({ size })));
  const values = having(20, 22, 27);
  expect(differing(sizes(69, 20, 22, 27), sizes(75, 25, 25, 25), values)).toEqual([]);
  expect(differing(sizes(69, 20, 22, 27), sizes(76, 25, 25, 25), values)).toEqual(['body[0].size']);
  expect(differing(sizes(70, 20, 22, 27), sizes(75, 25, 25, 25), values)).toEqual(['body[0].size']);
});

test('the size of a folder is that of all that was put into it, and is in it still', () => {
  const values = new LiveValues(new Map());
  const write = (method: string, target: string, size: number, status = 201) => {
    const one = sketchTest({
      ...CARD,
      method,
      target,
      status,
      ...(size === 0 ? { requestBody: undefined } : {}),
    });
    const request: Test['request'] = { ...one.request, body: { ...one.request.body, size } };
    compareTest({ ...one, request }, sketchAnswer({ status }), { values, times: null });
  };
  write('PUT', '/book/1', 20);
  write('PUT', '/book/2', 22);
  write('PUT', '/book/3', 23);
  write('PUT', '/book/4', 21, 412);
  write('DELETE', '/book/3', 0);
  expect(differing(json({ bytes: 90 }), json({ bytes: 98 }), values)).toEqual([]);
  expect(differing(json({ bytes: 90 }), json({ bytes: 100 }), values)).toEqual(['body.bytes']);
  expect(differing(json({ bytes: 40 }), json({ bytes: 48 }), values)).toEqual(['body.bytes']);
});
