import { expect, test } from 'vitest';
import { RecentTexts } from './recent-texts.ts';

test('it knows what was added and nothing else', () => {
  const texts = new RecentTexts(10_000);
  for (let i = 0; i < 4_000; i++) texts.add(`value-${i}-${'x'.repeat(i % 90)}`);
  for (let i = 0; i < 4_000; i++) {
    expect(texts.has(`value-${i}-${'x'.repeat(i % 90)}`)).toBe(true);
    expect(texts.has(`value-${i}-${'x'.repeat(i % 90)}y`)).toBe(false);
  }
});

test('beyond its capacity the oldest are forgotten and the latest half is known', () => {
  const texts = new RecentTexts(1_000);
  for (let i = 0; i < 5_000; i++) texts.add(`text ${i}`);
  expect(texts.has('text 0')).toBe(false);
  for (let i = 4_500; i < 5_000; i++) expect(texts.has(`text ${i}`)).toBe(true);
});
