import { gunzipSync, gzipSync } from 'node:zlib';
import { type Body, type HeaderList, storeBody } from '@echoplane/traffic';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { base64, base64url, jwtOf, watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';
import { isCredentialToken, restoreRequest, restoreResponse, restoreText } from './restore.ts';

const PASSWORD = 'p"a\\ss/w+rd=&é';
const JSON_TYPE: HeaderList = [['content-type', 'application/json']];
const FORM: HeaderList = [['content-type', 'application/x-www-form-urlencoded']];
const NOTHING = storeBody(Buffer.alloc(0), '');

interface Parts {
  target?: string;
  headers?: HeaderList;
  body?: Body;
}

/** The request redacted, restored by what redaction told, and how many tokens stood in between. */
function thereAndBack({ target = '/login', headers = [], body = NOTHING }: Parts) {
  const values = new Map<string, string>();
  const { redactor } = watched({}, { minted: (token, value) => values.set(token, value) });
  const pair = sketch();
  pair.request = {
    method: 'POST',
    url: `http://shop${target}`,
    headers: structuredClone(headers),
    body: { ...body },
  };
  redactor.pair(pair);
  const redacted = { ...pair.request, target: pair.request.url.slice('http://shop'.length) };
  return { redacted, restored: restoreRequest(redacted, (token) => values.get(token)), values };
}

describe('restoreRequest()', () => {
  test.each<[string, Parts]>([
    [
      'JSON',
      {
        headers: JSON_TYPE,
        body: storeBody(Buffer.from(JSON.stringify({ password: PASSWORD, email: 'ann@shop.example' })), '', {
          deferJson: true,
        }),
      },
    ],
    [
      'JSON with blanks',
      {
        headers: JSON_TYPE,
        body: storeBody(Buffer.from(`{ "password" : ${JSON.stringify(PASSWORD)} }`), '', { deferJson: true }),
      },
    ],
    [
      'a form',
      {
        headers: FORM,
        body: storeBody(Buffer.from(`user=ann%40shop.example&password=${encodeURIComponent(PASSWORD)}`), '', {
          deferJson: true,
        }),
      },
    ],
    ['a query', { target: `/login?email=ann%40shop.example&access_token=${encodeURIComponent(PASSWORD)}` }],
    ['Basic', { headers: [['Authorization', `Basic ${base64(`ann@shop.example:${PASSWORD}`)}`]] }],
    ['Basic of a name', { headers: [['Authorization', `Basic ${base64(`ann:${PASSWORD}`)}`]] }],
    ['Bearer', { headers: [['Authorization', `Bearer ${jwtOf({ sub: 'ann@shop.example' })}`]] }],
    ['an API key', { headers: [['X-Api-Key', 'k-0192837465-not-a-word']] }],
    ['cookies', { headers: [['Cookie', 'theme=dark; sid=0a1B2c3D4e5F6g7H8i9J']] }],
    [
      'numbers',
      {
        headers: JSON_TYPE,
        body: storeBody(
          Buffer.from(
            '{"card":"4111 1111 1111 1111","pan":4111111111111111,"iban":"DE89 3704 0044 0532 0130 00","phone":"+49 30 1234567","ssn":"536-22-1234"}',
          ),
          '',
          { deferJson: true },
        ),
      },
    ],
    [
      'a key within base64',
      {
        headers: JSON_TYPE,
        body: storeBody(
          Buffer.from(JSON.stringify({ data: base64('{"password":"correct horse 17"}') })),
          '',
          { deferJson: true },
        ),
      },
    ],
  ])('%s comes back as it was sent', (_name, parts) => {
    const { redacted, restored, values } = thereAndBack(parts);
    expect(values.size).toBeGreaterThan(0);
    expect(JSON.stringify(redacted)).not.toContain(PASSWORD);
    expect(redacted).not.toEqual(restored);
    expect(restored.target).toBe(parts.target ?? '/login');
    expect(restored.headers).toEqual(parts.headers ?? []);
    expect(decodedForm(restored.body, parts)).toEqual(decodedForm(parts.body ?? NOTHING, parts));
  });

  test('a compressed body is restored within its coding', () => {
    const text = JSON.stringify({ password: PASSWORD });
    const body = storeBody(gzipSync(text), 'gzip');
    const { redacted, restored } = thereAndBack({
      headers: [...JSON_TYPE, ['content-encoding', 'gzip']],
      body,
    });
    expect(redacted.body.decoded).not.toContain(JSON.stringify(PASSWORD).slice(1, -1));
    expect(gunzipSync(Buffer.from(restored.body.base64!, 'base64')).toString()).toBe(text);
    expect(restored.body).toMatchObject({ encoding: 'gzip', decoded: text });
    expect(restored.body.size).toBe(Buffer.from(restored.body.base64!, 'base64').length);
  });

  test('what nobody knows stays a token, and a request without tokens stays the same', () => {
    const { redacted } = thereAndBack({
      headers: [['X-Api-Key', 'k-0192837465-not-a-word']],
      target: `/x?email=ann%40shop.example`,
    });
    expect(restoreRequest(redacted, () => undefined)).toEqual(redacted);
    const plain = {
      method: 'GET',
      target: '/v1/users/17',
      headers: JSON_TYPE,
      body: storeBody(Buffer.from('{"a":1}'), ''),
    };
    const known = () => 'never asked';
    expect(restoreRequest(plain, known)).toEqual(plain);
    expect(restoreRequest(plain, known).body).toBe(plain.body);
  });
});

describe('restoreText()', () => {
  const TOKEN = 'rdx_abcdefghijklmnopqrs7';
  const MAIL = 'u-abcdefghijk7@redacted.invalid';
  const JWT = 'eyJhbGciOiJ9.eyJzdWIiOiIxIn0.rdx_a1';
  const known = (token: string) => ({ [TOKEN]: 'value', [MAIL]: 'ann@shop.example', [JWT]: 'a.b.c' })[token];

  test.each([
    [`/users/${MAIL}/keys/${TOKEN}`, '/users/ann@shop.example/keys/value'],
    ['/users/u-abcdefghijk7%40redacted.invalid', '/users/ann@shop.example'],
    [`session-${TOKEN}`, 'session-value'],
    [`${TOKEN}${'x'}`, `${TOKEN}x`],
    [base64(`user:${TOKEN} and more`), base64('user:value and more')],
    [base64url(`>>>?user:${TOKEN}`), base64url('>>>?user:value')],
    ['Bearer%20eyJhbGciOiJ9.eyJzdWIiOiIxIn0.rdx_a1', 'Bearer%20a.b.c'],
    ['no token here, and rdx_ alone is none', 'no token here, and rdx_ alone is none'],
  ])('%s', (text, restored) => {
    expect(restoreText(text, known)).toBe(restored);
  });

  test('a value that looks like a token is not looked up again', () => {
    expect(restoreText(TOKEN, () => `${TOKEN} ${MAIL}`)).toBe(`${TOKEN} ${MAIL}`);
  });

  test('any value in JSON is that value again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const written = (text: string) => JSON.stringify(text).slice(1, -1);
        const restored = restoreText(JSON.stringify({ a: TOKEN }), () => value, written);
        expect(JSON.parse(restored)).toEqual({ a: value });
      }),
    );
  });
});

