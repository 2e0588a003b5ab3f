import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { defaultRules, Redactor } from '@echoplane/rules';
import type { RRPair } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { ARRIVAL, capturedPair, idOf, messageOf } from '../captured.fixture.ts';
import { decodePair } from '../intake/decode-pair.ts';
import { scanFrame } from './guard-scan.ts';

const ALL = { enabled: true, detectorsOff: [], keysExcept: [] };
const TOKEN = 'rdx_a1b2c3d4e5f6g7h8i9j0';
/** Put together, so that no scanner takes this file for a leak. */
const GITHUB = ['ghp', 'wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx'].join('_');
const EMAIL = 'ann@example.com';
const pem = (body: string) => `-----BEGIN RSA PRIVATE KEY-----\n${body}\n-----END RSA PRIVATE KEY-----`;
const claims = (email: string) => Buffer.from(JSON.stringify({ sub: '1', email })).toString('base64url');
const jwt = (email: string) => {
  const signature =
    email === EMAIL ? 'dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U' : `${TOKEN}${'a'.repeat(19)}`;
  return `eyJhbGciOiJIUzI1NiJ9.${claims(email)}.${signature}`;
};

interface Parts {
  target?: string;
  headers?: string;
  body?: unknown;
  response?: Buffer;
  coding?: string;
}

/** The NDJSON line of a pair that holds this. */
function line(
  n: number,
  { target = '/a', headers = '', body, response, coding = 'identity' }: Parts,
  redact?: (pair: RRPair) => void,
): string {
  const text = body === undefined ? '' : JSON.stringify(body);
  const request = messageOf(`POST ${target} HTTP/1.1\r\nHost: shop\r\n${headers}\r\n`, text);
  const answer = messageOf(`HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\n\r\n`, response ?? '');
  const captured = capturedPair(n, { request, response: answer });
  const pair = decodePair(
    captured,
    { ...ARRIVAL, digest: () => 'd1gest' },
    { leftBytes: redact ? 1 << 20 : 0 },
  )!;
  redact?.(pair);
  return `${JSON.stringify(pair)}\n`;
}

/** Each carrier with something to hide in it: once as it was, once as redaction leaves it. */
const CARRIERS: [name: string, rule: string, leaked: Parts, redacted: Parts][] = (
  [
    ['header', 'named-secret', (s) => ({ headers: `X-Api-Key: ${s}\r\n` }), 'k3ySecret99', TOKEN],
    [
      'authorization',
      'authorization',
      (s) => ({ headers: `Authorization: Bearer ${s}\r\n` }),
      'Ab1'.repeat(8),
      TOKEN,
    ],
    ['cookie', 'named-secret', (s) => ({ headers: `Cookie: theme=dark; sid=${s}\r\n` }), 'abc123XYZ', TOKEN],
    ['query', 'named-secret', (s) => ({ target: `/a?q=1&access_token=${s}` }), 'abc123XYZ', TOKEN],
    [
      'escaped query',
      'email',
      (s) => ({ target: `/a?to=${encodeURIComponent(s)}` }),
      EMAIL,
      'u-a1b2c3d4e5f6@redacted.invalid',
    ],
    ['json', 'named-secret', (s) => ({ body: { user: { password: s } } }), 'hunter2!', TOKEN],
    ['json number', 'card', (s) => ({ body: { n: Number(s) } }), '4111111111111111', '9999991234567895'],
    ['json key', 'email', (s) => ({ body: { [s]: true } }), EMAIL, 'u-a1b2c3d4e5f6@redacted.invalid'],
    ['list of two', 'email', (s) => ({ body: [s, 'x'] }), EMAIL, 'u-a1b2c3d4e5f6@redacted.invalid'],
    [
      'json in json',
      'card',
      (s) => ({ body: { raw: JSON.stringify({ pan: s }) } }),
      '5500000000000004',
      '9999991234567895',
    ],
    [
      'base64',
      'iban',
      (s) => ({ body: { data: Buffer.from(`account ${s} of ann`).toString('base64') } }),
      'DE89370400440532013000',
      'ZZ68370400440532013000',
    ],
    [
      'jwt claims',
      'email',
      (s) => ({ headers: `X-User: ${jwt(s)}\r\n` }),
      EMAIL,
      'u-a1b2c3d4e5f6@redacted.invalid',
    ],
    [
      'gzip',
      'email',
      (s) => ({ response: gzipSync(`to: ${s}`), coding: 'gzip' }),
      EMAIL,
      'u-a1b2c3d4e5f6@redacted.invalid',
    ],
    [
      'zstd in two frames',
      'email',
      (s) => ({ response: Buffer.concat(['to: ', s].map((part) => zstdCompressSync(part))), coding: 'zstd' }),
      EMAIL,
      'u-a1b2c3d4e5f6@redacted.invalid',
    ],
    [
      'what is said to be zstd and is not',
      'email',
      (s) => ({ response: Buffer.from(`to: ${s}`), coding: 'zstd' }),
      EMAIL,
      'u-a1b2c3d4e5f6@redacted.invalid',
    ],
    [
      'bytes behind a zstd frame',
      'email',
      (s) => ({
        response: Buffer.concat([zstdCompressSync('clean'), Buffer.from(` to: ${s}`)]),
        coding: 'zstd',
      }),
      EMAIL,
      'u-a1b2c3d4e5f6@redacted.invalid',
    ],
    [
      'br',
      'phone',
      (s) => ({ response: brotliCompressSync(`call ${s} today`), coding: 'br' }),
      '+49 30 12345678',
      '+999 30 1234567',
    ],
    [
      'binary',
      'email',
      (s) => ({ response: Buffer.concat([Buffer.from([0, 255, 1]), Buffer.from(s), Buffer.from([0])]) }),
      EMAIL,
      'u-a1b2c3d4e5f6@redacted.invalid',
    ],
    [
      'aws key',
      'secretlint-aws',
      (s) => ({ body: { note: `AWS_SECRET_ACCESS_KEY=${s}` } }),
      'wJalrXUtnFEMI/K7MDENG/bPxRfiCYabcdefgKEY',
      TOKEN,
    ],
    ['github token', 'secretlint-github', (s) => ({ body: { note: s } }), GITHUB, TOKEN],
    [
      'private key',
      'secretlint-privatekey',
      (s) => ({ body: { key: pem(s) } }),
      `MIIEpAIBAAKCAQEA${'aB3/'.repeat(40)}`,
      TOKEN,
    ],
    [
      'connection string',
      'secretlint-database-connection-string',
      (s) => ({ body: { db: `postgres://app:${s}@db.internal.net:5432/shop` } }),
      'S3cretPass9x',
      TOKEN,
    ],
  ] as [string, string, (secret: string) => Parts, string, string][]
).map(([name, rule, carry, secret, token]) => [name, rule, carry(secret), carry(token)]);

