// Entity tags that are instants, and instants that requests carry: by what they are now, not by their form alone.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, replayed, SHIFT_MS } from './shifted-replay.fixture.ts';
import { RECORDED_US, sketchTest } from './test.fixture.ts';

const ms = (after: number) => RECORDED_US / 1000 + after;
const tagged = (time: number) => ({ headers: [['ETag', `"${time}"`]] as [string, string][], body: {} });

test('a tag that is a time stands as its request does', () => {
  const values = new LiveValues(new Map());
  const compared = replayed(tagged(ms(2)), { ...tagged(ms(3 + SHIFT_MS)) }, values);
  expect(compared.differences).toEqual([]);
  expect(compared.leaves.time).toBe(1);
  expect(differences({ n: 2, ...tagged(ms(2)) }, tagged(ms(500)), new LiveValues(new Map()))).toEqual([
    'header.etag value',
  ]);
});

test('of two things made in one millisecond each keeps its own instant', () => {
  const values = new LiveValues(new Map([['t1', String(ms(2))]]));
  const body = (time: number) => ({ body: { id: 'a-name', changed: time } });
  const made = { method: 'POST', produces: [{ token: 't1', path: 'body.changed' }] };
  expect(differences({ ...made, ...body(ms(2)) }, body(ms(3 + SHIFT_MS)), values)).toEqual([]);
  const other = { n: 2, method: 'POST', ...body(ms(2)) };
  expect(differences(other, body(ms(90 + SHIFT_MS)), values)).toHaveLength(1);
  const beside = { ...other, durationUs: 100_000 };
  expect(differences(beside, body(ms(4 + SHIFT_MS)), values)).toEqual([]);
});

test('a tag of a flow is sent back as the service gives it now', () => {
  const values = new LiveValues(new Map());
  const flow = 'f1';
  const links = [{ in: 'response' as const, path: 'header.etag#0', flow }];
  const tag = (text: string) => ({ headers: [['ETag', `"${text}"`]] as [string, string][], body: {} });
  expect(differences({ links, ...tag('rev-17-a') }, tag('rev-23-b'), values)).toEqual([]);
  const sent = sketchTest({
    ...{ n: 2, method: 'PUT', requestHeaders: [['If-Match', '"rev-17-a"']] },
    links: [{ in: 'request', path: 'header.if-match#0', flow }],
  });
  expect(values.fill(sent).request.headers.at(-1)).toEqual(['If-Match', '"rev-23-b"']);
});

test('what one slow request made has its instants, however far they are from each other', () => {
  const made = { method: 'POST', durationUs: 300_000, produces: [{ token: 't1', path: 'body.changed' }] };
  const body = (changed: number) => ({ body: { id: 'a-name', changed } });
  const shown = (live: number) => {
    const values = new LiveValues(new Map([['t1', String(ms(2))]]));
    values.noteExchange({
      ...{ fromUs: RECORDED_US, toUs: RECORDED_US + 5_000 },
      ...{ liveFromUs: ms(SHIFT_MS) * 1000, liveToUs: ms(300 + SHIFT_MS) * 1000 },
    });
    replayed({ ...made, ...body(ms(2)) }, body(ms(3 + SHIFT_MS)), values);
    return differences({ n: 2, atUs: 900_000, ...body(ms(2)) }, body(ms(live + SHIFT_MS)), values);
  };
  expect(shown(190)).toEqual([]);
  expect(shown(600)).toEqual(['body.changed value']);
});
