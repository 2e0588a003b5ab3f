// Signed texts that hold the second in which they were signed, in a replay that signs two where the recording signed one.
import { expect, test } from 'vitest';
import { compareTest } from './compare-test.ts';
import { LiveValues } from './live-values.ts';
import { RECORDED_US, sketchAnswer, sketchTest } from './test.fixture.ts';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const [first, second, third] = [
  'lW5tFvO8ZkQnB2xYc7RjD1sPaHgTu4Ei',
  'Qz9KdMv3wXo7NfLb6UyGrJ5hTc2SeA0p',
  'Y8aRk2Hq6VtZ1mWj4CsGn9Xe7BfLu3Di',
];
function signed(payload: string, us: number, signature: string): string {
  let time = '';
  for (let left = Math.floor(us / 1e6); left > 0; left = Math.floor(left / 62))
    time = DIGITS[left % 62] + time;
  return `${payload}:${time}:${signature}`;
}

/** Problems of the second of two answers that the recording signed alike, half a second after one another. */
function found(live: string): string[] {
  const values = new LiveValues(new Map());
  const links = [{ in: 'response' as const, path: 'cookie.messages', flow: 'messages' }];
  const recorded = signed('4 saved', RECORDED_US, first!);
  const compare = (n: number, is: string, requestUs: number) => {
    const of = sketchTest({ n, links, headers: [['Set-Cookie', `messages=${recorded}`]] });
    const answer = sketchAnswer({ headers: [['Set-Cookie', `messages=${is}`]] });
    const { differences } = compareTest(of, answer, {
      values,
      times: { requestUs, endUs: requestUs + 5_000 },
    });
    values.learn(of, answer);
    return differences.map(({ path, problem }) => `${path} ${problem}`);
  };
  expect(compare(1, signed('4 saved', LIVE_US, second!), LIVE_US)).toEqual([]);
  return compare(2, live, LIVE_US + 5_000_000);
}
const LIVE_US = RECORDED_US + 90_000_000;

test('the payload is what it was, and the time that of the exchange', () => {
  expect(found(signed('4 saved', LIVE_US + 5_000_000, third!))).toEqual([]);
  expect(found(signed('5 saved', LIVE_US + 5_000_000, third!))).toEqual(['cookie.messages value']);
  expect(found(signed('4 saved', LIVE_US + 60_000_000, third!))).toEqual(['cookie.messages value']);
});
