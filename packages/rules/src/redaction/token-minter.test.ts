// Tokens: their formats, that they are the same for the same value and key, and that nothing finds or replaces them again.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SECRET_KINDS, type SecretKind } from '../rules-document.ts';
import { luhnRemainder, mod97 } from './check-digits.ts';
import { scan } from './scan.ts';
import { TokenMinter } from './token-minter.ts';

const minter = new TokenMinter(new Uint8Array(32).fill(1));
const other = new TokenMinter(new Uint8Array(32).fill(2));
const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END RSA PRIVATE KEY-----';

/** A value of every kind, and the format of its token. */
const FORMATS: readonly (readonly [SecretKind, string, RegExp])[] = [
  ['credential', 'Basic dXNlcjpwYXNz', /^rdx_[a-z0-9]{20}$/],
  ['password', 'x', /^rdx_[a-z0-9]{20}$/],
  ['secret', 'Zk39sK2lsP0aLs93kdKs', /^rdx_(?=.*\d)[a-z0-9]{20}$/],
  ['pattern', 'anything', /^rdx_[a-z0-9]{20}$/],
  ['jwt', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x', /^rdx_[a-z0-9]{20}$/],
  ['email', 'john@example.com', /^u-[a-z0-9]{12}@redacted\.example\.com$/],
  ['email', 'john%40example.com', /^u-[a-z0-9]{12}%40redacted\.example\.com$/],
  ['card', '4111 1111 1111 1111', /^9999 99\d\d \d{4} \d{4}$/],
  ['card', '378282246310005', /^999999\d{9}$/],
  ['card', 'no card', /^rdx_/],
  ['iban', 'DE89370400440532013000', /^ZZ\d{20}$/],
  ['iban', 'GB29 NWBK 6016 1331 9268 19', /^ZZ\d\d \d{4} \d{4} \d{4} \d{4} \d\d$/],
  ['iban', 'none', /^rdx_/],
  ['phone', '+49 151 23456789', /^\+999\d{3} \d{8}$/],
  ['phone', '(555) 234-5678', /^\+999\d \d{3}-\d{4}$/],
  ['phone', '%2B4915123456789', /^%2B999\d{10}$/],
  ['phone', '123', /^rdx_/],
  ['national-id', '123-45-6789', /^000-\d\d-\d{4}$/],
  ['national-id', '12345678Z', /^rdx_/],
  ['private-key', PEM, /^-----BEGIN RSA PRIVATE KEY-----\nrdx_[a-z0-9]{20}\n-----END RSA PRIVATE KEY-----$/],
  [
    'private-key',
    PEM.replaceAll('\n', '\\n'),
    /^-----BEGIN RSA PRIVATE KEY-----\\nrdx_[a-z0-9]{20}\\n-----END/,
  ],
  ['private-key', 'MIIEvQIBADANBgkq', /^rdx_/],
];

describe.each(FORMATS)('%s %s', (kind, value, format) => {
  const token = minter.mint(kind, value);

  test('has the format of its kind', () => {
    expect(token).toMatch(format);
  });

  test('is the same for the same value and key only', () => {
    expect(new TokenMinter(new Uint8Array(32).fill(1)).mint(kind, value)).toBe(token);
    expect(other.mint(kind, value)).not.toBe(token);
    expect(minter.mint(kind, `${value.slice(0, -1)}?`)).not.toBe(token);
  });

  test('is known as a token and left as it is, by every key and as every kind', () => {
    expect(TokenMinter.isToken(token)).toBe(true);
    expect(TokenMinter.isToken(value)).toBe(false);
    for (const any of SECRET_KINDS) expect(other.mint(any, token)).toBe(token);
  });

  test('is not found by the detectors, whatever stands around it', () => {
    for (const text of [
      token,
      `"${token}"`,
      `a\\n${token}\\n`,
      `/${token}/`,
      `x=${token};`,
      `1 ${token} 2`,
    ]) {
      expect([text, scan(text)]).toEqual([text, []]);
    }
  });
});

describe('a telephone number of digits alone', () => {
  test.each(['600123456', '0612345678', '6085551023', '491512345678901'])('%s', (value) => {
    const token = minter.mint('phone', value);
    expect(token).toMatch(/^000\d+$/);
    expect(token).toHaveLength(value.length);
    expect(other.mint('phone', value)).not.toBe(token);
    expect(other.mint('phone', token)).toBe(token);
    expect(scan(`"${token}"`)).toEqual([]);
  });

  test('with zeros in front is none of ours but with the right check digit', () => {
    expect(minter.mint('phone', '0001234566')).toBe('0001234566');
    expect(minter.mint('phone', '0001234567')).toMatch(/^000\d{7}$/);
    expect(minter.mint('phone', '0001234567')).not.toBe('0001234567');
  });

  test('is a token as a telephone number only: accounts begin with zeros, too', () => {
    expect(TokenMinter.isToken('000123456789')).toBe(false);
    expect(minter.mint('iban', '000123456789')).toMatch(/^rdx_/);
    expect(minter.mint('password', '000123456789')).toMatch(/^rdx_/);
  });
});

test('tokens of cards pass Luhn and those of accounts their check digits, whatever the value', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^\d{13,19}$/),
      fc.stringMatching(/^[A-Z]{2}\d{13,32}$/),
      (digits, account) => {
        fc.pre(!TokenMinter.isToken(digits) && !TokenMinter.isToken(account));
        const card = minter.mint('card', digits);
        expect([card.length, luhnRemainder(card)]).toEqual([digits.length, 0]);
        const iban = minter.mint('iban', account);
        expect([iban.length, mod97(iban.slice(4) + iban.slice(0, 4))]).toEqual([account.length, 1]);
        expect([...scan(card), ...scan(iban)]).toEqual([]);
      },
    ),
  );
});

