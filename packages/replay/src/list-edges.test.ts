import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, iso, json, SHIFT_MS } from './shifted-replay.fixture.ts';

/** A page of things by their cursors. */
const page = (cursors: string[], endCursor = cursors.at(-1), extra = {}) => ({
  body: {
    edges: cursors.map((cursor) => ({ cursor })),
    pageInfo: { startCursor: cursors[0], endCursor, ...extra },
  },
});
const links = [
  { in: 'response' as const, path: 'body.edges[].cursor', flow: 'f' },
  { in: 'response' as const, path: 'body.pageInfo.endCursor', flow: 'f' },
];
/** The cursors are followed, and the last two changed places. */
function read(recorded: ReturnType<typeof page>, live: ReturnType<typeof page>) {
  const values = new LiveValues(new Map());
  const all = { ...page(['cursor-a', 'cursor-b', 'cursor-c']), links };
  differences({ method: 'POST', ...all }, page(['cursor-k', 'cursor-l', 'cursor-m']), values);
  return differences({ n: 2, ...recorded, links }, live, values).filter(
    (one) => !one.startsWith('body.edges'),
  );
}

test('a page ends where its last element is', () => {
  const was = page(['cursor-a', 'cursor-b', 'cursor-c']);
  expect(read(was, page(['cursor-k', 'cursor-m', 'cursor-l']))).toEqual([]);
  expect(read(was, page(['cursor-k', 'cursor-m', 'cursor-l'], 'cursor-k'))).toEqual([
    'body.pageInfo.endCursor value',
  ]);
});

test('another field that has the same text is no end of it', () => {
  const was = page(['cursor-a', 'cursor-b'], undefined, { owner: 'cursor-b' });
  const is = page(['cursor-k', 'cursor-m'], undefined, { owner: 'cursor-m' });
  expect(read(was, is)).toEqual(['body.pageInfo.owner value']);
});

test('long lists of things that say where they begin and end are read once', () => {
  const slots = (ms: number) =>
    json(Array.from({ length: 4_000 }, (_, i) => ({ n: i, start: iso(ms - i), end: iso(ms - i) })));
  expect(differences(slots(0), slots(SHIFT_MS), new LiveValues(new Map()))).toEqual([]);
});
