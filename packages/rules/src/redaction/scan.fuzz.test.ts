// The scanner, fuzzed: values made by rule are always found and ids never, wherever they stand; findings of any text are in
// order and in bounds; and what tokens replaced is not found again.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { holds } from '../../../../test/stages/fuzz.ts';
import { luhnRemainder, mod97 } from './check-digits.ts';
import { scan } from './scan.ts';
import { TokenMinter } from './token-minter.ts';

const minter = new TokenMinter(new Uint8Array(32).fill(9));

const digits = (length: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^\\d{${length}}$`));

const card = fc
  .constantFrom(
    ['4', 16],
    ['4', 19],
    ['51', 16],
    ['2221', 16],
    ['34', 15],
    ['37', 15],
    ['36', 14],
    ['6011', 16],
    ['3528', 16],
    ['62', 17],
  )
  .chain(([prefix, length]) =>
    digits(Number(length) - String(prefix).length - 1).map((rest) => String(prefix) + rest),
  )
  .map((body) => body + String((10 - luhnRemainder(`${body}0`)) % 10));

const iban = fc
  .constantFrom(['DE', 22], ['FR', 27], ['NO', 15], ['GB', 22], ['MT', 31])
  .chain(([country, length]) =>
    digits(Number(length) - 4).map((account) => {
      const check = 98 - mod97(`${account}${country}00`);
      return `${country}${String(check).padStart(2, '0')}${account}`;
    }),
  );

const email = fc
  .tuple(
    fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9._+-]{0,20}[a-zA-Z0-9]$/),
    fc.stringMatching(/^[a-z][a-z0-9-]{0,10}[a-z]$/),
    fc.constantFrom('com', 'de', 'co.uk', 'museum'),
  )
  .map(([local, name, top]) => `${local}@${name}.${top}`);

const around = fc.constantFrom(
  ['', ''],
  ['"', '"'],
  ['{"v":"', '"}'],
  ['<v>', '</v>'],
  ['a ', ' b'],
  ['x\n', '\ny'],
  ['\\n', '\\n'],
  ['(', ')'],
  ['/', '/'],
);

/** A whole number of so many digits is a card when its last digit happens to fit: nobody could tell. */
const maybeCard = (text: string) => /(?<![\d.])\d{13,19}(?![\d.])/.test(text);

const id = fc.oneof(
  fc.uuid(),
  fc.ulid(),
  fc.stringMatching(/^(?:[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map(String)
    .filter((text) => !maybeCard(text)),
  fc.integer({ min: -999_999_999_999, max: 999_999_999_999 }).map(String),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.integer({ min: 1_000_000_000_000, max: 1_999_999_999_999 }).map(String),
  fc.bigInt({ min: 1_000_000_000_000_000n, max: 1_999_999_999_999_999n }).map(String),
  fc.ipV4(),
  fc.ipV6(),
  fc.json().filter((text) => !/[@%:]/.test(text) && text.length < 19 && !maybeCard(text)),
);

test('a card, an account and an address are always found, wherever they stand', () => {
  const value = fc.oneof(
    card.map((text) => ['card', text]),
    iban.map((text) => ['iban', text]),
    email.map((text) => ['email', text]),
  );
  holds(
    fc.property(value, around, ([kind, text], [before, after]) => {
      const whole = before + text! + after;
      const [finding, ...others] = scan(whole);
      expect([whole, finding?.kind, others.length]).toEqual([whole, kind, 0]);
      expect(whole.slice(finding!.start, finding!.end)).toBe(text);
    }),
  );
});

test('ids, hashes, numbers, dates and addresses of machines are never found', () => {
  holds(
    fc.property(id, around, (text, [before, after]) => {
      const whole = before + text + after;
      expect([whole, scan(whole)]).toEqual([whole, []]);
    }),
  );
});

/** Pieces of what the detectors look for, in any order. */
const hostileParts = fc.array(
  fc.oneof(
    fc.constantFrom(
      ...'@+-./_~%=:;,"\\ ()\n&?#<>éü用',
      '4111',
      '1111',
      '%40',
      '%2B',
      '://',
      '-----BEGIN ',
      'PRIVATE KEY-----',
      '-----END ',
      'eyJ',
    ),
    fc.constantFrom(
      'DE89',
      'ZZ11',
      '+999',
      'rdx_',
      'sk-',
      'ghp_',
      'password=',
      'Server=db;',
      'base64,',
      'u-',
      '@redacted.example.com',
      '123-45-6789',
      'AB',
      '\\u00e9',
    ),
    fc.stringMatching(/^[A-Za-z0-9+/_-]{1,40}$/),
    card,
    iban,
    email,
    id,
    fc.string({ unit: 'binary', maxLength: 10 }),
  ),
  { maxLength: 40 },
);
const hostile = hostileParts.map((parts) => parts.join(''));
/** The same, one word apart from the next. */
const separate = fc
  .tuple(hostileParts, fc.constantFrom(' ', '\n', '","', ';', '|', ' / ', '\\n', '&', ','))
  .map(([parts, separator]) => parts.join(separator));

test('findings of any text are in order, apart, in bounds and of some length', () => {
  holds(
    fc.property(hostile, (text) => {
      let last = 0;
      for (const { start, end } of scan(text)) {
        if (!(start >= last && end > start && end <= text.length))
          throw new Error(`${last} ${start} ${end}: ${text}`);
        last = end;
      }
    }),
  );
});

test('a text whose findings were replaced by tokens has none any more', () => {
  holds(
    fc.property(separate, (text) => {
      let replaced = text;
      for (const { start, end, kind } of [...scan(text)].reverse()) {
        const token = minter.mint(kind, text.slice(start, end));
        expect(TokenMinter.isToken(token)).toBe(true);
        replaced = replaced.slice(0, start) + token + replaced.slice(end);
      }
      expect([text, replaced, scan(replaced)]).toEqual([text, replaced, []]);
    }),
  );
});
