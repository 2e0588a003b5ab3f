import { ApiError, PROBLEMS, type ProblemCode } from '@echoplane/api';
import { describe, expect, test } from 'vitest';
import { isFinalRefusal } from './control-plane.ts';

function refusal(code: ProblemCode): ApiError {
  const { status, title } = PROBLEMS[code];
  return new ApiError(status, { type: 'urn:test', title, status, code, detail: 'No.', requestId: 'r' });
}

describe('isFinalRefusal()', () => {
  test('is true for a body that the control plane will never take, and for nothing else it says', () => {
    const codes = Object.keys(PROBLEMS) as ProblemCode[];
    expect(codes.filter((code) => isFinalRefusal(refusal(code)))).toEqual([
      'invalid_request',
      'payload_too_large',
    ]);
  });

  test.each([400, 404, 405, 409, 413, 422])('an answer %i without a problem settles nothing', (status) => {
    expect(isFinalRefusal(new ApiError(status, null))).toBe(false);
  });

  test('a broken connection settles nothing', () => {
    expect(isFinalRefusal(new TypeError('fetch failed'))).toBe(false);
  });
});
