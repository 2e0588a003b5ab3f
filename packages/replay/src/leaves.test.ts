import type { HeaderList } from '@echoplane/traffic';
import { sketchPair } from '@echoplane/traffic/pair.fixture';
import { describe, expect, test } from 'vitest';
import { leafAt, requestLeaves, responseLeaves, withInnerLeaves } from './leaves.ts';
import { sketchAnswer } from './test.fixture.ts';

const A = '2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d';
const JWT = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from('{"sub":"ann","n":[7]}').toString('base64url')}.c2ln`;

/** `path=value` of the body's leaves; those inside others begin with a dot. */
function bodyLeavesOf(body: unknown, type: string, headers: HeaderList = []): string[] {
  return responseLeaves(sketchAnswer({ body, type, headers }))
    .filter(({ path }) => path.startsWith('body'))
    .map(({ path, value, inner }) => `${inner ? '.' : ''}${path}=${value}`);
}

describe('leaves', () => {
  test('the source of a schema, under the type of its messages, is its text', () => {
    const source = 'syntax = "proto3";\nmessage Item {}';
    expect(bodyLeavesOf(source, 'application/x-protobuf')).toEqual([`body=${source}`]);
  });

  test('of a request name method, path, query, cookies, headers that mean something, and body', () => {
    const { request } = sketchPair({
      method: 'POST',
      requestBody: { a: [{ b: null }], c: {} },
      requestHeaders: [
        ['Host', 'h'],
        ['Cookie', 'sid=1; t=2'],
        ['X-Tenant', 'z'],
      ],
    });
    const leaves = requestLeaves({ ...request!, target: '/a%20b/c?x=1&x=2' }).map(
      ({ path, value }) => `${path}=${value}`,
    );
    expect(leaves).toEqual([
      'method=POST',
      'path[0]=a b',
      'path[1]=c',
      'query.x=1',
      'query.x[1]=2',
      'cookie.sid=1',
      'cookie.t=2',
      'header.x-tenant=z',
      'body.a[0].b=null',
      'body.c={}',
    ]);
  });

  test('of a response address every value, and pieces inside longer ones', () => {
    const response = sketchPair({
      status: 201,
      responseHeaders: [
        ['Location', `/orders/${A}`],
        ['Set-Cookie', 'sid=abc; Path=/'],
      ],
      responseBody: [{ id: A }],
    }).response!;
    expect(responseLeaves(response).map((leaf) => leaf.path)).toEqual([
      'status',
      'cookie.sid',
      'cookie.sid;path',
      'header.location',
      'body[0].id',
    ]);
    expect([
      leafAt(response, 'body[0].id'),
      leafAt(response, 'header.location#1'),
      leafAt(response, 'cookie.sid'),
      leafAt(response, 'body[1].id'),
    ]).toEqual([A, A, 'abc', undefined]);
  });

  test('never give two values one path', () => {
    const response = sketchPair({
      responseHeaders: [
        ['Link', 'a'],
        ['link', 'b'],
      ],
      responseBody: { 'a.b': 1, a: { b: 2 }, '0': 3 },
    }).response!;
    expect(responseLeaves(response).map((leaf) => leaf.path)).toEqual([
      'status',
      'header.link',
      'header.link[1]',
      'body["0"]',
      'body["a.b"]',
      'body.a.b',
    ]);
  });

  test('of bytes are their digest and size, so that a change shows', () => {
    const binary = (bytes: number[]) =>
      responseLeaves({
        status: 200,
        headers: [],
        body: { size: 2, encoding: 'identity', base64: Buffer.from(bytes).toString('base64') },
      })[1]!.value;
    expect(binary([255, 1])).not.toBe(binary([255, 2]));
  });

  test.each([
    [
      'xml',
      'application/xml',
      '<?xml version="1.0"?><o id="7"><i k="a">x &lt; y</i><i><![CDATA[<b>]]></i><e/></o>',
      [
        'body.?xml.@version=1.0',
        'body.o.@id=7',
        'body.o.i[0].@k=a',
        'body.o.i[0].text()=x < y',
        'body.o.i[1]=<b>',
        'body.o.e=',
      ],
    ],
    [
      'xml with a document type, whose entities stand for nothing',
      'text/xml',
      '<!DOCTYPE o [<!ENTITY x SYSTEM "file:///etc/passwd">]><o>&x;</o>',
      ['body.o=&x;'],
    ],
    ['what is no xml', 'text/xml', '<o><i></o>', ['body=<o><i></o>']],
    ['NDJSON', 'application/x-ndjson', '{"a":1}\n{"a":[2]}\n', ['body[0].a=1', 'body[1].a[0]=2']],
    [
      'events',
      'text/event-stream',
      'event: x\nid: 1\ndata: {"a":1}\n\ndata: two\ndata: lines\n\n',
      ['body[0].event=x', 'body[0].id=1', 'body[0].data.a=1', 'body[1].data=two\nlines'],
    ],
    [
      'a form',
      'application/x-www-form-urlencoded',
      'a=1+2&b=%C3%A9&a=3',
      ['body.a=1 2', 'body.b=é', 'body.a[1]=3'],
    ],
    [
      'a page',
      'text/html',
      '<input type="hidden" name="csrf" value="x&amp;y"><input name=q value=1><meta name=csrf-token content=z>',
      [
        'body=<input type="hidden" name="csrf" value="x&amp;y"><input name=q value=1><meta name=csrf-token content=z>',
        '.body.input.csrf=x&y',
        '.body.meta.csrf-token=z',
      ],
    ],
    [
      'parts',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="f.json"\r\nContent-Type: application/json\r\n\r\n{"k":2}\r\n--b--\r\n',
      [
        'body.part.a=1',
        'body.part.f.k=2',
        'body.part.f;filename=f.json',
        'body.part.f;type=application/json',
      ],
    ],
    [
      'a message with what may be text or message',
      'application/grpc',
      Buffer.from([0, 0, 0, 0, 13, 8, 150, 1, 18, 2, 104, 105, 26, 2, 8, 1, 26, 0]),
      ['body[0].1=150', 'body[0].2=hi', 'body[0].3[0].1=1', 'body[0].3[1]='],
    ],
    [
      'what is no message',
      'application/grpc',
      Buffer.from([0, 0, 0, 0, 2, 255, 255]),
      ['body=7 bytes, sha256 '],
    ],
  ])('of %s', (_name, type, body, expected) => {
    expect(bodyLeavesOf(body, type).map((leaf) => leaf.replace(/(sha256 ).*/, '$1'))).toEqual(expected);
  });

  test('of a number that a double does not hold are its digits beside it', () => {
    const [leaf] = responseLeaves(sketchAnswer({ body: '{"id": 12345678901234567890}' })).slice(-1);
    expect(leaf).toEqual({ path: 'body.id', value: 12345678901234567000, source: '12345678901234567890' });
  });

  test('of a compressed body are those of its text', () => {
    const body = { size: 9, encoding: 'gzip', base64: 'H4sI', decoded: '{"a":1}' };
    expect(requestLeaves({ method: 'POST', target: '/', headers: [], body }).at(-1)).toEqual({
      path: 'body.a',
      value: 1,
    });
  });

  test('inside values are claims of tokens and what is behind base64, and are read by their paths', () => {
    const answer = sketchAnswer({
      headers: [
        ['X-Auth', `Bearer ${JWT}`],
        ['Link', `</items?after=${btoa('{"id":"abc","n":1}')}>`],
      ],
      body: { node: btoa('Order:17'), word: 'ordinary' },
    });
    const inner = withInnerLeaves(responseLeaves(answer)).filter((leaf) => leaf.inner);
    expect(inner.map(({ path, value }) => [path, value])).toEqual([
      ['header.x-auth#1!jwt.sub', 'ann'],
      ['header.x-auth#1!jwt.n[0]', 7],
      ['header.link#2!b64.id', 'abc'],
      ['header.link#2!b64.n', 1],
      ['body.node!b64', 'Order:17'],
    ]);
    expect(
      ['header.x-auth#1!jwt.n[0]', 'header.link#2!b64.id', 'body.node!b64#1', 'body.node!jwt.sub'].map(
        (path) => leafAt(answer, path),
      ),
    ).toEqual(['7', 'abc', '17', undefined]);
  });

  test('of a cookie that is set name its attributes', () => {
    const headers: HeaderList = [
      ['Set-Cookie', 'a=1; Path=/; HttpOnly; SameSite=Lax'],
      ['Set-Cookie', 'a=2'],
    ];
    expect(responseLeaves(sketchAnswer({ headers })).map(({ path, value }) => `${path}=${value}`)).toEqual([
      'status=200',
      'cookie.a=1',
      'cookie.a;path=/',
      'cookie.a;httponly=true',
      'cookie.a;samesite=lax',
      'cookie.a[1]=2',
    ]);
  });
});

test.each(['text/html', 'text/html; charset=utf-8', 'text/vnd.turbo-stream.html'])(
  'a page of %s hands on its hidden fields',
  (type) => {
    const page =
      '<turbo-stream><template><input type="hidden" name="token" value="x7"></template></turbo-stream>';
    expect(bodyLeavesOf(page, type)).toEqual([`body=${page}`, '.body.input.token=x7']);
  },
);

test('a hostile document costs no more than its length', () => {
  const deep = '<a>'.repeat(5_000);
  expect(responseLeaves(sketchAnswer({ body: deep, type: 'text/xml' })).at(-1)).toEqual({
    path: 'body',
    value: deep,
  });
  const page = '<input type=hidden name='.repeat(40_000);
  expect(bodyLeavesOf(page, 'text/html')[0]).toBe(`body=${page}`);
  expect(bodyLeavesOf('&'.repeat(50_000), 'application/x-www-form-urlencoded')).toEqual(['body={}']);
});

test('JSON nested too deeply to be walked is a text', () => {
  for (const deep of [
    '['.repeat(20_000) + ']'.repeat(20_000),
    `${'{"a":'.repeat(300)}1234567890123456789${'}'.repeat(300)}`,
  ])
    expect(bodyLeavesOf(deep, 'application/json')).toEqual([`body=${deep}`]);
  const held = `${'['.repeat(200)}1${']'.repeat(200)}`;
  expect(bodyLeavesOf(held, 'application/json')).toEqual([`body${'[0]'.repeat(200)}=1`]);
});
