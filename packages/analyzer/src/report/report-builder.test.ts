import { type Report, Report as ReportSchema, TAG, type Test } from '@echoplane/traffic';
import * as hdr from 'hdr-histogram-js';
import { describe, expect, test } from 'vitest';
import { buildReport } from './build-report.ts';
import { type Answered, answerTo, inputOf, makeTest, outboundDuring, runOf } from './report.fixture.ts';

type Change = Parameters<typeof inputOf>[2];

/** The report of these tests; `answers`: what is not as recorded, by position. */
function report(
  tests: readonly Test[],
  answers: Record<number, Answered | null> = {},
  change: Change = {},
): Report {
  const results = tests.flatMap((one, at) => (answers[at] === null ? [] : [answerTo(one, answers[at])]));
  return ReportSchema.parse(buildReport(inputOf(tests, results, change)));
}

const found = ({ findings }: Report) =>
  findings.map(({ method, endpoint, path }) => `${method} ${endpoint} ${path}`);

describe('expectations of the test config', () => {
  const tests = [
    makeTest({ answer: { total: 10 } }),
    makeTest({ endpoint: '/other', target: '/other', answer: {} }),
  ];
  const expectation = { type: 'expect' as const, expression: 'response.json.total > 10.0' };

  test('are differences at `expect`, with their message, where their `when` holds for the recorded exchange', () => {
    const when = 'endpoint == "/things" && status == 200';
    const made = report(tests, {}, { assertions: [{ ...expectation, message: 'totals are large', when }] });
    expect(made.failures.map(({ differences }) => differences)).toEqual([
      [{ path: 'expect', problem: 'value', expected: 'totals are large', actual: 'does not hold' }],
    ]);
    expect(made.findings[0]!.sentence).toBe('GET /things: totals are large: does not hold');
    expect(made.reasons[0]).toContain('totals are large');
  });

  test('are asked beside the strict comparison, not instead of it', () => {
    const made = report(tests, { 1: { status: 500 } }, { assertions: [{ ...expectation, when: 'false' }] });
    expect(found(made)).toEqual(['GET /other status']);
  });

  test('that cannot be evaluated fail and say so', () => {
    const made = report(tests.slice(1), {}, { assertions: [expectation] });
    expect(made.failures[0]!.differences[0]).toMatchObject({ actual: 'cannot be evaluated on this answer' });
  });

  test('of no use are refused with their column', () => {
    expect(() => report(tests, {}, { assertions: [{ type: 'expect', expression: 'status = 3' }] })).toThrow(
      'column 8: a single = means nothing',
    );
  });
});

test('a strict transform that found nothing in an answer is a failure that says why', () => {
  const tags = { [TAG.transform]: 'seen: there is no header x-none' };
  const made = report([makeTest({ answer: {} })], { 0: { tags } });
  expect(made.counts).toMatchObject({ passed: 0, failed: 1 });
  expect(made.findings[0]!.sentence).toBe('GET /things: strict transform: seen: there is no header x-none');
});

test("a time of the client's own is due as it was sent, not as any time of now", () => {
  const [recorded, sent] = ['2027-01-15T08:00:00.001Z', '2027-01-15T09:00:00.002Z'];
  const made = {
    endpoint: '/things',
    target: `/things?at=${recorded}`,
    answer: { at: recorded },
    offsetUs: 0,
  };
  const one = makeTest({ ...made, ts: Date.parse(recorded) * 1e3 - 1_000, ownTimes: [{ path: 'query.at' }] });
  const answered = (at: string) => report([one], { 0: { target: `/things?at=${sent}`, answer: { at } } });
  expect(answered(sent)).toMatchObject({ counts: { failed: 0 }, leaves: { strict: 3, time: 0 } });
  expect(found(answered('2027-01-15T09:00:05.002Z'))).toEqual(['GET /things body.at']);
});

describe('what asserts less', () => {
  test('a body that is not asked for may differ, a status may not', () => {
    const tests = [makeTest({ answer: { a: 1 } }), makeTest({ answer: { a: 1 } })];
    const made = report(
      tests,
      { 0: { answer: { a: 2 } }, 1: { status: 500 } },
      { assertions: [{ type: 'status' }] },
    );
    expect(found(made)).toEqual(['GET /things status']);
  });
});

describe('goals as sentences', () => {
  test('stand in the report, and one that is missed decides the verdict and is a reason', () => {
    const goals = { successRate: 1, matchRate: 1, noSlowerEndpoint: true };
    const rules = ['latency.p95 < 3ms where endpoint == "/things"', 'requests.total == 1'];
    const made = report([makeTest()], {}, { goals: { ...goals, rules } });
    expect(made.verdict).toBe('missed-goals');
    expect(made.goals.map(({ name, met }) => [name, met])).toEqual([
      ['success rate', true],
      ['latency.p95 where endpoint == "/things"', false],
      ['requests.total', true],
    ]);
    expect(made.reasons).toEqual([
      'the goal latency.p95 where endpoint == "/things" < 3ms was missed: it is 4ms',
    ]);
  });
});

