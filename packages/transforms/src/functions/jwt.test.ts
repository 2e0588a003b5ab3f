import { constants, createPublicKey, generateKeyPairSync, type JsonWebKey, verify } from 'node:crypto';
import { bodyJson, type HeaderList } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { request, response, run, through } from '../chain.fixture.ts';
import { newSigningKey, readToken } from '../index.ts';
import { jwsSignature, keyCache } from './keys.ts';

const KEEP = { iat: 'keep', exp: 'keep', nbf: 'keep' };
const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const token = (header: unknown, claims: unknown) => `${part(header)}.${part(claims)}.c2ln`;
const opened = (made: string) => {
  const { header, claims } = readToken(made);
  return { header: JSON.parse(header), claims: JSON.parse(claims) };
};

// RFC 7515, appendix A.1: HMAC SHA-256.
const A1_KEY =
  '{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}';
const PAYLOAD =
  'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ';
const A1 = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
// RFC 7515, appendix A.2: RSASSA-PKCS1-v1_5 SHA-256.
const A2_KEY = JSON.stringify({
  kty: 'RSA',
  n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
  e: 'AQAB',
  d: 'Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ',
  p: '4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc',
  q: 'uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc',
  dp: 'BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0',
  dq: 'h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU',
  qi: 'IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U',
});
const A2 = `eyJhbGciOiJSUzI1NiJ9.${PAYLOAD}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`;

describe('signatures are those of the RFCs', () => {
  test.each([
    ['RFC 7515 A.1, HS256', A1, A1_KEY],
    ['RFC 7515 A.2, RS256', A2, A2_KEY],
  ])('%s', (_, signed, key) => {
    const broken = `${signed.slice(0, signed.lastIndexOf('.'))}.AAAA`;
    expect(through([{ name: 'jwt-resign', key, ...KEEP }], broken)).toBe(signed);
  });

  test('RFC 8037 A.4, EdDSA', () => {
    const key =
      '{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}';
    const input = 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc';
    expect(jwsSignature('EdDSA', input, key, keyCache())).toBe(
      'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
    );
  });
});

const RSA = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey;

describe('every algorithm signs what its public key verifies', () => {
  test.each(['RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'])(
    '%s',
    (alg) => {
      const key = /^[RP]S/.test(alg) ? RSA : newSigningKey(alg);
      const made = through(
        [{ name: 'jwt-resign', key, alg }],
        token({ alg: 'RS256', typ: 'JWT' }, { sub: 'a' }),
      ) as string;
      const [header, claims, signature] = made.split('.') as [string, string, string];
      const options = {
        ...{ key: createPublicKey(key), dsaEncoding: 'ieee-p1363' as const },
        ...(alg.startsWith('PS')
          ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
          : {}),
      };
      const digest = alg === 'EdDSA' ? null : `sha${alg.slice(2)}`;
      expect(
        verify(digest, Buffer.from(`${header}.${claims}`), options, Buffer.from(signature, 'base64url')),
      ).toBe(true);
      expect(opened(made).header).toEqual({ alg, typ: 'JWT' });
    },
  );

  test.each([
    ['a key of another kind', RSA, 'ES256'],
    ['no key', 'secret', 'RS256'],
    ['no algorithm', 'secret', 'none'],
  ])('%s is a miss', (_, key, alg) => {
    expect(() => through([{ name: 'jwt-resign', key }], token({ alg }, {}))).toThrow(/key|algorithm/);
  });
});

test('times move with the recording, claims are set, and the rest of the token stays as it was written', () => {
  const before = `Bearer ${part('{ "alg":"HS256" }')}.${part('{"iat":1772280000, "exp":1772283600.500,"sub":"a","x":[1]}')}.s`;
  const made = through(
    [{ name: 'jwt-resign', key: 'k', kid: 'k1', aud: '${{env:AUD}}', claims: { x: { deep: true } } }],
    before,
    { lookups: { env: () => 'shop' } },
  ) as string;
  expect(made).toMatch(/^Bearer /);
  const { header, claims } = readToken(made);
  expect(header).toBe('{ "alg":"HS256","kid":"k1" }');
  expect(claims).toBe('{"iat":1772283600, "exp":1772287200.500,"sub":"a","x":{"deep":true},"aud":"shop"}');
});

test('times may be set from now, also where the token had none', () => {
  const made = through(
    [{ name: 'jwt-resign', key: 'k', exp: '48h', iat: 'keep' }],
    token({ alg: 'HS256' }, { iat: 5 }),
  ) as string;
  expect(opened(made).claims).toEqual({ iat: 5, exp: 1772366400 + 48 * 3600 });
});

test('jwt opens claims and header and leaves the signature', () => {
  const headers: HeaderList = [['Authorization', `Bearer ${token({ alg: 'none', kid: 'a' }, { sub: 'x' })}`]];
  const extract = { name: 'header', header: 'authorization' };
  const chains = [
    {
      extract,
      functions: [
        { name: 'jwt', path: 'claims.sub' },
        { name: 'constant', value: 'y' },
      ],
    },
    {
      extract,
      functions: [
        { name: 'jwt', path: 'header.kid' },
        { name: 'constant', value: 'b' },
      ],
    },
    {
      extract,
      functions: [
        { name: 'jwt', path: 'claims' },
        { name: 'json-add', path: 'n', value: 1 },
      ],
    },
  ];
  const made = run(chains, request('', { headers })).message.request.headers[0]![1];
  expect(opened(made)).toEqual({ header: { alg: 'none', kid: 'b' }, claims: { sub: 'y', n: 1 } });
  expect(made.endsWith('.c2ln')).toBe(true);
});

test('the keys of a mocked JWKS endpoint are swapped for those that the generator signs with', () => {
  const key = newSigningKey('ES256');
  const lookups = { secret: () => key };
  const config = { key: '${{secret:replay/signing-key}}', alg: 'ES256' };
  const served = response('{ "keys": [{"kid":"other","kty":"oct"}, {"kid":"k1","kty":"RSA"}] }');
  const swapped = run(
    [{ at: 'responder-response', functions: [{ name: 'jwks-swap', kid: 'k1', ...config }] }],
    served,
    { lookups },
  );
  const { text } = swapped.message.response!.body;
  const keys = (JSON.parse(text!) as { keys: (JsonWebKey & { kid: string })[] }).keys;
  expect(keys.map(({ kid, kty }) => [kid, kty])).toEqual([
    ['other', 'oct'],
    ['k1', 'EC'],
  ]);
  expect(JSON.stringify(keys)).not.toContain('"d"');
  const signed = through([{ name: 'jwt-resign', key: config.key }], token({ alg: 'ES256', kid: 'k1' }, {}), {
    lookups,
  }) as string;
  const [header, claims, signature] = signed.split('.') as [string, string, string];
  const verifier = {
    key: createPublicKey({ key: keys[1]!, format: 'jwk' }),
    dsaEncoding: 'ieee-p1363' as const,
  };
  expect(
    verify('sha256', Buffer.from(`${header}.${claims}`), verifier, Buffer.from(signature, 'base64url')),
  ).toBe(true);
  const added = run(
    [{ at: 'responder-response', functions: [{ name: 'jwks-swap', kid: 'new', ...config }] }],
    response('{"keys":[]}'),
    { lookups },
  );
  expect(bodyJson(added.message.response!.body)).toMatchObject({
    keys: [{ kid: 'new', alg: 'ES256', use: 'sig' }],
  });
});
