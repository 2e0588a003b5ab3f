import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, epochS, json, replayed, SHIFT_MS } from './shifted-replay.fixture.ts';
import { RECORDED_US } from './test.fixture.ts';

const hex = (n: number) => `0x${n.toString(16)}`;
const word = (n: number) => n.toString(16).padStart(64, '0');
const [recordedS, liveS] = [epochS(1_000), epochS(SHIFT_MS + 1_000)];
const found = (recorded: unknown, live: unknown) =>
  differences(json({ result: recorded }), json({ result: live }), new LiveValues(new Map()));

test('a number in hexadecimal digits that is a time stands to its request as the recorded one did', () => {
  const block = (timestamp: number) => ({ number: '0x1b', timestamp: hex(timestamp) });
  expect(found(block(recordedS), block(liveS))).toEqual([]);
  expect(found(block(recordedS), block(liveS + 90))).toEqual(['body.result.timestamp value']);
  expect(found(block(recordedS), block(recordedS - 1))).toEqual(['body.result.timestamp value']);
});

test('it is compared by time, and by value where the same one stands again', () => {
  const block = (timestamp: number) => json([hex(timestamp), hex(timestamp)]);
  const { leaves } = replayed(block(recordedS), block(liveS), new LiveValues(new Map()));
  expect(leaves).toMatchObject({ time: 1, strict: 3, kind: 0 });
});

test('so does one among the words of a call, with all other words as they were', () => {
  const log = (value: number, at: number) => `0x${word(value)}${word(at)}`;
  expect(found(log(7_000, recordedS), log(7_000, liveS))).toEqual([]);
  expect(found(log(7_000, recordedS), log(7_001, liveS))).toEqual(['body.result value']);
  const call = (name: string, at: number) => `${name}${word(at + 3600)}`;
  expect(found(call('0x70a08231', recordedS), call('0x70a08231', liveS))).toEqual([]);
  expect(found(call('0x70a08231', recordedS), call('0x70a08232', liveS))).toEqual(['body.result value']);
});

test('an amount is none, and neither is what was long before', () => {
  expect(found(hex(2_000_000_000), hex(2_000_000_100))).toEqual(['body.result value']);
  const longAgo = RECORDED_US / 1e6 - 40 * 86_400;
  expect(found(hex(longAgo), hex(longAgo + SHIFT_MS / 1000))).toEqual(['body.result value']);
  expect(found(word(recordedS), word(liveS))).toEqual(['body.result value']);
});
