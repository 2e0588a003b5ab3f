import { describe, expect, test } from 'vitest';
import { EndpointTallies, type EndpointTally } from './endpoint-tally.ts';
import { bodyOf, makeTest } from './report.fixture.ts';
import { shiftsOf, slowerFindings } from './slower.ts';

/** Numbers in [0, 1) that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** A latency around `medianUs`, log-normal with a long tail: one in fifty takes up to eight times as long. */
function latency(random: () => number, medianUs: number, spread = 0.35): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const tail = random() < 0.02 ? 1 + 7 * random() : 1;
  return Math.round(medianUs * Math.exp(spread * normal) * tail);
}

interface Endpoint {
  endpoint: string;
  recordedUs: number[];
  liveUs: number[];
  baselineUs?: number[];
}

function tallied(endpoints: readonly Endpoint[]): EndpointTally[] {
  const tallies = new EndpointTallies();
  for (const { endpoint, recordedUs } of endpoints) {
    for (const durationUs of recordedUs) {
      const made = makeTest({ endpoint, durationUs });
      tallies.of(made).plan(made);
    }
  }
  // In turn, as a session asks for one endpoint after the other.
  for (let at = 0; at < Math.max(...endpoints.map(({ liveUs }) => liveUs.length)); at++) {
    for (const { endpoint, recordedUs, liveUs } of endpoints) {
      if (at >= liveUs.length) continue;
      const made = makeTest({ endpoint, durationUs: recordedUs[at]! });
      tallies.result(made, { response: made.response, durationUs: liveUs[at]! } as never);
    }
  }
  if (endpoints.some(({ baselineUs }) => baselineUs))
    tallies.addBaseline(
      endpoints.flatMap(({ endpoint, baselineUs = [] }) =>
        baselineUs.map((latencyUs) => ({ method: 'GET', endpoint, latencyUs })),
      ),
    );
  return tallies.all();
}

const called = (endpoints: readonly Endpoint[]) =>
  slowerFindings(shiftsOf(tallied(endpoints))).map(({ endpoint }) => endpoint);

const MEDIANS = [1_500, 3_000, 6_000, 12_000, 40_000, 90_000];

/** One run of six endpoints, on hardware that is `factor` times slower; `live` changes what an endpoint takes. */
function runOf(
  seed: number,
  { samples = 25, factor = 1, live = (us: number, _at: number) => us } = {},
): Endpoint[] {
  const random = seeded(seed);
  const draw = (medianUs: number) => Array.from({ length: samples }, () => latency(random, medianUs));
  return MEDIANS.map((medianUs, at) => ({
    endpoint: `/e${at}`,
    recordedUs: draw(medianUs),
    liveUs: draw(medianUs * factor).map((us) => live(us, at)),
  }));
}

const SEEDS = Array.from({ length: 100 }, (_, seed) => seed + 1);

test.each([0.5, 1, 1.6, 3])(
  'without a baseline, on hardware %d times as slow, noise is not called',
  (factor) => {
    expect(SEEDS.flatMap((seed) => called(runOf(seed, { factor })))).toEqual([]);
  },
);

test.each([0, 1, 2, 3, 4, 5])(
  'without a baseline, 200 ms more at endpoint %d are found, and there only',
  (slow) => {
    const live = (us: number, at: number) => (at === slow ? us + 200_000 : us);
    for (const seed of SEEDS)
      for (const factor of [0.7, 1, 1.6])
        expect(called(runOf(seed, { factor, live }))).toEqual([`/e${slow}`]);
  },
);

describe('with few samples', () => {
  const slow = (us: number, at: number) => (at === 2 ? us + 250_000 : us);

  test.each([3, 4, 5, 8, 13, 19])('%d: 250 ms more are found, and there only', (samples) => {
    for (const seed of SEEDS) expect(called(runOf(seed, { samples, live: slow }))).toEqual(['/e2']);
  });

  test('fewer than three say nothing', () => {
    expect(SEEDS.flatMap((seed) => called(runOf(seed, { samples: 2, live: slow })))).toEqual([]);
  });

  test.each([0.5, 1, 2, 3])('on hardware %d times as slow, noise is not called', (factor) => {
    for (const samples of [3, 5, 8, 13])
      expect(SEEDS.flatMap((seed) => called(runOf(seed, { samples, factor })))).toEqual([]);
  });

  test('one answer that is as fast as it was contradicts the others', () => {
    const run = runOf(3, { samples: 8, live: slow });
    const mostly = run.map((one) => ({
      ...one,
      liveUs: one.liveUs.map((us, i) => (i === 4 ? one.recordedUs[i]! : us)),
    }));
    expect(called(mostly)).toEqual([]);
  });

  test('what all endpoints go through at once is not called', () => {
    const run = runOf(3, { samples: 12 });
    const paused = run.map((one, at) => {
      // The last endpoint was asked only during the pause.
      const asked = at === 5 ? 3 : 12;
      const live = one.liveUs.map((us, i) => (i < 3 ? us + 600_000 : us));
      return { ...one, recordedUs: one.recordedUs.slice(0, asked), liveUs: live.slice(0, asked) };
    });
    expect(called(paused)).toEqual([]);
  });
});

