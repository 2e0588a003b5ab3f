// Times in the basic format of ISO 8601, alone and in a line of text.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, iso, json, SHIFT_MS } from './shifted-replay.fixture.ts';

const basic = (ms: number) => iso(ms).replace(/[-:]|\.\d+/g, '');
/** Seven seconds after a full hour, which would be written to the hour. */
const AT_MS = 7_000;
const found = (recorded: string, live: string) =>
  differences({ atUs: AT_MS * 1_000, body: { at: recorded } }, json({ at: live }), new LiveValues(new Map()));

test.each(['', 'DTSTAMP:'])('a time of its own request stands to it as ever, behind "%s"', (name) => {
  expect(found(name + basic(AT_MS), name + basic(AT_MS + SHIFT_MS))).toEqual([]);
  expect(found(name + basic(AT_MS), name + basic(AT_MS + SHIFT_MS - 97_000))).toEqual(['body.at value']);
  expect(found(name + basic(AT_MS), name + iso(AT_MS + SHIFT_MS))).toEqual(['body.at value']);
});

test('digits that are no time are none', () => {
  expect(found('20261399T001045Z', '20261399T001049Z')).toEqual(['body.at value']);
});
