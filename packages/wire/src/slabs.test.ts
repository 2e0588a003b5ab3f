import { describe, expect, test } from 'vitest';
import { BodyCollector } from './body-collector.ts';
import { Slabs } from './slabs.ts';

const bytesOf = (collector: BodyCollector) => Buffer.concat(collector.finish().kept);

describe('a body in recycled slabs', () => {
  test('is kept byte for byte, whatever it is cut into, and its slabs are used again', () => {
    const slabs = new Slabs(1 << 20);
    const body = Buffer.from(Array.from({ length: 150_000 }, (_, i) => i % 251));
    for (const size of [1, 700, 4_096, 60_000, 150_000]) {
      const collector = new BodyCollector(1 << 20, slabs);
      for (let at = 0; at < body.length; at += size) collector.add(body.subarray(at, at + size), 0);
      expect(bytesOf(collector).equals(body)).toBe(true);
      expect(slabs.takenBytes).toBeGreaterThan(0);
      collector.release();
      expect(slabs.takenBytes).toBe(0);
    }
  });

  test('two bodies at once do not share memory', () => {
    const slabs = new Slabs(1 << 20);
    const [a, b] = [new BodyCollector(1_000, slabs), new BodyCollector(1_000, slabs)];
    a.add(Buffer.from('aaa'), 0);
    b.add(Buffer.from('bbb'), 0);
    a.add(Buffer.from('AAA'), 0);
    b.add(Buffer.from('BBB'), 0);
    expect([bytesOf(a).toString(), bytesOf(b).toString()]).toEqual(['aaaAAA', 'bbbBBB']);
  });

  test('at the bound what was kept stays, the rest is counted as shed and truncated', () => {
    const slabs = new Slabs(10_000);
    const [first, second] = [new BodyCollector(1 << 20, slabs), new BodyCollector(1 << 20, slabs)];
    first.add(Buffer.alloc(3_000, 'x'), 0);
    first.add(Buffer.alloc(2_000, 'y'), 0);
    second.add(Buffer.alloc(9_000, 'z'), 0);
    second.add(Buffer.alloc(1_000, 'z'), 0);
    expect(first.finish()).toMatchObject({ size: 5_000, truncated: 0 });
    expect(second.finish()).toMatchObject({ size: 10_000, truncated: 10_000, kept: [] });
    expect(slabs.shedBytes).toBe(9_000);
    expect(slabs.takenBytes).toBeLessThanOrEqual(10_000);
  });
});
