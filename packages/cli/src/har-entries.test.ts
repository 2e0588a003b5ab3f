import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HarEntryScanner } from './har-entries.ts';

/** Everything that could be taken for the entries, or for their ends. */
const ENTRIES = [
  { a: '}]{["\\', b: [[{}], { entries: [{ c: 1 }] }], log: { entries: [1] } },
  {},
  { text: 'ü✓ \u2028 "quoted" \\', n: [1, -2.5e3, null, true] },
];
const HAR = {
  entries: [{ not: 'this' }],
  log: { version: '1.2', comment: 'entries', pages: [{ entries: [{}] }], entries: ENTRIES, after: [{}] },
  tail: { entries: [{}] },
};

function scanned(chunks: Iterable<Buffer>, scanner = new HarEntryScanner()): unknown[] {
  const found: unknown[] = [];
  for (const chunk of chunks) {
    for (const entry of scanner.feed(chunk)) found.push(entry && JSON.parse(entry.toString()));
  }
  scanner.end();
  return found;
}

describe('HarEntryScanner', () => {
  test.each([JSON.stringify(HAR), JSON.stringify(HAR, null, 2), `\ufeff${JSON.stringify(HAR)}`])(
    'finds log.entries and nothing else, wherever the chunks end',
    (text) => {
      const bytes = Buffer.from(text);
      expect(scanned([bytes])).toEqual(ENTRIES);
      // The first kilobyte decides whether this is JSON; files come in larger chunks.
      const cuts = fc.uniqueArray(fc.integer({ min: 4, max: bytes.length }), { maxLength: 20 });
      fc.assert(
        fc.property(cuts, (at) => {
          const edges = [0, ...at.sort((a, b) => a - b), bytes.length];
          const chunks = edges.slice(1).map((to, i) => bytes.subarray(edges[i], to));
          expect(scanned(chunks)).toEqual(ENTRIES);
        }),
      );
    },
  );

  test.each([
    ['', 'is empty'],
    ['[1]', 'does not begin with {'],
    ['<html>', 'does not begin with {'],
    ['\u001f\u008b\b', 'unpack it with gunzip'],
    ['{"log":{"version":"1.2"}}', 'has no log.entries'],
    ['{"log":{"entries":{}}}', 'has no log.entries'],
    ['{"log":{"entries":[{"a":1},{"b":', 'is cut off'],
    ['{"log":{"entries":[{"a":"x', 'is cut off'],
    ['{}}', 'closes what was not opened'],
  ])('%j %s', (text, words) => {
    const chunks = text === '' ? [] : [Buffer.from(text, 'latin1')];
    expect(() => scanned(chunks)).toThrow(words);
  });

  test('passes over an entry above the bound and holds none of it', () => {
    const text = JSON.stringify({ log: { entries: [{ a: 'x'.repeat(500) }, { b: 1 }] } });
    const chunks = text.match(/.{1,50}/g)!.map((part) => Buffer.from(part));
    expect(scanned(chunks, new HarEntryScanner(100))).toEqual([null, { b: 1 }]);
  });
});