describe('likely causes', () => {
  const login = (session: string) =>
    makeTest({
      ...{ session, method: 'POST', target: '/login', endpoint: '/login', answer: { token: 'abc' } },
      produces: [{ token: `t-${session}`, path: 'body.token' }],
    });
  const me = (session: string, target: string) =>
    makeTest({ session, target, endpoint: target, answer: { ok: true }, consumes: [`t-${session}`] });

  test('a login that failed explains the refusals of its session, and comes first', () => {
    const tests = ['a', 'b', 'c'].flatMap((session) => [
      login(session),
      me(session, '/me'),
      me(session, '/cart'),
    ]);
    const made = report(tests, {
      ...{ 0: { status: 500 }, 1: { status: 401 }, 2: { status: 401 } },
      ...{ 3: { status: 500 }, 4: { status: 401 }, 5: { status: 401 } },
    });
    expect(made.findings.map(({ endpoint, cause, explains }) => [endpoint, cause, explains])).toEqual([
      ['/login', undefined, 4],
      ['/me', 'POST /login was answered with 500 instead of 200', undefined],
      ['/cart', 'POST /login was answered with 500 instead of 200', undefined],
    ]);
    expect(made.reasons[0]).toBe(
      'POST /login: status was 200, is 500 (2 of 3, and 4 failures follow from it)',
    );
  });

  test('a login that only sets a cookie explains the refusals of its session, too', () => {
    const signIn = makeTest({ session: 'a', method: 'POST', target: '/sign-in', endpoint: '/sign-in' });
    signIn.response.headers = [...signIn.response.headers, ['set-cookie', 'sid=1']];
    const made = report([signIn, makeTest({ session: 'a' })], { 0: { status: 500 }, 1: { status: 401 } });
    expect(made.findings.map(({ endpoint, cause }) => [endpoint, cause])).toEqual([
      ['/sign-in', undefined],
      ['/things', 'POST /sign-in was answered with 500 instead of 200'],
    ]);
  });

  test('a value that did not come explains what is asked with it, however that is answered', () => {
    const made = report([login('a'), me('a', '/me')], { 0: { answer: { other: 1 } }, 1: { status: 500 } });
    expect(made.findings.find(({ endpoint }) => endpoint === '/me')!.cause).toBe(
      'POST /login answered another body.token than recorded',
    );
  });

  test('a login explains nothing of sessions it did not let in', () => {
    const tests = [login('a'), makeTest({ session: 'z', target: '/me', endpoint: '/me' })];
    const made = report(tests, { 0: { status: 500 }, 1: { status: 401 } });
    expect(made.findings.map(({ cause }) => cause)).toEqual([undefined, undefined]);
  });

  const order = (n: number) =>
    makeTest({
      ...{
        session: `s${n}`,
        method: 'POST',
        target: '/orders',
        endpoint: '/orders',
        answer: { id: `o${n}` },
      },
      produces: [{ token: `o${n}`, path: 'body.id' }],
    });
  const read = (n: number, endpoint: string) =>
    makeTest({
      session: `s${n}`,
      target: `${endpoint}/o${n}`,
      endpoint,
      answer: { id: `o${n}` },
      consumes: [`o${n}`],
    });

  test('a write that is answered but lost explains the reads that do not find it', () => {
    const tests = [0, 1, 2].flatMap((n) => [order(n), read(n, '/orders/{id}'), read(n, '/invoices/{id}')]);
    const gone = Object.fromEntries([1, 2, 4, 5, 7, 8].map((at) => [at, { status: 404 }]));
    const words = 'what POST /orders made was not there afterwards, although it was answered as recorded';
    expect(report(tests, gone).findings.map(({ cause }) => cause)).toEqual([words, words]);
  });

  test('one read that fails while others find what was written stands for itself', () => {
    const tests = [0, 1, 2].flatMap((n) => [order(n), read(n, '/orders/{id}'), read(n, '/invoices/{id}')]);
    const gone = Object.fromEntries([2, 5, 8].map((at) => [at, { status: 404 }]));
    expect(report(tests, gone).findings.map(({ cause }) => cause)).toEqual([undefined]);
  });

  test('a write that no read of one endpoint finds stands for that endpoint', () => {
    const tests = [0, 1, 2].flatMap((n) => [order(n), read(n, '/orders/{id}')]);
    const gone = Object.fromEntries([1, 3, 5].map((at) => [at, { status: 404 }]));
    expect(report(tests, gone).findings.map(({ cause }) => cause)).toEqual([undefined]);
  });

  test('a write that some reads find is not lost, although several endpoints do not find it', () => {
    const endpoints = ['/orders/{id}', '/invoices/{id}', '/labels/{id}'];
    const tests = [0, 1, 2].flatMap((n) => [order(n), ...endpoints.map((endpoint) => read(n, endpoint))]);
    const gone = Object.fromEntries([2, 3, 6, 7, 10, 11].map((at) => [at, { status: 404 }]));
    expect(report(tests, gone).findings.map(({ cause }) => cause)).toEqual([undefined, undefined]);
  });

  test('a mock miss explains what fails while it is under way, and comes first', () => {
    const tests = [makeTest({ endpoint: '/pay' }), makeTest()];
    const miss = outboundDuring(tests[0]!, { [TAG.match]: 'miss', [TAG.difference]: 'body.amount: 1 → 2' });
    const made = report(tests, { 0: { status: 502 } }, { mode: 'full', mockResults: [miss] });
    expect(made.findings.map(({ kind, explains, cause }) => [kind, explains, cause])).toEqual([
      ['mock-miss', 1, undefined],
      [
        'assertion',
        undefined,
        'POST pay/v1/charges found no mock: the nearest recording differs at body.amount: 1 → 2',
      ],
    ]);
  });
});

