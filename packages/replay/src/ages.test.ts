// Ages in words, in answers of a replay that goes at another pace than its recording.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { replayed, SHIFT_MS } from './shifted-replay.fixture.ts';
import { RECORDED_US } from './test.fixture.ts';

const MADE_US = RECORDED_US;
/** A note, read so many ms after it was written, here and there. */
function read(recorded: string, live: string, afterMs: number, liveAfterMs = afterMs) {
  const values = new LiveValues(new Map());
  const shiftUs = SHIFT_MS * 1000;
  const made = { fromUs: MADE_US, toUs: MADE_US + 4_000 };
  values.noteExchange({
    ...made,
    liveFromUs: MADE_US + shiftUs - (liveAfterMs - afterMs) * 1000,
    liveToUs: MADE_US + shiftUs - (liveAfterMs - afterMs) * 1000 + 4_000,
  });
  const { differences, leaves } = replayed(
    { atUs: afterMs * 1000, body: { written: recorded } },
    { body: { written: live } },
    values,
  );
  return differences.length === 0 ? (leaves.time > 0 ? 'time' : 'strict') : 'differs';
}

test.each([
  ['2 seconds ago', '4 seconds ago', 2_000, 4_000],
  ['now', '3 seconds ago', 500, 3_200],
  ['58 seconds ago', 'a minute ago', 58_000, 62_000],
  ['an hour ago', '1 hour ago', 3_700_000, 3_700_000],
])('%s is the time of %s when the replay is as much later', (recorded, live, afterMs, liveAfterMs) => {
  expect(read(recorded, live, afterMs, liveAfterMs)).toBe('time');
});

test.each([
  ['2 seconds ago', '40 seconds ago', 2_000],
  ['2 seconds ago', '2 hours ago', 2_000],
  ['2 seconds ago', 'in 2 days', 2_000],
  ['2 seconds ago', '2 seconds', 2_000],
  ['2 apples ago', '4 apples ago', 2_000],
])('%s is not %s', (recorded, live, afterMs) => {
  expect(read(recorded, live, afterMs)).toBe('differs');
});

test('elements are the same ones whatever their age, and a list of their ids stands as they do', () => {
  const at = (n: number) => new Date((MADE_US + n * 1000) / 1000).toISOString();
  const thing = (id: number, age: string, n: number) => ({ id, name: `thing ${id}`, age, made: at(n) });
  const list = (...things: ReturnType<typeof thing>[]) => ({ ids: things.map(({ id }) => id), things });
  const links = ['body.ids[]', 'body.things[].id'].map((path) => ({
    in: 'response' as const,
    path,
    flow: 'f',
  }));
  const was = list(
    thing(4, '9 seconds ago', 30),
    thing(3, '9 seconds ago', 20),
    thing(1, '9 seconds ago', 10),
  );
  const is = list(
    thing(3, '8 seconds ago', 30),
    thing(4, '8 seconds ago', 20),
    thing(1, '8 seconds ago', 10),
  );
  const run = (live: object) => {
    const values = new LiveValues(new Map());
    // Which ids things have is known from their making.
    const made = { ids: [1, 3, 4] };
    replayed({ links: links.slice(0, 1), body: made }, { body: made }, values);
    return replayed({ n: 2, atUs: 9_000_000, links, body: was }, { body: live }, values).differences;
  };
  const paths = (live: object) => run(live).map(({ path }) => path.replace(/\[.*/, ''));
  expect(paths(is)).not.toContain('body.ids');
  expect(paths({ ...was, ids: [3, 4, 1] })).toContain('body.ids');
});
