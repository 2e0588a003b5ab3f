import type { RawHttpPair } from '@echoplane/wire';
import { expect, test } from 'vitest';
import { unanswered } from './outcome.ts';
import { ProvenAnswer } from './proven-answer.ts';

const NOW_US = Date.UTC(2026, 10, 4, 10, 0, 7) * 1000;
const dateAt = (us: number) => new Date(us / 1000).toUTCString();
const head = (date: string, more = '') =>
  Buffer.from(`HTTP/1.1 200 OK\r\nDate: ${date}\r\nContent-Length: 2\r\n${more}\r\n`);
const REQUEST = { head: Buffer.alloc(0), body: Buffer.alloc(0) };

function rawOf(responseHead: Buffer, change: Partial<RawHttpPair> = {}): RawHttpPair {
  const raw = unanswered(REQUEST, { dueUs: 0, endUs: 1, seq: 0 });
  return {
    ...raw,
    responseHead,
    responseBody: { size: 2, kept: [Buffer.from('{}')], truncated: 0 },
    ...change,
  };
}

const wire = (date: string, body = '{}') => Buffer.concat([head(date), Buffer.from(body)]);

test('the same bytes with the Date of this second or the one before are this answer again', () => {
  const proven = ProvenAnswer.of(rawOf(head(dateAt(NOW_US - 60_000_000))))!;
  expect(proven.head.length).toBe(head(dateAt(NOW_US)).length);
  for (const ago of [0, 1_000_000, 0]) {
    expect(proven.isAgain(wire(dateAt(NOW_US - ago)), NOW_US)).toBe(true);
    expect(Buffer.concat([proven.head, ...proven.body.kept])).toEqual(wire(dateAt(NOW_US - ago)));
  }
});

test('a Date that stands still, one that is ahead, another byte, and a byte more are not', () => {
  const proven = ProvenAnswer.of(rawOf(head(dateAt(NOW_US))))!;
  for (const ago of [5_000_000, -1_000_000])
    expect(proven.isAgain(wire(dateAt(NOW_US - ago)), NOW_US)).toBe(false);
  expect(proven.isAgain(wire(dateAt(NOW_US), '[]'), NOW_US)).toBe(false);
  expect(proven.isAgain(wire(dateAt(NOW_US), '{} '), NOW_US)).toBe(false);
});

test.each<[string, RawHttpPair]>([
  ['chunked', rawOf(head('', 'Transfer-Encoding: chunked\r\n'))],
  ['the last of its connection', rawOf(head('', 'Connection: close\r\n'))],
  ['cut', rawOf(head(''), { responseBody: { size: 9, kept: [Buffer.from('{}')], truncated: 7 } })],
  ['after an interim answer', rawOf(head(''), { interimCount: 1 })],
  ['without a response', rawOf(head(''), { responseHead: null })],
])('an answer %s is compared each time', (_, raw) => {
  expect(ProvenAnswer.of(raw)).toBeNull();
});
