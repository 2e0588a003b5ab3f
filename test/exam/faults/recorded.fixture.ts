// A recording and replays of it for tests of the exam: one exchange as a test, and its answer in a replay.
import { type RRPair, storeBody, TAG, type Test } from '@echoplane/traffic';

let made = 0;

export interface Exchange {
  method?: string;
  target?: string;
  endpoint?: string;
  headers?: [string, string][];
  body?: unknown;
  status?: number;
  answer?: unknown;
  answerHeaders?: [string, string][];
  /** µs since the epoch of the request. */
  ts?: number;
}

const JSON_TYPE: [string, string] = ['content-type', 'application/json'];
const bodyOf = (value: unknown) =>
  storeBody(value === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(value)), '');
const DURATION_US = 1_000;
const START_US = 1_767_225_600_000_000;

export function recordedTest(exchange: Exchange): Test {
  const { method = 'GET', target = '/', endpoint = target.replace(/\?.*/, ''), headers = [] } = exchange;
  const { body, status = 200, answer, answerHeaders = [], ts = START_US + 10_000 * made } = exchange;
  made++;
  return {
    id: `00000000-0000-4000-8000-${String(made).padStart(12, '0')}`,
    ...{ session: 's1', order: made, offsetUs: ts - START_US, endpoint, headless: false },
    request: { method, target, headers: [...headers, JSON_TYPE], body: bodyOf(body) },
    response: { status, headers: [...answerHeaders, JSON_TYPE], body: bodyOf(answer) },
    ...{ durationUs: DURATION_US, consumes: [], produces: [], volatile: [], ts },
  };
}

/** What came in a replay that began `laterUs` after the recording; sent and answered as recorded but for `live`. */
export function resultOf(test: Test, live: Exchange = {}, laterUs = 60_000_000): RRPair {
  const { request, response } = test;
  const { target = request.target, headers, body, status = response.status, answer, answerHeaders } = live;
  return {
    ts: test.ts! + laterUs,
    durationUs: DURATION_US,
    tags: { [TAG.test]: test.id },
    redactions: [],
    request: {
      method: request.method,
      url: `http://127.0.0.1:9999${target}`,
      headers: headers ? [...headers, JSON_TYPE] : request.headers,
      body: body === undefined ? request.body : bodyOf(body),
    },
    response: {
      status,
      headers: answerHeaders ? [...answerHeaders, JSON_TYPE] : response.headers,
      body: answer === undefined ? response.body : bodyOf(answer),
    },
  } as unknown as RRPair;
}
