// What the scanner finds and what it leaves alone, one table a detector, and where values may stand.
import { describe, expect, test } from 'vitest';
import { SECRET_KINDS } from '../rules-document.ts';
import { HITS, MISSES } from './detector-tables.fixture.ts';
import { HOSTILE_PIECES } from './hostile-texts.fixture.ts';
import { DETECTOR_VERSION, scan } from './scan.ts';
import { TokenMinter } from './token-minter.ts';

/** Findings as `kind:value`. */
function found(text: string): string[] {
  return scan(text).map(({ start, end, kind }) => `${kind}:${text.slice(start, end)}`);
}

for (const [kind, texts] of Object.entries(HITS)) {
  describe(kind, () => {
    test.each(texts)('%s is found', (text) => {
      expect(found(text)).toEqual([`${kind}:${text}`]);
    });

    test.each(texts)('%s is found wherever words end', (text) => {
      const around = [
        `{"v":"${text}"}`,
        `<v>${text}</v>`,
        `a\n${text}\nb`,
        `see ${text}, please`,
        `x\\n${text}\\n`,
        `("${text}")`,
      ];
      for (const whole of around) expect([whole, found(whole)]).toEqual([whole, [`${kind}:${text}`]]);
    });
  });
}

for (const [name, texts] of Object.entries(MISSES)) {
  test.each(texts)(`${name}: %s`, (text) => {
    for (const whole of [text, `{"v":"${text}"}`, `<v>${text}</v>`, `a\n${text}\nb`]) {
      expect([whole, found(whole)]).toEqual([whole, []]);
    }
  });
}

describe('values with something around them', () => {
  test.each([
    ['postgres://app:s3cr!t@db.internal:5432/shop', ['password:s3cr!t']],
    ['redis://:p@ss@cache:6379', ['password:p@ss']],
    ['https://ops:hunter2@example.com/path?mail=a@b.co', ['password:hunter2', 'email:a@b.co']],
    ['Server=db;Uid=app;Pwd=hunter2;Port=3306', ['password:hunter2']],
    ['host=db user=app password=hunter2 dbname=shop', ['password:hunter2']],
    ['DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=abc123==;', ['password:abc123==']],
    [
      'https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX',
      ['secret:T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX'],
    ],
    ['/users/4111111111111111/cards/123-45-6789', ['card:4111111111111111', 'national-id:123-45-6789']],
    ['/v1/orders/7/4111111111111111/x', ['card:4111111111111111']],
    ['return%2F4111111111111111', ['card:4111111111111111']],
    ['4111 1111 1111 1111 5555 5555 5555 4444', ['card:4111 1111 1111 1111', 'card:5555 5555 5555 4444']],
    ['4111 1111 1111 1111 123 12/28', ['card:4111 1111 1111 1111']],
    ['Order 12 4111 1111 1111 1111.', ['card:4111 1111 1111 1111']],
    ['mail&to=a@b.co&cc=c@d.org', ['email:a@b.co', 'email:c@d.org']],
    ['q%3Djohn%40example.com', ['email:john%40example.com']],
    ['<mailto:a@b.co>.', ['email:a@b.co']],
    ['a@b.co-20261121', ['email:a@b.co']],
    ['DE89 3704 0044 0532 0130 00 BIC', ['iban:DE89 3704 0044 0532 0130 00']],
    ['tel:+49-30-123456', ['phone:+49-30-123456']],
    ['12:30:00 415-555-2671 called', ['phone:415-555-2671']],
    [
      '/files/ghp_aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3/raw',
      ['secret:ghp_aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3'],
    ],
    ['Bearer Zk39sK2lsP0aLs93kdKs', ['secret:Zk39sK2lsP0aLs93kdKs']],
  ])('%s', (text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  const key = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj';

  test.each([
    `-----BEGIN PRIVATE KEY-----\n${key}\n${key}\n-----END PRIVATE KEY-----`,
    `-----BEGIN RSA PRIVATE KEY-----\\n${key}\\n-----END RSA PRIVATE KEY-----`,
    `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n${key}\n-----END RSA PRIVATE KEY-----`,
    `-----BEGIN OPENSSH PRIVATE KEY-----\r\n${key}\r\n-----END OPENSSH PRIVATE KEY-----`,
    `-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n${key}\n=AbCd\n-----END PGP PRIVATE KEY BLOCK-----`,
  ])('a private key is one finding, in many lines or with escaped ones: %s', (text) => {
    expect(found(`{"k":"${text}","n":1}`)).toEqual([`private-key:${text}`]);
  });

  test('a private key whose end is cut off is found as far as it goes', () => {
    const text = `-----BEGIN PRIVATE KEY-----\n${key}`;
    expect(found(text)).toEqual([`private-key:${text}`]);
  });
});

test('what a web framework signed is one value, with what it signed and when', () => {
  const signed =
    'IjhiMjBlYTc0NjFmYjE1NTc4YWE5YTE3N2ZhNDU1NTgwZmY1MjExZWQi.awJAlQ.kT3xW-9vQb1LmZ7rYc0N_d8UeHg';
  for (const text of [signed, `{"result":"${signed}"}`, `value="${signed}"`])
    expect([text, found(text)]).toEqual([text, [`secret:${signed}`]]);
  const name = signed.replace('awJAlQ', 'in-the-middle');
  expect(found(name)).toEqual(['secret:kT3xW-9vQb1LmZ7rYc0N_d8UeHg']);
});

test('a kind that is off is stepped over, the others are found', () => {
  const text = 'a@b.co 4111111111111111';
  expect(scan(text, { off: new Set(['email'] as const) })).toEqual([{ start: 7, end: 23, kind: 'card' }]);
  expect(scan(text, { off: new Set(SECRET_KINDS) })).toHaveLength(0);
});

test('the name before the password of a url is an address itself, or holds some', () => {
  expect(found('https://ann@shop.com:hunter22@db.example')).toEqual([
    'email:ann@shop.com',
    'password:hunter22',
  ]);
  expect(found('://a@aa.com|b@bb.com|:pw|d@cc.com')).toEqual([
    'email:a@aa.com',
    'email:b@bb.com',
    'password:pw|d',
  ]);
});

test('nothing found is always the same empty list', () => {
  expect(scan('nothing here')).toBe(scan('{"n":1}'));
});

test('what was replaced by tokens is not found again', () => {
  const minter = new TokenMinter(new Uint8Array(32).fill(7));
  const values = Object.values(HITS).flat();
  for (const separator of [' ', '\n', '","', ',', '/ ']) {
    let text = values.join(separator);
    for (const { start, end, kind } of [...scan(text)].reverse()) {
      text = text.slice(0, start) + minter.mint(kind, text.slice(start, end)) + text.slice(end);
    }
    expect(found(text)).toEqual([]);
  }
});

test.each(HOSTILE_PIECES)('a long run of %s has nothing in it', (piece) => {
  expect(scan(piece.repeat(Math.ceil((64 << 10) / piece.length)))).toHaveLength(0);
});

test('the version of the detectors is a number to be noted with what they did', () => {
  expect(DETECTOR_VERSION).toBeGreaterThan(0);
});