describe('scanFrame()', () => {
  test.each(CARRIERS)(
    '%s: the alarm is %s, and silence once it is redacted',
    async (_, rule, leaked, redacted) => {
      const frame = line(1, {}) + line(2, leaked) + line(3, {});
      expect(await scanFrame(frame, ALL)).toContainEqual({ rule, id: idOf(2) });
      expect(await scanFrame(line(1, redacted), ALL)).toEqual([]);
    },
  );

  test.each(CARRIERS)('%s: silent behind the redaction that runs', async (_, __, leaked) => {
    const rules = defaultRules();
    const redactor = new Redactor({
      rules: rules.redaction,
      version: rules.version,
      key: Buffer.alloc(32, 7),
    });
    expect(
      await scanFrame(
        line(1, leaked, (pair) => redactor.pair(pair)),
        rules.redaction,
      ),
    ).toEqual([]);
  });

  test('findings hold no value, and each rule names a pair once', async () => {
    const frame = line(1, { body: { a: EMAIL, b: 'bob@example.com', password: 'hunter2!' } });
    const findings = await scanFrame(frame, ALL);
    expect(findings).toEqual([
      { rule: 'email', id: idOf(1) },
      { rule: 'named-secret', id: idOf(1) },
    ]);
  });

  test('what the rules leave in on purpose raises nothing', async () => {
    const frame = line(1, { body: { a: EMAIL, password: 'hunter2!', key: pem(`MII${'aB3/'.repeat(40)}`) } });
    const expected = {
      enabled: true,
      detectorsOff: ['email', 'private-key'] as const,
      keysExcept: ['pass_word'],
    };
    expect(await scanFrame(frame, { ...expected, detectorsOff: [...expected.detectorsOff] })).toEqual([]);
    expect(await scanFrame(frame, { ...ALL, enabled: false })).toEqual([]);
  });

  test('text cannot switch the guard off', async () => {
    const response = Buffer.from(`# secretlint-disable\n${GITHUB}\n`);
    expect(await scanFrame(line(1, { response }), ALL)).toEqual([{ rule: 'secretlint-github', id: idOf(1) }]);
  });

  test('a line that is no JSON is looked through as it is', async () => {
    expect(await scanFrame(`damaged ${EMAIL}\n`, ALL)).toEqual([{ rule: 'email', id: '' }]);
  });
});
