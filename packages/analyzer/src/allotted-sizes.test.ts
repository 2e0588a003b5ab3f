import { describe, expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const status = (bytes: unknown, request = 'GET /status'): Exchange[] => [
  { request: 'POST /things', body: { n: bytes }, status: 201, answer: {} },
  { request, answer: { bytes, limit: 8192 } },
];

function learned(exchanges: Exchange[]) {
  const { tests } = analyze(record(exchanges));
  return tests.at(-1)!.volatile.map(({ path, kind, unit }) => `${path} ${kind} ${unit}`);
}

describe('sizes that grow by whole pages', () => {
  const text = (n: number) => `${n} bytes`;

  test('are measures of a page each, also written as digits', () => {
    const sizes = [20_480, 28_672, 36_864];
    const sent = sizes.flatMap((n) => status(n).slice(1));
    expect(learned(sent)).toEqual(['body.bytes measure 4096']);
    expect(learned(sizes.flatMap((n) => status(String(n)).slice(1)))).toEqual(['body.bytes measure 4096']);
  });

  test.each<[string, unknown[]]>([
    ['one is no whole page', [20_480, 28_672, 30_000]],
    ['it is always the same', [20_480, 20_480, 20_480]],
    ['one is none at all', [20_480, 28_672, 0]],
    ['it is a text', [text(20_480), text(28_672)]],
  ])('not when %s', (_why, sizes) => {
    expect(learned(sizes.flatMap((size) => status(size).slice(1)))).not.toContain('body.bytes measure 4096');
  });

  test('not when a client sent one', () => {
    expect(learned([20_480, 28_672].flatMap((size) => status(size)))).toEqual([]);
  });
});
