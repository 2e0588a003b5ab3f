// Precision: two megabytes of clean text of eight kinds, in pieces and as whole documents, in which there is nothing to find; and the
// other side of the scale, the share of keys drawn by lot that entropy finds.
import { afterAll, expect, test } from 'vitest';
import { CLEAN_TEXTS, cleanTexts, lottery } from './clean-text.fixture.ts';
import { scan } from './scan.ts';

const CHARACTERS = 250_000;
let scanned = 0;
let wrongs = 0;

afterAll(() => {
  console.log(
    `precision: ${((wrongs * 1e6) / scanned).toFixed(2)} false findings per MB, ${(scanned / 1e6).toFixed(1)} MB of clean text`,
  );
});

test.each(Object.keys(CLEAN_TEXTS) as (keyof typeof CLEAN_TEXTS)[])(
  'nothing is found in clean text: %s',
  (kind) => {
    const texts = cleanTexts(kind, CHARACTERS, 42);
    const wrong: string[] = [];
    for (const text of [...texts, texts.join('\n')]) {
      scanned += text.length;
      for (const { start, end, kind: found } of scan(text))
        wrong.push(`${found}: ${text.slice(start - 20, end + 10)}`);
    }
    wrongs += wrong.length;
    expect(wrong).toEqual([]);
  },
);

test.each([
  ['letters and digits', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 20, 0.99],
  ['small letters and digits', 'abcdefghijklmnopqrstuvwxyz0123456789', 24, 0.98],
  ['base32', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 32, 0.98],
  ['base64url', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 43, 0.99],
  ['base64', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 43, 0.98],
  ['letters', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', 32, 0.98],
] as const)('keys of %s are found', (_, alphabet, length, share) => {
  const random = lottery(7);
  let hits = 0;
  for (let run = 0; run < 1_000; run++) {
    const key = Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
    if (scan(`{"v":"${key}"}`).length > 0) hits += 1;
  }
  expect(hits / 1_000).toBeGreaterThanOrEqual(share);
});