test('a hiccup in one half of the run is not called', () => {
  for (const seed of SEEDS) {
    const run = runOf(seed);
    const hiccup = run.map((one) => ({
      ...one,
      liveUs: one.liveUs.map((us, i) => (i < 11 ? us : us + 400_000)),
    }));
    const atOne = run.map((one, at) => (at === 3 ? hiccup[3]! : one));
    expect(called(atOne)).toEqual([]);
  }
});

/** The same run, with an earlier replay in the same environment. */
function withBaseline(seed: number, live: (us: number, at: number) => number): Endpoint[] {
  const earlier = runOf(seed + 1_000);
  return runOf(seed, { live }).map((one, at) => ({ ...one, baselineUs: earlier[at]!.liveUs }));
}

test('endpoints that other hardware slows by up to half are called twice in 1,000 tests at the most', () => {
  const wrong = SEEDS.flatMap((seed) => {
    const random = seeded(seed + 5_000);
    const factors = MEDIANS.map(() => 0.7 + 0.8 * random());
    return called(runOf(seed, { live: (us, at) => us * factors[at]! }));
  });
  const tests = SEEDS.length * MEDIANS.length * 25;
  expect((1_000 * wrong.length) / tests).toBeLessThanOrEqual(2);
});

test('against a baseline twice the time, or 50 ms more, is found and noise is not', () => {
  const twice = (us: number, at: number) => (at >= 3 ? us * 2 : us);
  const more = (us: number, at: number) => (at === 4 ? us + 50_000 : us);
  for (const seed of SEEDS) {
    expect(called(withBaseline(seed, (us) => us))).toEqual([]);
  }
  expect(SEEDS.filter((seed) => called(withBaseline(seed, more)).join() === '/e4').length).toBeGreaterThan(
    95,
  );
  const found = SEEDS.flatMap((seed) => called(withBaseline(seed, twice)));
  for (const endpoint of ['/e3', '/e4', '/e5'])
    expect(found.filter((one) => one === endpoint).length).toBeGreaterThan(90);
  expect(found.filter((one) => !['/e3', '/e4', '/e5'].includes(one))).toEqual([]);
});

test('a whole build that became slower is found against a baseline', () => {
  const [first = []] = SEEDS.slice(0, 1).map((seed) => called(withBaseline(seed, (us) => us + 100_000)));
  expect(first).toEqual(['/e0', '/e1', '/e2', '/e3', '/e4', '/e5']);
});

test('one endpoint alone has nothing to be compared with but a baseline', () => {
  const [only] = runOf(1, { live: (us) => us + 300_000 });
  expect(called([only!])).toEqual([]);
  expect(called([{ ...only!, baselineUs: only!.recordedUs }])).toEqual(['/e0']);
});

test('behind one endpoint the operations are compared with each other', () => {
  const tallies = new EndpointTallies();
  const asked = (query: string) => {
    const made = makeTest({ method: 'POST', endpoint: '/graphql', target: '/graphql' });
    return { ...made, request: { ...made.request, body: bodyOf({ query }) } };
  };
  const tests = Array.from({ length: 30 }, () => [
    asked('query Topics { topics { id } }'),
    asked('query Me { me { id } }'),
    asked('mutation Like { like { id } }'),
  ]).flat();
  for (const one of tests) tallies.plan(one);
  for (const [at, one] of tests.entries())
    tallies.result(one, { response: one.response, durationUs: at % 3 === 1 ? 250_000 : 4_000 + at } as never);
  expect(
    slowerFindings(shiftsOf(tallies.timed())).map(({ endpoint, sentence }) => [endpoint, sentence]),
  ).toEqual([['/graphql', expect.stringMatching(/^POST \/graphql query Me: slower by 246 ms/)]]);
});
