import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, replayed } from './shifted-replay.fixture.ts';

/** A task, read two and a half seconds after it was made; the live one so much later. */
function read(key: string, recorded: number, live: number, title = 'paint the fence') {
  const values = new LiveValues(new Map());
  const made = { method: 'POST', requestBody: { title: 'paint the fence' }, body: { ok: true } };
  replayed(made, { body: { ok: true } }, values);
  const task = (age: number) => ({ body: { tasks: [{ title, [key]: age }] } });
  return differences({ n: 2, atUs: 2_500_000, ...task(recorded) }, task(live), values);
}

test('a number is the age of what a write named, then and now', () => {
  expect(read('age', 2, 3)).toEqual([]);
  expect(read('age_seconds', 2, 3)).toEqual([]);
  expect(read('msSince', 2_501, 2_503)).toEqual([]);
});

test.each([
  ['an age that it has not', () => read('age', 2, 5)],
  ['an age that it had not', () => read('age', 7, 3)],
  ['another number', () => read('usage', 2, 3)],
  ['the age of something else', () => read('age', 2, 3, 'mow the lawn')],
])('%s is none', (_, differing) => {
  expect(differing()).toHaveLength(1);
});
