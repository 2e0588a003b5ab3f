import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { STRICT } from './compare-rules.ts';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { sketchAnswer, sketchTest } from './test.fixture.ts';

const words = (run: string, count: number) =>
  Array.from({ length: count }, (_, n) => {
    const hash = createHash('sha256').update(`${run}${n}`).digest('base64url');
    return `${hash.slice(0, 14).replace(/[-_]/g, 'x')}7xB`;
  });

test('a text of very many generated words is compared as one of few', () => {
  const problems = (recorded: string[], live: string[]) => {
    const [was, is] = [recorded, live].map((all) => ({ body: { text: all.join('.') } }));
    const options = { values: new LiveValues(new Map()), times: null, rules: STRICT };
    return compareTest(sketchTest(was!), sketchAnswer(is!), options).differences.map(
      ({ problem }) => problem,
    );
  };
  for (const count of [20, 20_000]) {
    const recorded = words('then', count);
    const live = words('now', count);
    expect(problems(recorded, live)).toEqual([]);
    expect(problems(recorded, [...live.slice(1), 'end'])).toEqual(['value']);
  }
});
