// Durations as Go and Rust spell them, in answers of a replay that goes at another pace than its recording.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { replayed, SHIFT_MS } from './shifted-replay.fixture.ts';
import { RECORDED_US } from './test.fixture.ts';

/** What an answer says so many ms after the thing was made, here and there. */
function read(recorded: string, live: string, afterMs: number, liveAfterMs = afterMs) {
  const values = new LiveValues(new Map());
  const liveUs = RECORDED_US + (SHIFT_MS - (liveAfterMs - afterMs)) * 1000;
  const made = { fromUs: RECORDED_US, toUs: RECORDED_US + 4_000 };
  values.noteExchange({ ...made, liveFromUs: liveUs, liveToUs: liveUs + 4_000 });
  const { differences, leaves } = replayed(
    { atUs: afterMs * 1000, body: { left: recorded } },
    { body: { left: live } },
    values,
  );
  return differences.length === 0 ? (leaves.time > 0 ? 'time' : 'strict') : 'differs';
}

test.each([
  ['what remains', '3h59m59.264733182s', '3h59m59.27582934s', 700, 700],
  ['what remains, later', '29m57.1490018s', '29m52.3041101s', 2_850, 7_700],
  ['what is over', '-10.773189ms', '-9.167246ms', 30, 30],
  ['what is over, later', '-5.107731892s', '-9.16724633s', 5_110, 9_170],
  ['what was measured', '1.0325ms', '871.25µs', 30, 30],
])('%s is of the same time', (_, recorded, live, afterMs, liveAfterMs) => {
  expect(read(recorded, live, afterMs, liveAfterMs)).toBe('time');
});

test.each([
  ['an hour less', '3h59m59.264733182s', '2h59m59.27582934s'],
  ['minutes for hours', '3h59m59.264733182s', '3m59.27582934s'],
  ['another unit', '1.25043s', '1.25043ms'],
  ['the other side of now', '10.773189ms', '-9.167246ms'],
  ['a setting', '1.5s', '2.5s'],
  ['another setting', '4h0m0s', '3h0m0s'],
  ['a word', '3h59m59.264733182s', 'soon'],
])('%s is a difference', (_, recorded, live) => expect(read(recorded, live, 700)).toBe('differs'));

test('the elements of a list are known again whatever remains of them', () => {
  const bans = (...rows: [id: number, ip: string, left: string][]) =>
    rows.map(([id, ip, left]) => ({ id, ip, left }));
  const [one, other] = ['10.1.2.3', '10.4.5.6'];
  const recorded = {
    body: bans([8, one, '3h59m59.264733182s'], [7, other, '3h59m58.912044901s']),
    links: [{ in: 'response' as const, path: 'body[].id', flow: 'bans' }],
  };
  const compare = (...live: Parameters<typeof bans>) => {
    const values = new LiveValues(new Map());
    const made = (n: number, id: number, now: number) =>
      replayed(
        { n, body: { id }, links: [{ in: 'response', path: 'body.id', flow: 'bans' }] },
        { body: { id: now } },
        values,
      );
    made(1, 8, 7);
    made(2, 7, 8);
    return replayed({ n: 3, ...recorded }, { body: bans(...live) }, values).differences.map(
      ({ path }) => path,
    );
  };
  expect(compare([8, other, '3h59m59.27582934s'], [7, one, '3h59m58.9007331s'])).toEqual([]);
  expect(compare([8, one, '3h59m59.27582934s'], [7, other, '3h59m58.9007331s'])).not.toEqual([]);
});
