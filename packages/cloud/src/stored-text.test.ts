import { expect, test } from 'vitest';
import { storedJson, storedName, storedText } from './stored-text.ts';

test('storedText() replaces what Postgres cannot hold and nothing else', () => {
  expect(storedText('a\0b\ud800c\u{1f600}')).toBe('a\ufffdb\ufffdc\u{1f600}');
});

test('storedName() fits into an index entry', () => {
  expect(Buffer.byteLength(storedName('\u4e00'.repeat(5_000)))).toBeLessThan(2_700);
});

test('storedJson() looks into keys and values, however deep', () => {
  const text = storedJson({ 'k\0': [{ a: 'v\0' }, 1, null], '\ud800': '\\u0000' });
  expect(JSON.parse(text)).toEqual({ 'k\ufffd': [{ a: 'v\ufffd' }, 1, null], '\ufffd': '\\u0000' });
});
