// A replay nine days after its recording, for tests: times then and now, and one answer compared with the other.
import type { HeaderList } from '@echoplane/traffic';
import { compareTest, type TestComparison } from './compare-test.ts';
import type { LiveValues } from './live-values.ts';
import { type AnswerSketch, RECORDED_US, sketchAnswer, sketchTest, type TestSketch } from './test.fixture.ts';

export const DAY_MS = 86_400_000;
export const SHIFT_MS = 9 * DAY_MS + 4_321_000;

/** Times so many ms after the recording began; with `SHIFT_MS`, after the replay began. */
export const iso = (ms: number) => new Date(RECORDED_US / 1000 + ms).toISOString();
export const http = (ms: number) => new Date(RECORDED_US / 1000 + ms).toUTCString();
export const epochS = (ms: number) => Math.floor((RECORDED_US / 1000 + ms) / 1000);

export const jwt = (claims: object, signature = 'c2lnbmF0dXJl') =>
  `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;

export const json = (body: unknown): AnswerSketch => ({ body });
export const head = (...headers: HeaderList): AnswerSketch => ({ body: {}, headers });
export const page = (body: string, type = 'text/html'): AnswerSketch => ({ body, type });

/** Compares and learns an answer that came 4 ms after its request, as late after the first one as in the recording. */
export function replayed(recorded: TestSketch, live: AnswerSketch, values: LiveValues): TestComparison {
  const test = sketchTest(recorded);
  const answer = sketchAnswer(live);
  const requestUs = test.ts! + SHIFT_MS * 1000;
  const compared = compareTest(test, answer, { values, times: { requestUs, endUs: requestUs + 4_000 } });
  values.learn(test, answer);
  return compared;
}

/** `path problem` of each difference. */
export function differences(recorded: TestSketch, live: AnswerSketch, values: LiveValues): string[] {
  return replayed(recorded, live, values).differences.map((d) => `${d.path} ${d.problem}`);
}
