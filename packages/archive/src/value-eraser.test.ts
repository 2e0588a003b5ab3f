import { describe, expect, test } from 'vitest';
import { ERASED, ValueEraser } from './value-eraser.ts';

const VALUE = 'jane+doe@example.org/Zoë "x"';
const clean = (value: string, text: string) => new ValueEraser([value]).text(text);

describe('a value is taken out of a text', () => {
  test.each([
    ['as it is', VALUE],
    ['percent-encoded', encodeURIComponent(VALUE)],
    ['percent-encoded in small letters', encodeURIComponent(VALUE).replace(/%../g, (c) => c.toLowerCase())],
    ['as a form writes it', new URLSearchParams({ v: VALUE }).toString().slice(2)],
    ['escaped in JSON', JSON.stringify(VALUE).slice(1, -1)],
    ['escaped in JSON with slashes', JSON.stringify(VALUE).slice(1, -1).replaceAll('/', '\\/')],
    ['escaped in JSON as ASCII', JSON.stringify(VALUE).slice(1, -1).replace('ë', '\\u00eb')],
    ['escaped in JSON as ASCII in capitals', JSON.stringify(VALUE).slice(1, -1).replace('ë', '\\u00EB')],
  ])('%s', (_, form) => {
    expect(clean(VALUE, `before ${form} after`)).toBe(`before ${ERASED} after`);
  });

  test('in base64 wherever its bytes begin, and the bytes around it stay', () => {
    for (const before of ['', 'a', 'ab', 'abc', 'abcd']) {
      for (const encoding of ['base64', 'base64url'] as const) {
        const text = Buffer.from(`${before}${VALUE}tail`).toString(encoding);
        const bytes = Buffer.from(clean(VALUE, text), encoding);
        expect(bytes.includes(VALUE.slice(2, -2))).toBe(false);
        expect(bytes.toString('latin1').startsWith(before)).toBe(true);
        expect(bytes.toString('latin1').endsWith('tail')).toBe(true);
      }
    }
  });

  test('and a text without it stays the same text', () => {
    expect(clean(VALUE, 'jane doe at example.org')).toBe('jane doe at example.org');
  });
});

test.each(['rdx_', 'eras', ERASED])('%s, of which the mark of an erasure is made, is refused', (value) => {
  expect(() => new ValueEraser([value])).toThrow(/would never be gone/);
});

describe('a value is taken out of JSON', () => {
  const eraser = new ValueEraser(['4111111111111111']);

  test('out of texts, keys and numbers, and it stays JSON', () => {
    const line =
      '{"card":4111111111111111,"note":"4111111111111111!","m":{"4111111111111111":[1,true,null]}}';
    expect(JSON.parse(eraser.line(line))).toEqual({
      card: 0,
      note: `${ERASED}!`,
      m: { [ERASED]: [1, true, null] },
    });
  });

  test('out of JSON in a text of JSON, however deep the quotes', () => {
    const secret = 'a"b\\c"d';
    const line = JSON.stringify({ text: JSON.stringify({ secret }) });
    const made = new ValueEraser([secret]).line(line);
    expect(JSON.parse(JSON.parse(made).text)).toEqual({ secret: ERASED });
  });

  test('but not out of ids and times that only look like it, unless they are it', () => {
    const line = '{"id":"0198a5c0-1234-7000-8000-000000000001","ts":1795256731234567}';
    expect(new ValueEraser(['1234']).line(line)).toBe(line);
    const whole = new ValueEraser(['0198a5c0-1234-7000-8000-000000000001']);
    expect(JSON.parse(whole.line(line))).toEqual({ id: ERASED, ts: 1795256731234567 });
  });

  test('and a line without it is the same to the byte, odd spacing and all', () => {
    const line = '{"a" : 1.0, "b":"\\u0041"}';
    expect(eraser.line(line)).toBe(line);
  });

  test('mayHold() is never wrong about a line that holds it', () => {
    for (const value of ['x"y/z', 'Zoë', 'plain', 'a\nb'])
      for (const item of [value, JSON.stringify(value), encodeURIComponent(value)])
        expect(new ValueEraser([value]).mayHold(JSON.stringify({ item }))).toBe(true);
  });
});
