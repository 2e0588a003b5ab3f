import { describe, expect, test } from 'vitest';
import { GUARD_RULES, isInPlace } from './guard-rules.ts';

const HEADER = 'eyJhbGciOiJIUzI1NiJ9';
const CLAIMS = 'eyJzdWIiOiIxMjM0NTY3ODkwIn0';
const REAL_JWT = `${HEADER}.${CLAIMS}.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U`;
const REDACTED_JWT = `${HEADER}.${CLAIMS}.rdx_k3j5h2k5j3h4k5j3h4k5jh3k4j5h3k4j5h3k4jh`;
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

function found(value: string, name = ''): string[] {
  return GUARD_RULES.filter((rule) => rule.finds({ name, value, id: '' })).map((rule) => rule.name);
}

describe('a value that should have been replaced', () => {
  test.each([
    ['card', '4111111111111111'],
    ['card', 'pay with 5500 0000 0000 0004 now'],
    ['card', '3782-822463-10005'],
    ['card', '2223003122003222'],
    ['iban', 'DE89370400440532013000'],
    ['iban', 'GB29 NWBK 6016 1331 9268 19'],
    ['email', 'mail ann.lee+x@example.co.uk.'],
    ['phone', '+49 30 1234 5678'],
    ['phone', 'call +14155552671'],
    ['us-ssn', '123-45-6789'],
    ['authorization', `Bearer ${'a1'.repeat(10)}`],
    ['authorization', basic('ann:hunter2')],
    ['jwt', `x=${REAL_JWT};`],
  ])('%s: %s', (rule, value) => {
    expect(found(value)).toContain(rule);
  });

  test.each([
    ['password', 'hunter2'],
    ['user_password', 'hunter2'],
    ['x-api-key', 'abcdefgh'],
    ['client_secret', '0123456789'],
    ['connect.sid', 's%3Aabc'],
  ])('named-secret: %s=%s', (name, value) => {
    expect(found(value, name)).toEqual(['named-secret']);
  });

  test('a credential under its own name is one, whatever the scheme', () => {
    expect(found('Custom abcdefgh', 'authorization')).toEqual(['authorization']);
  });
});

describe('silent on what redaction puts in the place', () => {
  test.each([
    ['password', 'rdx_a1b2c3d4e5f6g7h8i9j0'],
    ['password', '********'],
    ['authorization', 'Bearer rdx_a1b2c3d4e5f6g7h8i9j0'],
    ['authorization', basic('rdx_a1b2c3d4e5f6g7h8i9j0:rdx_a1b2c3d4e5f6g7h8i9j0')],
    ['authorization', `Bearer ${REDACTED_JWT}`],
    ['id_token', REDACTED_JWT],
    ['email', 'u-a1b2c3d4e5f6@redacted.invalid'],
    ['card', '9999 9912 3456 7895'],
    ['card', '9999991234567895'],
    ['iban', 'ZZ68370400440532013000'],
    ['phone', '+999 30 1234 5678'],
    ['ssn', '000-45-6789'],
  ])('%s: %s', (name, value) => {
    expect(found(value, name)).toEqual([]);
  });
});

describe('silent on ordinary text', () => {
  test.each([
    ['ts', '1800000000000000'],
    ['id', '0190a0a0-0000-7000-8000-00000000aaaa'],
    ['order', '4111111111111112'],
    ['build', 'v4111111111111111'],
    ['ean', '4071547367372'],
    ['image', 'logo@2x.png'],
    ['zeros', '0000000000000000'],
    ['time', '2026-03-01T10:00:00+0100'],
    ['sum', '1+49301234567'],
    ['text', 'Basic training 2026 is a token gesture, bearer of good news'],
    ['password', ''],
    ['password', 'null'],
    ['password', 'Enter your password'],
    ['passwords', 'hunter2'],
    ['resid', 'abcdef'],
    ['digest', 'DE00370400440532013000'],
    ['part', '123-45-67890'],
  ])('%s: %s', (name, value) => {
    expect(found(value, name)).toEqual([]);
  });
});

test('a real signature is not taken for a token', () => {
  expect([REAL_JWT, REDACTED_JWT].map(isInPlace)).toEqual([false, true]);
});

test.each([
  'a'.repeat(200_000),
  '1'.repeat(200_000),
  '+1 '.repeat(60_000),
  `${'a.'.repeat(90_000)}@`,
  'AB12'.repeat(50_000),
])(
  'no rule takes long on a value made to be slow',
  (value) => {
    expect(found(value, 'x')).toEqual(expect.any(Array));
  },
  5_000,
);
