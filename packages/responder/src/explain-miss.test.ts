import { expect, test } from 'vitest';
import { explainDifference, holdsToken } from './explain-miss.ts';

const [A, B] = ['"rdx_aaaaaaaaaaaaaaaaaaa1"', '"rdx_bbbbbbbbbbbbbbbbbbb2"'];

test.each([
  ['body.amount: 1999 → 2099', true, 'body.amount: 1999 → 2099'],
  [`body.key: ${A} → ${B}`, true, `body.key: ${A} → ${B} (redacted with another key?)`],
  [`body.key: ${A} → "abc"`, true, `body.key: ${A} → "abc" (redacted by other rules?)`],
  [`body.key: ${A} → ${B}`, false, `body.key: ${A} → ${B}`],
  [`body.key: absent → ${B}`, true, `body.key: absent → ${B}`],
  [
    'body: 9000000 bytes, of which only 8 are compared',
    true,
    'body: 9000000 bytes, of which only 8 are compared',
  ],
])('%s, with a key: %s', (difference, hasKey, explained) => {
  expect(explainDifference(difference, hasKey)).toBe(explained);
});

test('a value in clear that stands against a token is not shown', () => {
  const explained = explainDifference(
    'body.email: "u-abcdefghijk7@redacted.invalid" → "ann@shop.example"',
    false,
  );
  expect(explained).not.toContain('ann');
  expect(explained).toContain('ECHOPLANE_REDACTION_KEY_FILE');
});

test('holdsToken() sees tokens and nothing that is only encoded', () => {
  expect(
    [A, 'Bearer rdx_abc1', Buffer.from('user:rdx_aaaaaaaaaaaaaaaaaaa1').toString('base64')].every(holdsToken),
  ).toBe(true);
  expect(
    [
      'plain',
      Buffer.from('user:password of hers').toString('base64'),
      '/v1/charges/ch_3kTa91bQ7xZp04LmNo',
    ].some(holdsToken),
  ).toBe(false);
});
