import { ApiError, PROBLEMS, type ProblemCode } from '@echoplane/api';
import { describe, expect, test } from 'vitest';
import { reconnectMs } from './event-stream.ts';
import { isUnknownAgent, linkTrouble, registrationTrouble } from './link-trouble.ts';

function refusal(code: ProblemCode): ApiError {
  const { status, title } = PROBLEMS[code];
  return new ApiError(status, { type: 'urn:test', title, status, code, detail: 'No.', requestId: 'r' });
}

describe('registrationTrouble()', () => {
  test.each<[string, unknown, string]>([
    ['too-old', refusal('not_found'), 'upgrade it'],
    ['too-old', new ApiError(404, null), 'upgrade it'],
    ['too-old', refusal('method_not_allowed'), 'upgrade it'],
    ['refused', refusal('unauthenticated'), 'ECHOPLANE_AGENT_KEY'],
    ['refused', refusal('forbidden'), 'ECHOPLANE_AGENT_KEY'],
    ['refused', refusal('suspended'), 'suspended'],
    ['registering', refusal('unavailable'), 'Not available right now'],
    ['registering', refusal('conflict'), 'No.'],
    ['registering', new TypeError('fetch failed'), 'fetch failed'],
  ])('is %s for %s', (state, err, words) => {
    expect(registrationTrouble(err)).toMatchObject({ state, sentence: expect.stringContaining(words) });
  });

  test('makes the wait long for a control plane that is too old, and for no other', () => {
    expect(registrationTrouble(refusal('not_found')).retryMs).toBe(600_000);
    expect(registrationTrouble(refusal('forbidden')).retryMs).toBeUndefined();
  });
});

test('an agent is unknown by a 404 alone', () => {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  expect(codes.filter((code) => isUnknownAgent(refusal(code)))).toEqual(['not_found']);
  expect(isUnknownAgent(new TypeError('fetch failed'))).toBe(false);
});

test('a stream that ended in order is trouble with a sentence', () => {
  expect(linkTrouble(null, 'reconnecting').sentence).toContain('ended');
});

describe('reconnectMs()', () => {
  test('spreads the first attempt over 1 to 5 seconds, and later ones over up to 30', () => {
    expect([1, 2, 3, 4, 5, 100].map((attempt) => [reconnectMs(attempt, 0), reconnectMs(attempt, 1)])).toEqual(
      [
        [1_000, 5_000],
        [1_000, 10_000],
        [1_000, 20_000],
        [1_000, 30_000],
        [1_000, 30_000],
        [1_000, 30_000],
      ],
    );
  });
});
