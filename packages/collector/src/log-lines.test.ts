import { MAX_LOG_LINE_BYTES } from '@echoplane/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogLines, nanoseconds } from './log-lines.ts';

const AT = '2026-01-02T03:04:05';
const US = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000;
const read = (lines: LogLines, text: string) => [...lines.feed(Buffer.from(text))];

test('lines carry their times and come whole, however the stream is cut', () => {
  const text = `${AT}.000001000Z one\n${AT}.5Z \n${AT}.600000000+00:00 zwölf  words\r\n${AT}.7Z half`;
  const whole = read(new LogLines(), text);
  expect(whole).toEqual([
    { ts: US + 1, text: 'one', cutBytes: 0 },
    { ts: US + 500_000, text: '', cutBytes: 0 },
    { ts: US + 600_000, text: 'zwölf  words', cutBytes: 0 },
  ]);
  fc.assert(
    fc.property(fc.array(fc.nat(Buffer.byteLength(text)), { maxLength: 8 }), (cuts) => {
      const bytes = Buffer.from(text);
      const lines = new LogLines();
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const seen = places.slice(1).flatMap((to, n) => [...lines.feed(bytes.subarray(places[n], to))]);
      expect(seen).toEqual(whole);
    }),
  );
});

test('a line is kept up to its bound, and what was cut is counted; the next one is whole', () => {
  const long = 'ä'.repeat(MAX_LOG_LINE_BYTES);
  const [cut, next] = read(new LogLines(), `${AT}.1Z ${long}\n${AT}.2Z next\n`);
  expect(Buffer.byteLength(cut!.text)).toBeLessThanOrEqual(MAX_LOG_LINE_BYTES);
  expect(Buffer.byteLength(cut!.text)).toBeGreaterThan(MAX_LOG_LINE_BYTES - 8);
  expect(cut!.cutBytes).toBe(MAX_LOG_LINE_BYTES);
  expect(next).toEqual({ ts: US + 200_000, text: 'next', cutBytes: 0 });
});

test('octets that are no text become text within the bound', () => {
  const bytes = Buffer.concat([
    Buffer.from(`${AT}Z `),
    Buffer.alloc(MAX_LOG_LINE_BYTES, 0xff),
    Buffer.from('\n'),
  ]);
  const [line] = new LogLines().feed(bytes);
  expect(Buffer.byteLength(line!.text)).toBeLessThanOrEqual(MAX_LOG_LINE_BYTES);
});

test('a stream that is opened again repeats nothing and loses nothing', () => {
  const lines = new LogLines();
  read(lines, `${AT}.1Z one\n${AT}.3Z three\n${AT}.4Z unfin`);
  expect(lines.newestSecond).toBe(`${AT}.000Z`);
  lines.reopen();
  const again = read(lines, `${AT}.1Z one\n${AT}.3Z three\n${AT}.4Z unfinished\n${AT}.4Z same time\n`);
  expect(again.map(({ text }) => text)).toEqual(['unfinished', 'same time']);
});

test('what has no time is no line of a log', () => {
  expect(read(new LogLines(), 'rpc error: no such container\n\nyesterday x\n')).toEqual([]);
  expect(nanoseconds('2026-13-02T03:04:05Z')).toBeNull();
  expect(nanoseconds(`${AT}.123456789Z`)).toBe(BigInt(US) * 1000n + 123_456_789n);
  expect(nanoseconds(`${AT}+02:00`)).toBe(BigInt(US - 7_200_000_000) * 1000n);
});
