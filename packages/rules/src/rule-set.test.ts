import { expect, test } from 'vitest';
import { sketch } from './pair.fixture.ts';
import { RuleSet } from './rule-set.ts';
import { FilterRules } from './rules-document.ts';

function compile(...rules: unknown[]): RuleSet {
  return RuleSet.compile(FilterRules.parse({ standard: false, rules }));
}

test('the first rule that holds decides, and a pair that none meets is kept', () => {
  const set = compile(
    { name: 'keep-errors', when: 'status >= 500', action: 'keep' },
    { name: 'no-static', when: 'path.startsWith("/static/")', action: 'drop' },
  );
  const url = 'http://shop/static/a.css';
  expect(set.decide(sketch({ url, status: 503 }))).toEqual({ fate: 'keep', rule: 'keep-errors' });
  expect(set.decide(sketch({ url }))).toEqual({ fate: 'filtered', rule: 'no-static' });
  expect(set.decide(sketch())).toEqual({ fate: 'keep', rule: null });
  expect(set.counts().map(({ rule, matched, withheld }) => [rule, matched, withheld])).toEqual([
    ['keep-errors', 1, 0],
    ['no-static', 1, 1],
  ]);
});

test('a dry run counts what it would withhold, and passes the pair on to the next rule', () => {
  const set = compile(
    { name: 'try', when: 'method == "GET"', action: 'drop', dryRun: true },
    { name: 'real', when: 'path == "/a"', action: 'drop' },
  );
  expect(set.decide(sketch({ url: 'http://shop/a' })).rule).toBe('real');
  expect(set.decide(sketch({ url: 'http://shop/b' })).fate).toBe('keep');
  expect(set.counts()[0]).toEqual({
    rule: 'try',
    action: 'drop',
    dryRun: true,
    matched: 2,
    withheld: 2,
    failed: 0,
  });
});

test('an expression that fails on a pair does not hold for it, and is counted', () => {
  const set = compile({ name: 'deep', when: 'request.json.a.b == 1', action: 'drop' });
  expect(set.decide(sketch({ body: { a: 1 } })).fate).toBe('keep');
  expect(set.counts()[0]).toMatchObject({ matched: 0, withheld: 0, failed: 1 });
});

const SESSIONS = Array.from({ length: 2_000 }, (_, i) => `session-${i}`);
const keptAt = (share: number) => {
  const set = compile({ name: 's', when: 'true', action: 'sample', share });
  return SESSIONS.filter(
    (session, n) => set.decide(sketch({ n, session, connection: `c${n % 7}` })).fate === 'keep',
  );
};

test('sampling keeps or withholds all pairs of a session, in every process alike', () => {
  const set = compile({ name: 's', when: 'true', action: 'sample', share: 0.5 });
  for (const session of SESSIONS.slice(0, 100)) {
    const fates = [1, 2, 3].map((n) => set.decide(sketch({ n, session, connection: `c${n}` })).fate);
    expect(new Set(fates).size).toBe(1);
  }
  // Written down, so that another version of the hash, which would part sessions that are going on, is noticed.
  expect(
    SESSIONS.slice(0, 12)
      .map((session) => (keptAt(0.5).includes(session) ? 1 : 0))
      .join(''),
  ).toBe('110011010000');
});

test('sampling keeps about its share, and a larger share all that a smaller one kept', () => {
  const [tenth, half] = [keptAt(0.1), keptAt(0.5)];
  expect(tenth.length).toBeGreaterThan(150);
  expect(tenth.length).toBeLessThan(250);
  expect(half.length).toBeGreaterThan(900);
  expect(half.length).toBeLessThan(1_100);
  expect(tenth.every((session) => half.includes(session))).toBe(true);
  expect(keptAt(0)).toEqual([]);
  expect(keptAt(1)).toEqual(SESSIONS);
});

test('without a session the connection is sampled', () => {
  const set = compile({ name: 's', when: 'true', action: 'sample', share: 0.5 });
  const fates = Array.from({ length: 200 }, (_, i) => `c${i}`).map((connection) =>
    [1, 2].map((n) => set.decide(sketch({ n, connection })).fate),
  );
  for (const [a, b] of fates) expect(a).toBe(b);
  expect(new Set(fates.map(([fate]) => fate))).toEqual(new Set(['keep', 'sampled']));
});

test('a pair of a replay is never filtered and never sampled', () => {
  const set = RuleSet.compile(
    FilterRules.parse({
      rules: [
        { name: 'none', when: 'method == "GET"', action: 'drop' },
        { name: 'few', when: 'true', action: 'sample', share: 0 },
      ],
    }),
  );
  const tags = { replay: 'r1' };
  const probe = sketch({ tags, url: 'http://shop/healthz', headers: [['User-Agent', 'kube-probe/1.33']] });
  expect(set.decide(probe)).toEqual({ fate: 'keep', rule: null });
  expect(set.decide(sketch({ tags, method: 'POST' }))).toEqual({ fate: 'keep', rule: null });
  expect(set.decide(sketch({ url: 'http://shop/healthz' })).fate).toBe('filtered');
});

test('standard rules come after those of the user, and can be off or in a dry run', () => {
  const probe = sketch({ url: 'http://shop/healthz', headers: [['User-Agent', 'kube-probe/1.33']] });
  const rules = [{ name: 'mine', when: 'path == "/healthz" && method == "GET"', action: 'keep' }];
  const of = (input: unknown) => RuleSet.compile(FilterRules.parse(input));
  expect(of({}).decide(probe)).toEqual({ fate: 'filtered', rule: 'standard:kube-probe' });
  expect(of({ rules }).decide(probe)).toEqual({ fate: 'keep', rule: 'mine' });
  expect(of({ standard: false }).decide(probe)).toEqual({ fate: 'keep', rule: null });
  const dry = of({ standardDryRun: true });
  expect(dry.decide(probe)).toEqual({ fate: 'keep', rule: null });
  expect(dry.counts().find(({ matched }) => matched > 0)).toEqual({
    ...{ rule: 'standard:kube-probe', action: 'drop', dryRun: true },
    ...{ matched: 1, withheld: 1, failed: 0 },
  });
});