test('restoreResponse() restores headers, trailers and body', () => {
  const token = 'rdx_abcdefghijklmnopqrs7';
  const response = {
    status: 200,
    headers: [...JSON_TYPE, ['set-cookie', `sid=${token}; Path=/`]] as HeaderList,
    trailers: [['x-key', token]] as HeaderList,
    body: storeBody(Buffer.from(JSON.stringify({ key: token })), ''),
  };
  expect(restoreResponse(response, (asked) => (asked === token ? 'a"b' : undefined))).toMatchObject({
    headers: [
      ['content-type', 'application/json'],
      ['set-cookie', 'sid=a"b; Path=/'],
    ],
    trailers: [['x-key', 'a"b']],
    body: { text: JSON.stringify({ key: 'a"b' }) },
  });
});

test('isCredentialToken() tells credentials from people and numbers', () => {
  expect(['rdx_abcdefghijklmnopqrs7', 'eyJhbGciOiJ9.eyJzdWIiOiIxIn0.rdx_a1'].every(isCredentialToken)).toBe(
    true,
  );
  expect(
    ['u-abcdefghijk7@redacted.invalid', '+999 123456', '9999991234567890', 'word'].some(isCredentialToken),
  ).toBe(false);
});

function decodedForm(body: Body, { headers }: Parts): unknown {
  const text = body.text ?? '';
  return headers === FORM ? Object.fromEntries(new URLSearchParams(text)) : text;
}