test('what differs in its writing only is the same value', () => {
  const card = minter.mint('card', '4111111111111111');
  expect(minter.mint('card', '4111-1111 1111 1111').replace(/\D/g, '')).toBe(card);
  expect(minter.mint('email', 'John@Example.com')).toBe(minter.mint('email', 'john@example.com'));
  expect(minter.mint('email', 'john%40example.com').replace('%40', '@')).toBe(
    minter.mint('email', 'john@example.com'),
  );
  expect(minter.mint('iban', 'DE89 3704 0044 0532 0130 00').replaceAll(' ', '')).toBe(
    minter.mint('iban', 'DE89370400440532013000'),
  );
  expect(minter.mint('credential', 'x')).toBe(minter.mint('secret', 'x'));
});

test('with keepLength tokens of secrets are as long as the value, from eight characters on', () => {
  const keeping = new TokenMinter(new Uint8Array(32), { keepLength: true });
  for (const length of [8, 9, 24, 40, 300, 8_192]) {
    const token = keeping.mint('secret', 'S'.repeat(length));
    expect(token).toHaveLength(length);
    expect(TokenMinter.isToken(token)).toBe(true);
    expect(scan(token)).toEqual([]);
  }
  expect(keeping.mint('secret', 'seven77')).toHaveLength(24);
  expect(keeping.mint('secret', 'S'.repeat(10_000))).toHaveLength(8_192);
});

test('a JWT with a minted signature is a token, and found no more', () => {
  const signature = minter.signature('dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U', 43);
  const token = `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.${signature}`;
  expect(signature).toHaveLength(43);
  expect(TokenMinter.isToken(token)).toBe(true);
  expect(scan(`Bearer ${token}`)).toEqual([]);
});

test.each([
  '',
  'rdx_',
  'rdx_ABCD',
  'xrdx_abcd1',
  'u-x@redacted.example.com',
  '9999',
  '+49 151 23456789',
  '123-45-6789',
  '9999991',
])('no token: "%s"', (value) => {
  expect(TokenMinter.isToken(value)).toBe(false);
});

test('mail tokens of older recordings are tokens, and their own', () => {
  const older = 'u-a1b2c3d4e5f6@redacted.invalid';
  expect(TokenMinter.isToken(older)).toBe(true);
  expect(minter.mint('email', older)).toBe(older);
});

test('no more than ten thousand values are remembered, none of more than a thousand characters', () => {
  const small = new TokenMinter(new Uint8Array(32));
  const first = small.mint('secret', 'value 0');
  for (let index = 1; index < 10_050; index++) small.mint('secret', `value ${index}`);
  expect(small.remembered).toBe(10_000);
  expect(small.mint('secret', 'value 0')).toBe(first);
  const empty = new TokenMinter(new Uint8Array(32));
  empty.mint('secret', 'v'.repeat(1_025));
  expect(empty.remembered).toBe(0);
});
