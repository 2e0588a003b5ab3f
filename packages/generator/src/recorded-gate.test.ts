import { expect, test } from 'vitest';
import { RecordedGate } from './recorded-gate.ts';

const span = (startUs: number, endUs: number) => ({ startUs, endUs });
const FOREVER = Number.POSITIVE_INFINITY;
const SECOND = 1_000_000;

test('a test waits for those that had ended before it began, and not for those that overlapped it', () => {
  const gate = new RecordedGate(10);
  const endA = gate.begin(span(0, 2 * SECOND), 0);
  gate.begin(span(SECOND, 9 * SECOND), 10);
  const next = span(3 * SECOND, 4 * SECOND);
  expect(gate.waitUs(next, 20)).toBe(FOREVER);
  endA();
  expect(gate.waitUs(next, 30)).toBe(0);
});

test('a test that began in the very moment another one ended waits for it', () => {
  const gate = new RecordedGate(10);
  const end = gate.begin(span(0, 0), 0);
  expect(gate.waitUs(span(0, 5), 10)).toBe(FOREVER);
  end();
  expect(gate.waitUs(span(0, 5), 10)).toBe(0);
});

test('overlapping tests that began close together keep their distance, others do not wait for it', () => {
  const gate = new RecordedGate(10);
  gate.begin(span(0, 30 * SECOND), 1_000);
  expect(gate.waitUs(span(20_000, 40_000), 1_500)).toBe(19_500);
  expect(gate.waitUs(span(20_000, 40_000), 21_000)).toBe(0);
  expect(gate.waitUs(span(20 * SECOND, 21 * SECOND), 1_500)).toBe(0);
});

test('what began after a step of a conversation waits for that step, and not for the end', () => {
  const gate = new RecordedGate(10);
  const steps = { nextUs: 2 * SECOND };
  gate.begin(span(0, 30 * SECOND), 0, steps);
  const next = span(3 * SECOND, 4 * SECOND);
  expect(gate.waitUs(span(SECOND, 2 * SECOND), 10)).toBe(0);
  expect(gate.waitUs(next, 20)).toBe(FOREVER);
  steps.nextUs = 5 * SECOND;
  expect(gate.waitUs(next, 30)).toBe(0);
});

test('what is under way is bounded', () => {
  const gate = new RecordedGate(2);
  gate.begin(span(0, 100), 0);
  const end = gate.begin(span(0, 100), 0);
  expect(gate.waitUs(span(1, 100), 1_000)).toBe(FOREVER);
  end();
  expect(gate.waitUs(span(1, 100), 1_000)).toBe(0);
});
