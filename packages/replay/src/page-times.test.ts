// Times as pages write them, and what is left to be seen of secrets: alike where they stand alike, different elsewhere.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, page, replayed, SHIFT_MS } from './shifted-replay.fixture.ts';
import { RECORDED_US } from './test.fixture.ts';

const at = (ms: number) => new Date(RECORDED_US / 1000 + ms);
const clock = (ms: number) => at(ms).toISOString().slice(11, 19);
const day = (ms: number) => at(ms).toISOString().slice(0, 10);
/** `Nov. 21, 2026, 8:52 p.m.` */
function named(ms: number): string {
  const date = at(ms);
  const month = date.toLocaleString('en', { month: 'short', timeZone: 'UTC' });
  const hour = date.getUTCHours() % 12 || 12;
  const half = date.getUTCHours() < 12 ? 'a.m.' : 'p.m.';
  const minute = date.getUTCMinutes();
  const time = minute === 0 ? `${hour}` : `${hour}:${String(minute).padStart(2, '0')}`;
  return `${month}. ${date.getUTCDate()}, ${date.getUTCFullYear()}, ${time} ${half}`;
}

const input = (value: string) => page(`<p>Joined <input name="at" value="${value}"></p>`);
const MINUTE_MS = 60_000;

test.each([
  ['a time of day', clock],
  ['a day', day],
  ['a day and a time in words', named],
  ['a day in words', (ms: number) => named(ms).replace(/, \d+:?\d* [ap]\.m\.$/, '')],
])('%s stands to the live request as it stood to the recorded one', (_, written) => {
  const { differences, leaves } = replayed(
    input(written(2)),
    input(written(SHIFT_MS + 2)),
    new LiveValues(new Map()),
  );
  expect([differences, leaves.time]).toEqual([[], 1]);
});

test.each([
  ['a time of day', clock, 7 * MINUTE_MS],
  ['a day', day, 48 * 60 * MINUTE_MS],
  ['a day and a time in words', named, 9 * MINUTE_MS],
  ['an hour of another zone', clock, 60 * MINUTE_MS],
])('%s that stands elsewhere is a difference', (_, written, offMs) => {
  const live = input(written(SHIFT_MS + 2 + offMs));
  expect(differences(input(written(2)), live, new LiveValues(new Map()))).toHaveLength(1);
});

test('a time of day of another zone keeps its zone', () => {
  const zone = -5 * 60 * MINUTE_MS;
  const values = new LiveValues(new Map());
  const recorded = input(clock(2 + zone));
  expect(differences(recorded, input(clock(SHIFT_MS + 2 + zone)), values)).toEqual([]);
  expect(differences(recorded, input(clock(SHIFT_MS + 2)), values)).toHaveLength(1);
});

test('what is seen of a secret is another one, once for each, and no digit of a card is', () => {
  const shown = (seen: string) => page(`<b>salt</b>: <i>${seen}</i>`);
  const values = new LiveValues(new Map());
  expect(differences(shown('U1QU0Z********'), shown('k5OFKN********'), values)).toEqual([]);
  expect(differences(shown('WhkI/b********'), shown('k5OFKN********'), values)).toHaveLength(1);
  expect(differences(shown('4111********1111'), shown('4111********1112'), values)).toHaveLength(1);
  expect(differences(shown('aB3dEf********'), shown('xY7zQw*****'), values)).toHaveLength(1);
});
