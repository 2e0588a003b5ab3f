import { gunzipSync, gzipSync } from 'node:zlib';
import { bodyText, encoded, RRPair, storeBody } from '@echoplane/traffic';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { base64, base64url, field, grpcFrame, jwtOf, redacted, watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';
import { TokenMinter } from './token-minter.ts';

test('what stands beside a secret is seen as it will be beside the token: one pass is enough', () => {
  // A JWT that was damaged: three words between a dot and a plus, of which the last is readable only when it stands alone.
  const words = [
    'eyJwbGFudGVkIjpbeyLDqVwiXFwiOiJwbGFudGVkLnBlc',
    'NvbkBzaG9wLmV4YW1wbGUiLCJ4IHkiOiJleUp3YkdGdWRHVmtJam9pSUNBZ0lDQWdJQ0lzSW5CaFpDSTZJbk52YldVZ2QyOXlaSE1pZlE9PSIsIml0ZW1zIjpmYWxzZSwiYSI6IiAgICB',
    'In0sIiBcIiAgICAgIl0sInBhZCI6InNvbWUgd29yZHMifQ==',
  ];
  const text = JSON.stringify(`${words[0]}.${words[1]}+${words[2]}`);
  const { redactor } = watched();
  const once = redactor.text(text, 'application/json');
  expect(once).not.toBe(text);
  expect(redactor.text(once, 'application/json')).toBe(once);
});

const JWT = jwtOf({
  sub: 'user-17',
  email: 'alice@shop.example',
  name: 'Alice',
  exp: 1_800_000_000,
  roles: ['a'],
});
const BODY = {
  login: { email: 'alice@shop.example', password: 'correct-horse' },
  access_token: JWT,
  card: '4539 1488 0343 6467',
  number: 4539148803436467,
  pin: 4711,
  encoded: base64('{"password":"correct-horse"}'),
  url: 'https://u:correct-horse@h/a?token=correct-horse',
};

function full(): RRPair {
  const pair = sketch();
  pair.request!.url = 'http://shop/u/alice%40shop.example?api_key=correct-horse&q=shoes';
  pair.request!.headers = [
    ['Authorization', `Bearer ${JWT}`],
    ['Proxy-Authorization', `Basic ${base64('alice@shop.example:correct-horse')}`],
    ['Cookie', 'sid=correct-horse; theme=dark'],
    ['Content-Type', 'application/json'],
  ];
  pair.request!.body = storeBody(Buffer.from(JSON.stringify(BODY)), 'identity');
  pair.response!.headers = [
    ['Set-Cookie', 'sid=correct-horse; Path=/; HttpOnly'],
    ['Content-Type', 'application/json'],
  ];
  pair.response!.body = storeBody(gzipSync(JSON.stringify(BODY)), 'gzip');
  pair.messages = [
    { from: 'client', kind: 'text', offsetUs: 0, size: 9, text: 'password=correct-horse and more' },
  ];
  return pair;
}

describe('pair()', () => {
  test('gives a pair of the schema, and changes nothing the second time', () => {
    for (const rules of [{}, { keepLength: true }, { patterns: [{ name: 'words', pattern: '[a-z]{4,}' }] }]) {
      const { redactor, seen } = watched(rules);
      const pair = full();
      redactor.pair(pair);
      const once = structuredClone(pair);
      expect(RRPair.safeParse(pair).error).toBeUndefined();
      const sightings = seen.length;
      redactor.pair(pair);
      expect(pair).toEqual(once);
      expect(seen.length).toBe(sightings);
      watched(rules).redactor.pair(pair);
      expect(pair).toEqual(once);
    }
  });

  test('gives equal values equal tokens in every carrier and coding', () => {
    const { redactor } = watched();
    const token = redactor.text('{"password":"correct-horse"}', 'application/json').slice(13, -2);
    expect(TokenMinter.isToken(token)).toBe(true);
    const pair = full();
    redactor.pair(pair);
    const { request, response } = pair;
    expect(request!.url).toContain(`api_key=${token}&q=shoes`);
    expect(request!.headers[1]![1]).toMatch(/^Basic /);
    expect(Buffer.from(request!.headers[1]![1].slice(6), 'base64').toString()).toMatch(
      new RegExp(`^u-\\w+@redacted\\.example\\.com:${token}$`),
    );
    expect(request!.headers[2]![1]).toBe(`sid=${token}; theme=dark`);
    expect(response!.headers[0]![1]).toBe(`sid=${token}; Path=/; HttpOnly`);
    expect(pair.messages![0]!.text).toBe(`password=${token} and more`);
    const body = JSON.parse(bodyText(request!.body)!) as typeof BODY;
    expect(body.login.password).toBe(token);
    expect(request!.headers[0]![1]).toBe(`Bearer ${body.access_token}`);
    expect(Buffer.from(body.encoded, 'base64').toString()).toBe(`{"password":"${token}"}`);
    expect(body.url).toBe(`https://u:${token}@h/a?token=${token}`);
    expect(redactor.text(`{"token":"${base64('correct-horse-of-many')}"}`, 'application/json')).toContain(
      base64(redactor.text('{"token":"correct-horse-of-many"}', 'application/json').slice(10, -2)),
    );
  });

  test('keeps the header, the times and the shape of a JWT, and marks its signature', () => {
    const [header, claims, signature] = redacted(`{"a":"${JWT}"}`).slice(6, -2).split('.') as [
      string,
      string,
      string,
    ];
    expect(header).toBe(JWT.split('.')[0]);
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toEqual({
      sub: 'user-17',
      email: expect.stringMatching(/^u-\w+@redacted\.example\.com$/),
      name: expect.stringMatching(/^rdx_/),
      exp: 1_800_000_000,
      roles: ['a'],
    });
    expect(signature).toMatch(/^rdx_[a-z0-9]+$/);
    expect(signature).toHaveLength(JWT.split('.')[2]!.length);
  });

  test('writes compressed bodies in their coding again, with the size of the wire', () => {
    const pair = full();
    const { size } = pair.response!.body;
    watched().redactor.pair(pair);
    const { body } = pair.response!;
    expect(gunzipSync(Buffer.from(body.base64!, 'base64')).toString()).toBe(body.decoded);
    expect(body.size).toBe(size);
    expect(body.decoded).toContain('"number":999999');
  });

  test.each(['gzip', 'br', 'zstd', 'deflate', 'gzip, br', 'br, zstd, gzip'])(
    'unfolds again from %s',
    (coding) => {
      const codings = coding.split(', ');
      const pair = sketch();
      const plain = Buffer.from(JSON.stringify(BODY));
      pair.request!.body = storeBody(encoded(plain, codings, plain), coding);
      expect(pair.request!.body.decoded).toBe(plain.toString());
      watched().redactor.pair(pair);
      const { base64: stored, decoded } = pair.request!.body;
      expect(decoded).toContain('rdx_');
      expect(storeBody(Buffer.from(stored!, 'base64'), coding).decoded).toBe(decoded);
    },
  );

  test('takes the lengths of all parents of a protobuf field along', () => {
    const token = (text: string) => watched().redactor.text(text, 'text/plain');
    const mail = 'alice@shop.example';
    const long = `${'words '.repeat(40)}${mail}`;
    const message = (write: (text: string) => string) =>
      Buffer.concat([
        ...[Buffer.from([0x08, 0x96, 0x01]), field(2, write(mail)), Buffer.from([0x1d, 1, 2, 3, 4])],
        field(3, field(1, Buffer.concat([field(1, write(long)), field(200, Buffer.from([0xff]))]))),
        Buffer.concat([Buffer.from([0x23]), field(5, write(mail)), Buffer.from([0x24])]),
      ]);
    const pair = sketch();
    pair.protocol = 'grpc';
    const body = Buffer.concat([grpcFrame(message((text) => text)), grpcFrame(field(1, 'plain'))]);
    pair.request!.body = { size: body.length, encoding: 'identity', base64: base64(body) };
    watched().redactor.pair(pair);
    expect(pair.request!.body.base64).toBe(
      base64(Buffer.concat([grpcFrame(message(token)), grpcFrame(field(1, 'plain'))])),
    );
  });

  test('leaves a body JSON that was stored as JSON', () => {
    const pair = sketch();
    pair.request!.body = storeBody(Buffer.from('{"password":"correct-horse"}'), 'identity');
    watched().redactor.pair(pair);
    expect(pair.request!.body.json).toEqual({ password: expect.stringMatching(/^rdx_/) });
    expect(pair.request!.body.text).toBeUndefined();
  });

  test('leaves what detectors and names say nothing about as it was', () => {
    const word = fc.stringMatching(/^[a-z]{1,9}$/);
    const clean = fc.dictionary(
      word.filter((key) => !/pass|pwd|pin|otp|cv|csc|auth|token|sid|pan|ssn|sess|jwt/.test(key)),
      fc.oneof(word, fc.integer({ min: -9999, max: 9999 }), fc.boolean(), fc.constant(null), fc.array(word)),
    );
    fc.assert(
      fc.property(clean, fc.constantFrom(0, 2), fc.boolean(), (value, indent, isZipped) => {
        const text = JSON.stringify(value, null, indent);
        const pair = sketch();
        pair.request!.url = `http://shop/${Object.keys(value).join('/')}?${Object.keys(value).join('=1&')}`;
        pair.request!.headers = [
          ['Content-Type', 'application/json'],
          ['X-Words', Object.keys(value).join(' ')],
        ];
        pair.request!.body = storeBody(isZipped ? gzipSync(text) : Buffer.from(text), isZipped ? 'gzip' : '');
        pair.response!.headers = [
          ['Content-Type', 'text/plain'],
          ['ETag', '"33a64df551425fcc55e4d42a148795d9f25f89d4"'],
        ];
        pair.response!.body = storeBody(Buffer.from(Object.keys(value).join(' ')), '');
        const before = structuredClone(pair);
        watched().redactor.pair(pair);
        expect(pair).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });

  test('changes nothing when redaction is off', () => {
    const pair = full();
    pair.response!.body = { size: 3, encoding: 'identity', base64: 'AAEC' };
    const before = structuredClone(pair);
    const { redactor, seen } = watched({ enabled: false });
    redactor.pair(pair);
    expect(pair).toEqual(before);
    expect(seen).toEqual([]);
    expect(redactor.text('password=x', '')).toBe('password=x');
  });

  test('notes each place once, at most 200 of them, and counts the rest', () => {
    const pair = sketch();
    const fields = Object.fromEntries(
      Array.from({ length: 250 }, (_, n) => [`f${n}`, { password: `p-${n}` }]),
    );
    pair.request!.body = storeBody(Buffer.from(JSON.stringify({ ...fields, list: ['a@b.example'] })), '');
    pair.request!.url = 'http://shop/?token=correct-horse';
    watched().redactor.pair(pair);
    expect(pair.redactions).toHaveLength(201);
    expect(pair.redactions[0]).toEqual({
      path: 'request.url.query.token',
      kind: 'credential',
      rule: 'key:credential',
    });
    expect(pair.redactions[1]).toEqual({
      path: 'request.body.f0.password',
      kind: 'password',
      rule: 'key:password',
    });
    expect(pair.redactions[200]).toEqual({ path: '52 more', kind: 'more', rule: 'bound' });
  });

  test('names no secret in its notes', () => {
    const pair = sketch();
    pair.request!.body = storeBody(
      Buffer.from('{"alice@shop.example":{"password":"x1"}, bob@shop.example: 1}'),
      '',
    );
    pair.request!.headers = [['Cookie', 'alice@shop.example=1']];
    const { redactor, seen } = watched();
    redactor.pair(pair);
    expect(JSON.stringify([pair, seen])).not.toMatch(/alice|bob/);
  });
});

describe('sealed()', () => {
  test('gets what a request to the service proves itself with, by its token', () => {
    const pair = full();
    const { redactor, sealed } = watched();
    redactor.pair(pair);
    const values = new Map(sealed.map(({ token, value }) => [value, token]));
    expect([...values.keys()]).toEqual(expect.arrayContaining([JWT, 'correct-horse', 'alice@shop.example']));
    expect(values.get(JWT)).toBe(pair.request!.headers[0]![1].slice(7));
    expect(values.get(base64('alice@shop.example:correct-horse'))).toBe(
      pair.request!.headers[1]![1].slice(6),
    );
    expect(values.has('4711')).toBe(false);
  });

  test('gets nothing of responses, nothing of dependencies, no address without a password', () => {
    const { redactor, sealed } = watched();
    const outbound = full();
    outbound.direction = 'OUT';
    redactor.pair(outbound);
    const answer = full();
    answer.request = null;
    redactor.pair(answer);
    const mail = sketch();
    mail.request!.body = storeBody(Buffer.from('{"to":"alice@shop.example"}'), '');
    redactor.pair(mail);
    expect(sealed).toEqual([]);
  });
});

describe('text()', () => {
  test.each([
    [
      'application/json',
      '{"token_type":"bearer","tokens":5120,"max_tokens":4096,"next_page_token":"c-12","password":null}',
    ],
    [
      'application/json',
      '{"secretary":"Bob","passwordless":"yes","pin":12,"phone":"iPhone 15","mobile":true,"pan":"iron"}',
    ],
    ['text/plain', 'The secret: never give up. Your password: see the manual for it. Token: one of many.'],
    ['text/javascript', 'const token = next(); if (a.password == b.password) session = start(token);'],
    ['text/html', '<a href="/login?next=%2Fcart">Forgot password?</a>'],
    [
      'application/json',
      '{"id":"9f1c2d3e-4b5a-4c6d-8e7f-000000000001","at":"2026-11-21T10:15:30Z","n":1800000000000000}',
    ],
  ])('leaves %s alone: %s', (contentType, text) => {
    expect(redacted(text, contentType)).toBe(text);
  });

  test('changes only the stretches it replaces', () => {
    expect(redacted('{ "a" : 1.50e3 ,\n "password":\t"x", "a" : 2, "b":"\\/\\u00e9" }')).toMatch(
      /^\{ "a" : 1\.50e3 ,\n "password":\t"rdx_\w+", "a" : 2, "b":"\\\/\\u00e9" \}$/,
    );
    expect(redacted('a=%7e&password=x+y&b=c+d', 'application/x-www-form-urlencoded')).toMatch(
      /^a=%7e&password=rdx_\w+&b=c\+d$/,
    );
    expect(redacted('{"pin":4711,"password":[123456789012,-17.55,1e3]}')).toMatch(
      /^\{"pin":9999,"password":\[999999\d{6},-99\.99,1e3\]\}$/,
    );
  });

  test('opens what rules name, and leaves what they except', () => {
    const { redactor } = watched({
      keys: ['X-Shop_Thing'],
      keysExcept: ['pass-word'],
      detectorsOff: ['email'],
    });
    expect(
      redactor.text('{"xShopThing":"abc","password":"x","m":"a@b.example"}', 'application/json'),
    ).toMatch(/^\{"xShopThing":"rdx_\w+","password":"x","m":"a@b.example"\}$/);
  });

  test('replaces as a whole what is nested too deep to look into', () => {
    let text = '{"password":"correct-horse-battery"}';
    for (let depth = 0; depth < 8; depth++) text = JSON.stringify({ a: base64url(text) });
    const hidden = redacted(text);
    let inner: string = hidden;
    for (let depth = 0; depth < 12 && inner.startsWith('{'); depth++)
      inner = Buffer.from((JSON.parse(inner) as { a: string }).a, 'base64').toString('latin1');
    expect(inner).not.toContain('correct');
    expect(inner).not.toContain('password');
  });
});

test('sqlBinds() judges binds by their columns and by their shape', () => {
  const { redactor } = watched();
  const [name, password, mail, nothing] = redactor.sqlBinds(
    ['name', 'password', null],
    ['Bob', 'x', 'a@b.example', null],
  );
  expect([name, nothing]).toEqual(['Bob', null]);
  expect(password).toMatch(/^rdx_/);
  expect(mail).toMatch(/@redacted\.example\.com$/);
});
