import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';

const MINUTE_US = 60_000_000;
const health = (key: string, uptime: number) => json({ status: 'up', process: { [key]: uptime } });

/** Paths that differ in two answers, one minute apart, of a service that had run for another time when the first came. */
function judged(key: string, recorded: [number, number], live: [number, number]): string[] {
  const values = new LiveValues(new Map());
  return recorded.flatMap((uptime, i) =>
    differences({ n: i + 1, atUs: i * MINUTE_US, ...health(key, uptime) }, health(key, live[i]!), values),
  );
}

test.each([
  ['uptimeSeconds', [17, 77], [26, 86]],
  ['uptimeSeconds', [17, 77], [26, 87]],
  ['uptime_ms', [17_204, 77_209], [26_870, 86_872]],
  ['uptime', [17.204, 77.209], [26.87, 86.872]],
  ['uptime', [17_204, 77_209], [26_870, 86_872]],
  ['upTime', [4_211, 4_271], [3, 63]],
] as const)(
  'how long a service has run is another number, which grows as time goes by: %s',
  (key, recorded, live) => {
    expect(judged(key, [...recorded], [...live])).toEqual([]);
  },
);

test('a service that was just started has run as long when the next one was started longer ago', () => {
  const values = new LiveValues(new Map());
  const found = (n: number, recorded: number, live: number) =>
    differences({ n, atUs: 4_000_000, ...health('uptime', recorded) }, health('uptime', live), values);
  differences({ ...json({ ok: true }) }, json({ ok: true }), values);
  expect(found(2, 4, 8)).toEqual([]);
});

test.each([
  ['stands still', 'uptimeSeconds', [17, 77], [26, 26]],
  ['is in another unit from then on', 'uptime', [17, 77], [26, 86_000]],
  ['is in another unit', 'uptime', [17_204, 77_209], [26_870, 87]],
  ['grows faster', 'uptimeSeconds', [17, 77], [26, 146]],
  ['stands under a key that says nothing of it', 'jobs', [17, 77], [26, 86]],
  ['did not grow with the time in the recording', 'uptime', [17, 18], [26, 86]],
] as const)('it is a difference when it %s', (_, key, recorded, live) => {
  expect(judged(key, [...recorded], [...live])).not.toEqual([]);
});

test('it is no number below zero', () => {
  expect(judged('uptime', [17, 77], [-26, 34])).not.toEqual([]);
});
