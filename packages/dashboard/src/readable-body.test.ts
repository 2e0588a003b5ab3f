import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hexDump, jsonTokens, readableBody } from './readable-body.ts';

const body = (fields: object) => ({ size: 10, encoding: 'identity', ...fields });

describe('readableBody()', () => {
  it('indents JSON and keeps the wire text beside it', () => {
    expect(readableBody(body({ json: { a: [1] } }))).toEqual({
      kind: 'json',
      pretty: '{\n  "a": [\n    1\n  ]\n}',
      raw: '{"a":[1]}',
    });
  });

  it('finds JSON in decoded text of a compressed body', () => {
    expect(readableBody(body({ base64: 'AAAA', decoded: '{ "a": 1 }' })).kind).toBe('json');
  });

  it('shows a lone number as text', () => {
    expect(readableBody(body({ json: 7 }))).toEqual({ kind: 'text', raw: '7' });
  });

  it('shows bytes that are not text as hex and base64', () => {
    const binary = readableBody(body({ base64: btoa('\x89PNG\r\n') }));
    expect(binary).toEqual({
      kind: 'binary',
      base64: btoa('\x89PNG\r\n'),
      hex: `000000  ${'89 50 4e 47 0d 0a'.padEnd(48)}  .PNG..`,
    });
  });

  it('tells an empty body from one whose bytes are elsewhere', () => {
    expect(readableBody({ size: 0, encoding: 'identity' })).toEqual({ kind: 'empty' });
    expect(readableBody(body({ ref: 'bodies/1' }))).toEqual({ kind: 'absent', ref: 'bodies/1' });
    expect(readableBody(body({}))).toEqual({ kind: 'absent', ref: null });
  });
});

describe('hexDump()', () => {
  it('breaks after sixteen bytes and counts offsets in hex', () => {
    const rows = hexDump(new Uint8Array(17).fill(65)).split('\n');
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatch(/^000000 {2}(41 ){7}41 {2}(41 ){7}41 {2}A{16}$/);
    expect(rows[1]).toMatch(/^000010 {2}41 +A$/);
  });
});

describe('jsonTokens()', () => {
  it('tells keys, strings, numbers and words apart', () => {
    const kinds = jsonTokens('{"a": "b\\"c", "n": -1.5e3, "t": true}').filter(
      (token) => token.kind !== 'plain',
    );
    expect(kinds.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      ...['key "a"', 'string "b\\"c"', 'key "n"', 'number -1.5e3', 'key "t"', 'word true'],
    ]);
  });

  it('loses no character of any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(
          jsonTokens(json)
            .map((token) => token.text)
            .join(''),
        ).toBe(json);
      }),
    );
  });
});
