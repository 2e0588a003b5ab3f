import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { redacted } from './redactor.fixture.ts';

/** Bytes drawn by lot, the same every time. */
function bytes(seed: string, count: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(count / 32) }, (_, n) =>
    createHash('sha256').update(`${seed} ${n}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, count);
}

const stored = (data: Buffer) => redacted(JSON.stringify({ data: data.toString('base64') }));
const TOKEN = /^\{"data":"rdx_[a-z0-9]{20}"\}$/;
const runs = Array.from({ length: 200 }, (_, n) => `run ${n}`);

describe('base64 in JSON', () => {
  test('of a file stays as it is, whatever its pieces look like', () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
    for (const run of runs) {
      const archive = gzipSync(Buffer.concat([bytes(run, 200), Buffer.alloc(300), bytes(`${run}b`, 60)]));
      const image = Buffer.concat([png, bytes(run, 180), Buffer.alloc(8), bytes(`${run}b`, 31)]);
      for (const file of [archive, image])
        expect(stored(file)).toBe(JSON.stringify({ data: file.toString('base64') }));
    }
  });

  test('of a key, or of what may be one, is one secret, so that it can be put back', () => {
    for (const run of runs) {
      const parts = Array.from({ length: 12 }, (_, n) => [bytes(`${run} ${n}`, 17), Buffer.alloc(5)]);
      expect(stored(Buffer.concat(parts.flat()))).toMatch(TOKEN);
      expect(stored(bytes(run, 200))).toMatch(TOKEN);
    }
  });

  test('is none with the signs of a path or a query: of these the piece that is a key goes', () => {
    const key = bytes('key', 24)
      .toString('hex')
      .replace(/[0-9]/g, (digit) => 'QWERTZUIOP'[Number(digit)]!);
    const path = `/organisations/billing/documents/archive/2026/keys/${key}/delete`;
    expect(redacted(JSON.stringify({ path }))).toMatch(
      /^\{"path":"\/organisations\/billing\/documents\/archive\/2026\/keys\/rdx_[a-z0-9]{20}\/delete"\}$/,
    );
  });
});