describe('chaos', () => {
  const tests = [makeTest({ session: 'a' }), makeTest({ session: 'a' }), makeTest({ session: 'b' })];
  const touched = outboundDuring(tests[0]!, { [TAG.chaos]: 'slow-pay', [TAG.match]: 'exact' });

  test('sessions it touched are judged apart and named; the others decide', () => {
    const made = report(
      tests,
      { 0: { status: 502 }, 1: { status: 502 } },
      { mockResults: [touched], mode: 'full' },
    );
    expect(made).toMatchObject({
      ...{ verdict: 'passed', chaos: { 'slow-pay': 1 }, chaosTests: { passed: 0, failed: 2 } },
      counts: { tests: 3, passed: 1, failed: 0, mockExact: 0, mockMiss: 0 },
    });
    expect(made.findings.map(({ cause }) => cause)).toEqual(['chaos touched these sessions: slow-pay']);
    expect(made.notes!.join()).toContain('1 × slow-pay');
  });

  test('a failure of a session that it did not touch counts', () => {
    const made = report(tests, { 2: { status: 502 } }, { mockResults: [touched], mode: 'full' });
    expect(made.verdict).toBe('missed-goals');
  });
});

describe('what was not sent, or not kept', () => {
  test('dead letters are outside the verdict and named; a result that is simply not there voids it', () => {
    const tests = [makeTest(), makeTest(), makeTest()];
    const made = report(tests, { 1: null }, { run: runOf(3, { notSent: { 'body-lost': 1 } }) });
    expect(made).toMatchObject({ verdict: 'passed', counts: { passed: 2, failed: 0, missing: 0 } });
    expect(made.notes).toEqual(['Not sent, and outside the verdict: 1 × body-lost.']);
    expect(
      report(tests, { 1: null, 2: null }, { run: runOf(3, { notSent: { 'body-lost': 1 } }) }),
    ).toMatchObject({
      ...{ verdict: 'void', counts: { missing: 1 } },
    });
  });

  test('tests that waited for a token that never came have failed', () => {
    const made = report(
      [makeTest(), makeTest()],
      { 1: null },
      { run: runOf(2, { notSent: { 'unresolved-token': 1 } }) },
    );
    expect(made).toMatchObject({ verdict: 'missed-goals', successRate: 0.5 });
  });

  test('tests that a strict chain held back have failed, and the report says what it did not find', () => {
    const run = runOf(2, {
      ...{ notSent: { 'transform-failed': 1 }, notSentWhy: ['POST /login: token: there is no body.user'] },
    });
    const made = report([makeTest(), makeTest()], { 1: null }, { run });
    expect(made).toMatchObject({ verdict: 'missed-goals', successRate: 0.5 });
    expect(made.notes).toEqual([
      'Not sent, and failed: 1 × transform-failed.',
      'Not sent: POST /login: token: there is no body.user.',
    ]);
  });

  test('of a sample the counts are those of the generator, and a pass it saw is believed', () => {
    const tests = [makeTest({ answer: { id: 'x' } }), makeTest()];
    const run = runOf(2, {
      ...{ sent: 1_000, sampled: { kept: 2, of: 1_000 } },
      asserted: { passed: 990, failed: 10, headless: 0 },
    });
    const made = report(
      tests,
      {
        0: { answer: { id: 'y' }, tags: { [TAG.verdict]: 'passed' } },
        1: { status: 500, tags: { [TAG.verdict]: 'failed' } },
      },
      { run },
    );
    expect(made).toMatchObject({ successRate: 0.99, counts: { passed: 990, failed: 10, missing: 0 } });
    expect(found(made)).toEqual(['GET /things status']);
    expect(made.failuresOmitted).toBe(9);
    expect(made.notes![0]).toContain('2 of 1000 results were kept');
  });

  const encoded = (us: number) => {
    const histogram = hdr.build({
      highestTrackableValue: 3_600_000_000,
      numberOfSignificantValueDigits: 3,
    });
    for (let n = 0; n < 100; n++) histogram.recordValue(us);
    return { method: 'GET', endpoint: '/things', encoded: hdr.encodeIntoCompressedBase64(histogram) };
  };

  test('latencies that chaos made are not among those of an endpoint, though its histogram has them', () => {
    const tests = [makeTest({ session: 'a' }), makeTest({ session: 'b' })];
    const touched = outboundDuring(tests[0]!, { [TAG.chaos]: 'slow-pay', [TAG.match]: 'exact' });
    const run = runOf(2, { histograms: [encoded(900_000)] });
    const made = report(tests, {}, { run, mockResults: [touched], mode: 'full' });
    expect(made.endpoints[0]!.replayed.count).toBe(1);
    expect(made.endpoints[0]!.replayed.p95Us).toBeLessThan(10_000);
  });

  test('latencies are those of the histograms of all generators together', () => {
    const tests = [makeTest()];
    const run = runOf(1, { histograms: [encoded(1_000), encoded(9_000), encoded(9_000)] });
    const { count, p95Us } = report(tests, {}, { run }).endpoints[0]!.replayed;
    expect([count, Math.round(p95Us! / 100)]).toEqual([300, 90]);
  });

  test('under load tests may stay unsent, and the word of the generator counts', () => {
    const tests = [makeTest({ answer: { id: 'x' } }), makeTest()];
    const run = runOf(2, { asserted: { passed: 5, failed: 0, headless: 0 } });
    const answers = { 0: { answer: { id: 'y' }, tags: { [TAG.verdict]: 'passed' } }, 1: null };
    expect(report(tests, answers, { run, isLoad: true })).toMatchObject({
      ...{ verdict: 'passed', counts: { passed: 5, failed: 0, missing: 0 } },
    });
  });

  test('headless sessions and values that were not known are named', () => {
    const tests = [makeTest({ headless: true }), makeTest()];
    const made = report(tests, { 0: { status: 401 }, 1: { tags: { [TAG.unresolved]: 't1' } } });
    expect(made).toMatchObject({ verdict: 'passed', counts: { headless: 1, passed: 1 } });
    expect(made.notes).toHaveLength(2);
  });
});

