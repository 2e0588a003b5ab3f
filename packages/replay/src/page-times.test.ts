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

/** `11/21/26 20:52:05`, as Americans write it. */
function slashed(ms: number): string {
  const [year, month, date] = day(ms).split('-');
  return `${month}/${date}/${year!.slice(2)} ${clock(ms)}`;
}
const coded = (ms: number) => encodeURIComponent(at(ms).toISOString().replace(/\.\d+/, ''));

const input = (value: string) => page(`<p>Joined <input name="at" value="${value}"></p>`);
const MINUTE_MS = 60_000;

test.each([
  ['a time of day', clock],
  ['a day', day],
  ['a day and a time in words', named],
  ['a day and a time in numbers', slashed],
  ['a day in numbers', (ms: number) => slashed(ms).slice(0, 8)],
  ['a time in a link', (ms: number) => `/timeline?from=${coded(ms)}&amp;precision=second`],
  ['a time of day without seconds', (ms: number) => clock(ms).slice(0, 5)],
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
  ['a day and a time in numbers', slashed, 9 * MINUTE_MS],
  ['a day in numbers', (ms: number) => slashed(ms).slice(0, 8), 48 * 60 * MINUTE_MS],
  ['a time in a link', (ms: number) => `/timeline?from=${coded(ms)}&amp;precision=second`, 180 * MINUTE_MS],
  ['a time of day without seconds', (ms: number) => clock(ms).slice(0, 5), 9 * MINUTE_MS],
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

test('how long ago something was, in the middle of a text, and its time beside it', () => {
  const line = (ms: number, ago: string) => page(`<a href="/log?from=${coded(ms)}">${ago}</a> by Ada`);
  const found = (recorded: string, live: string) =>
    differences(line(2, recorded), line(SHIFT_MS + 2, live), new LiveValues(new Map()));
  expect(found('0 seconds ago', '1 second ago')).toEqual([]);
  expect(found('1 second ago', '9 minutes ago')).toHaveLength(1);
  expect(found('1 second ago', 'in 2 days')).toHaveLength(1);
});

test('which number of a date is its month stays so', () => {
  const [year, month, date] = day(2).split('-') as [string, string, string];
  const short = year.slice(2);
  const recorded = page(`<i>${month}/${date}/${short} ${clock(2)}</i>`);
  const turned = page(`<i>${date}/${month}/${short} ${clock(SHIFT_MS + 2)}</i>`);
  expect(differences(recorded, turned, new LiveValues(new Map()))).toHaveLength(1);
});

test('hours of opening are no times of the run', () => {
  const open = (from: string) => page(`<td>${from}</td>`);
  const early = new Date(RECORDED_US / 1000 - 3 * 60 * MINUTE_MS).toISOString().slice(11, 16);
  const later = new Date(RECORDED_US / 1000 - 2 * 60 * MINUTE_MS).toISOString().slice(11, 16);
  expect(differences(open(early), open(later), new LiveValues(new Map()))).toHaveLength(1);
});

test('of one recorded second each line has its own live one', () => {
  const values = new LiveValues(new Map([['t1', at(2).toISOString().replace(/\.\d+/, '')]]));
  const seconds = (ms: number) => at(ms).toISOString().replace(/\.\d+/, '');
  values.replace(seconds(2), seconds(SHIFT_MS + 2));
  const made = (ms: number) => page(`<p>Made on <b>${seconds(ms)}</b> by Ada</p>`);
  expect(differences(made(2), made(SHIFT_MS + 1_002), values)).toEqual([]);
  expect(differences(made(2), made(SHIFT_MS + 3 * 60 * MINUTE_MS), values)).toHaveLength(1);
});

test('how long ago a time was that stands beside it, said by a slow exchange', () => {
  const line = (ms: number, ago: string) => page(`<a href="/log?from=${coded(ms)}">${ago}</a>`);
  const found = (live: ReturnType<typeof line>) => {
    const values = new LiveValues(new Map());
    for (const [was, is] of [
      [-8_000, -8_000],
      [-4_000, -30_000],
    ] as const) {
      const [fromUs, liveFromUs] = [RECORDED_US + was * 1_000, RECORDED_US + (SHIFT_MS + is) * 1_000];
      values.noteExchange({ fromUs, toUs: fromUs + 1_000, liveFromUs, liveToUs: liveFromUs + 1_000 });
    }
    return differences({ durationUs: 4_000_000, ...line(-8_000, '8 seconds ago') }, live, values);
  };
  expect(found(line(SHIFT_MS - 8_000, '9 seconds ago'))).toEqual([]);
  expect(found(line(SHIFT_MS - 8_000, '40 minutes ago'))).toHaveLength(1);
});
