// Tests and their live answers, made by hand for tests of the report: no analyzer, no recording.
import { type GeneratorRun, Goals, type RRPair, storeBody, TAG, type Test, uuidV7 } from '@echoplane/traffic';
import type { ReportInput } from './build-report.ts';

export const REPLAY = '019aa000-0000-7000-8000-000000000001';
const START_US = 1_800_000_000_000_000;
const REPLAYED_US = START_US + 3_600_000_000;
const JSON_TYPE: [string, string][] = [['content-type', 'application/json']];

export const bodyOf = (value: unknown) =>
  storeBody(Buffer.from(value === undefined ? '' : JSON.stringify(value)), '');

export interface Made extends Partial<Omit<Test, 'request' | 'response'>> {
  method?: string;
  target?: string;
  status?: number;
  answer?: unknown;
}

let made = 0;

/** A test whose request starts 10 ms after the one made before. */
export function makeTest({
  method = 'GET',
  target = '/things',
  status = 200,
  answer = {},
  ...rest
}: Made = {}): Test {
  const offsetUs = made++ * 10_000;
  return {
    id: uuidV7(START_US + offsetUs, Buffer.alloc(10, made)),
    ...{ session: 's1', order: made, offsetUs, endpoint: target, headless: false },
    request: { method, target, headers: [], body: bodyOf(undefined) },
    response: { status, headers: JSON_TYPE, body: bodyOf(answer) },
    ...{ durationUs: 4_000, consumes: [], produces: [], volatile: [], ts: START_US + offsetUs },
    ...rest,
  };
}

export interface Answered {
  /** As it was sent, where that differs from the recorded one. */
  target?: string;
  status?: number;
  answer?: unknown;
  durationUs?: number;
  tags?: Record<string, string>;
  error?: RRPair['error'];
}

/** The live answer of a test: as recorded, but for what is given. */
export function answerTo(test: Test, change: Answered = {}): RRPair {
  const ts = REPLAYED_US + test.offsetUs;
  const { status = test.response.status, error = null } = change;
  const body = change.answer === undefined ? test.response.body : bodyOf(change.answer);
  return pairOf({
    ...{ ts, durationUs: change.durationUs ?? test.durationUs, error },
    tags: { [TAG.replay]: REPLAY, [TAG.test]: test.id, [TAG.session]: test.session, ...change.tags },
    request: {
      method: test.request.method,
      url: `http://sut${change.target ?? test.request.target}`,
      headers: [],
      body: bodyOf(undefined),
    },
    response: error === null ? { status, headers: test.response.headers, body } : null,
  });
}

/** What the service asked of a dependency while it answered `test`. */
export function outboundDuring(
  test: Test,
  tags: Record<string, string>,
  url = 'http://pay/v1/charges',
): RRPair {
  return pairOf({
    ...{ ts: REPLAYED_US + test.offsetUs + 500, durationUs: 1_000, error: null, tags },
    request: { method: 'POST', url, headers: [], body: bodyOf({}) },
    response: { status: 200, headers: [], body: bodyOf({}) },
  });
}

function pairOf(
  parts: Pick<RRPair, 'ts' | 'durationUs' | 'error' | 'tags' | 'request' | 'response'>,
): RRPair {
  const source = {
    cluster: 'c',
    namespace: 'n',
    workload: { kind: 'Deployment', name: 'w' },
    pod: '',
    container: '',
  };
  const place = { ip: '127.0.0.1', port: 1, host: null };
  return {
    ...{
      v: 1,
      id: uuidV7(parts.ts, Buffer.alloc(10, made++)),
      ttfbUs: 100,
      direction: 'IN',
      protocol: 'http/1.1',
    },
    ...{
      source,
      client: place,
      server: place,
      tls: null,
      connection: { id: 'k', seq: 0 },
      session: null,
      redactions: [],
    },
    ...parts,
  };
}

export function runOf(tests: number, change: Partial<GeneratorRun> = {}): GeneratorRun {
  return {
    ...{ startedAt: 0, finishedAt: 2_000_000, testsPlanned: tests, sent: tests, resultsDelivered: tests },
    ...{ notSent: {}, maxEventLoopLagMs: 1, voidReasons: [], ...change },
  };
}

/** What `buildReport` is given for these tests and results. */
export function inputOf(
  tests: readonly Test[],
  results: readonly RRPair[],
  change: Partial<ReportInput> = {},
): ReportInput {
  return {
    ...{ replay: REPLAY, mode: 'tests-only', tests, results, mockResults: [], baseline: null },
    ...{ run: runOf(tests.length), goals: Goals.parse({}), ...change },
  };
}