test('the summary has three lines, computed from the figures', () => {
  const tests = [makeTest({ answer: { a: 1, b: 2 } }), makeTest({ answer: { a: 1 } })];
  const made = report(tests, { 0: { answer: { a: 1, b: 3 } } });
  expect(made.summary).toEqual([
    'Missed its goals: 1 of 2 assertions hold (50 %), 1 fault; first GET /things: body.b was 2, is 3.',
    expect.stringMatching(/^100 % of \d+ recorded values were compared by value, 0 by kind\.$/),
    'p95 4 ms (recorded 4 ms) at 1 requests/s; no endpoint is slower beyond noise.',
  ]);
});

test('findings keep examples and failures are bounded, whatever their number', () => {
  const tests = Array.from({ length: 700 }, () => makeTest());
  const rare = makeTest({ endpoint: '/rare' });
  const answers = Object.fromEntries([...tests.keys()].map((at) => [at, { status: 500 }]));
  const made = report([...tests, rare], { ...answers, 700: { status: 404 } });
  expect(made.findings.map(({ count, examples }) => [count, examples.length])).toEqual([
    [700, 5],
    [1, 1],
  ]);
  expect(made.failures.map(({ endpoint }) => endpoint)).toContain('/rare');
  expect(made.failures.length + made.failuresOmitted).toBe(701);
});

test('the live host of the answers is read from their requests', () => {
  const recorded = makeTest({ answer: { self: 'http://127.0.0.1:4000/things/1' } });
  const asked: Test = {
    ...recorded,
    request: { ...recorded.request, headers: [['host', '127.0.0.1:4000']] },
  };
  const live = answerTo(asked, { answer: { self: 'http://127.0.0.1:5000/things/1' } });
  const sent = {
    ...live,
    request: { ...live.request!, headers: [['host', '127.0.0.1:5000'] as [string, string]] },
  };
  expect(buildReport(inputOf([asked], [sent])).verdict).toBe('passed');
});
