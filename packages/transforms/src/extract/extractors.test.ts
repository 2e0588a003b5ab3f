// Every extractor on an example, and on what it does not fit: over 400 lines because the tables are long.
import { gzipSync } from 'node:zlib';
import { bodyJson, type HeaderList, storeBody } from '@echoplane/traffic';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { request, response, run } from '../chain.fixture.ts';
import { EXTRACTORS, type Message, TransformState } from '../index.ts';

type Config = { name: string } & Record<string, unknown>;
const HEADERS: HeaderList = [
  ['X-Id', 'one'],
  ['Cookie', 'a=1; sid=x=y; b=2'],
  ['x-id', 'two'],
];
const FORM: HeaderList = [['content-type', 'application/x-www-form-urlencoded']];
const PARTS =
  '--B\r\ncontent-disposition: form-data; name="n"\r\n\r\nv1\r\n--B\r\nContent-Disposition: form-data; name=f; filename=x\r\ncontent-type: a/b\r\n\r\nx\r\ny\r\n--B--\r\n';
const MULTIPART: HeaderList = [['Content-Type', 'multipart/form-data; boundary=B']];
const part = (text: string) => Buffer.from(text).toString('base64url');
const TOKEN = `${part('{"alg":"none"}')}.${part('{"sub": "ann","n":1}')}.sig`;
const line = { headers: HEADERS, target: '/a%20b/c?q=1&t=2026-03-01T10:00:00%2B01:00&q=x+y' };
const set: HeaderList = [
  ['Set-Cookie', 'a=1; Path=/'],
  ['set-cookie', 'sid=old; HttpOnly'],
];
/** Field 1: message {1: "ann", 2: varint 150}; field 2: double 0.5. */
const PROTO = Buffer.from('0a080a03616e6e10960111000000000000e03f', 'hex');
const frame = (message: Buffer, flag = 0) =>
  Buffer.concat([Buffer.from([flag, 0, 0, 0, message.length]), message]);
const grpc = request(Buffer.concat([frame(PROTO), frame(Buffer.from('0a0178', 'hex'))]));

const PLACES: [
  what: string,
  extract: Config,
  message: Message,
  before: string,
  after: string,
  where: (message: Message) => unknown,
  is: unknown,
][] = [
  ['body', { name: 'body' }, request('x'), 'x', 'new', (m) => m.request.body.text, 'new'],
  [
    'response body',
    { name: 'body', of: 'response' },
    response('x'),
    'x',
    'new',
    (m) => m.response!.body.text,
    'new',
  ],
  [
    'header',
    { name: 'header', header: 'X-ID' },
    request('', line),
    'one',
    'new',
    (m) => m.request.headers[0],
    ['X-Id', 'new'],
  ],
  [
    'the second header',
    { name: 'header', header: 'x-id', index: 1 },
    request('', line),
    'two',
    'new',
    (m) => m.request.headers[2],
    ['x-id', 'new'],
  ],
  [
    'a header that is added',
    { name: 'header', header: 'X-New', create: true },
    request(),
    '',
    'new',
    (m) => m.request.headers,
    [['X-New', 'new']],
  ],
  [
    'trailer',
    { name: 'trailer', trailer: 't', create: true },
    request(),
    '',
    'new',
    (m) => m.request.trailers,
    [['t', 'new']],
  ],
  [
    'cookie',
    { name: 'cookie', cookie: 'sid' },
    request('', line),
    'x=y',
    'new',
    (m) => m.request.headers[1]![1],
    'a=1; sid=new; b=2',
  ],
  [
    'Set-Cookie',
    { name: 'cookie', cookie: 'sid', of: 'response' },
    response('', { headers: set }),
    'old',
    'new',
    (m) => m.response!.headers[1]![1],
    'sid=new; HttpOnly',
  ],
  [
    'query',
    { name: 'query', parameter: 't' },
    request('', line),
    '2026-03-01T10:00:00+01:00',
    'a:b+c',
    (m) => m.request.target,
    '/a%20b/c?q=1&t=a:b%2Bc&q=x+y',
  ],
  [
    'the second of a query',
    { name: 'query', parameter: 'q', index: 1 },
    request('', line),
    'x y',
    'z z',
    (m) => m.request.target.slice(-6),
    '&q=z+z',
  ],
  [
    'a query parameter that is added',
    { name: 'query', parameter: 'n', create: true },
    request(),
    '',
    'a b',
    (m) => m.request.target,
    '/?n=a%20b',
  ],
  ['url', { name: 'url' }, request('', line), line.target, '/x?y', (m) => m.request.target, '/x?y'],
  [
    'path',
    { name: 'url', part: 'path' },
    request('', { target: '/a?b' }),
    '/a',
    '/x',
    (m) => m.request.target,
    '/x?b',
  ],
  [
    'whole query',
    { name: 'url', part: 'query' },
    request('', { target: '/a?b' }),
    'b',
    'c=1',
    (m) => m.request.target,
    '/a?c=1',
  ],
  [
    'segment',
    { name: 'url', segment: 0 },
    request('', line),
    'a b',
    'x/y',
    (m) => m.request.target.slice(0, 7),
    '/x%2Fy/',
  ],
  ['method', { name: 'method' }, request(), 'POST', 'PUT', (m) => m.request.method, 'PUT'],
  ['status', { name: 'status' }, response(''), '200', '503', (m) => m.response!.status, 503],
  ['scheme', { name: 'scheme' }, request(), 'http', 'https', (m) => m.request.scheme, 'https'],
  ['host', { name: 'host' }, request(), 'shop.test', 'x.test', (m) => m.request.host, 'x.test:8080'],
  ['port', { name: 'port' }, request(), '8080', '90', (m) => m.request.host, 'shop.test:90'],
  ['latency', { name: 'latency' }, { ...request(), latencyUs: 1500 }, '1.5ms', '2s', (m) => m.latencyUs, 2e6],
  ['session', { name: 'session' }, { ...request(), session: 's1' }, 's1', 's2', (m) => m.session, 's2'],
  [
    'form',
    { name: 'form', field: 'b' },
    request('a=1&b=x%20y&c=', { headers: FORM }),
    'x y',
    'z&',
    (m) => m.request.body.text,
    'a=1&b=z%26&c=',
  ],
  [
    'multipart',
    { name: 'multipart', part: 'f' },
    request(PARTS, { headers: MULTIPART }),
    'x\r\ny',
    'new',
    (m) => m.request.body.text,
    PARTS.replace('x\r\ny', 'new'),
  ],
  [
    'GraphQL variable',
    { name: 'graphql', variable: 'in.mail' },
    request('{"query":"q","variables":{"in":{"mail":"x"}}}'),
    'x',
    'new',
    (m) => bodyJson(m.request.body),
    { query: 'q', variables: { in: { mail: 'new' } } },
  ],
  [
    'GraphQL operation',
    { name: 'graphql' },
    request('{"operationName":"O"}'),
    'O',
    'P',
    (m) => bodyJson(m.request.body),
    { operationName: 'P' },
  ],
  [
    'gRPC text',
    { name: 'grpc', field: '1.1' },
    grpc,
    'ann',
    'robert',
    (m) =>
      Buffer.from(
        m.request.body.base64 ?? m.request.body.text!,
        m.request.body.base64 ? 'base64' : 'utf8',
      ).toString('hex'),
    '00000000160a0b0a06726f6265727410960111000000000000e03f00000000030a0178',
  ],
  [
    'gRPC integer',
    { name: 'grpc', field: '1.2' },
    grpc,
    '150',
    '1',
    (m) =>
      Buffer.from(
        m.request.body.base64 ?? m.request.body.text!,
        m.request.body.base64 ? 'base64' : 'utf8',
      ).toString('hex'),
    '00000000120a070a03616e6e100111000000000000e03f00000000030a0178',
  ],
  [
    'gRPC, the second message',
    { name: 'grpc', field: '1', message: 1 },
    grpc,
    'x',
    'yz',
    (m) =>
      Buffer.from(m.request.body.base64 ?? m.request.body.text!, m.request.body.base64 ? 'base64' : 'utf8')
        .toString('hex')
        .slice(-18),
    '00000000040a02797a',
  ],
  [
    'pair: body',
    { name: 'pair', path: 'request.body.items[1].id' },
    request('{"items":[{"id":1},{"id":2}]}'),
    '2',
    '3',
    (m) => bodyJson(m.request.body),
    { items: [{ id: 1 }, { id: 3 }] },
  ],
  [
    'pair: form',
    { name: 'pair', path: 'request.body.b' },
    request('a=1&b=x', { headers: FORM }),
    'x',
    'y',
    (m) => m.request.body.text,
    'a=1&b=y',
  ],
  [
    'pair: path',
    { name: 'pair', path: 'request.path[1]' },
    request('', line),
    'c',
    'd',
    (m) => m.request.target.slice(0, 8),
    '/a%20b/d',
  ],
  [
    'pair: a piece',
    { name: 'pair', path: 'response.header.location#2' },
    response('', { headers: [['Location', 'http://h/o/17?x=1']] }),
    'o',
    'p',
    (m) => m.response!.headers,
    [['Location', 'http://h/p/17?x=1']],
  ],
  [
    'pair: a claim',
    { name: 'pair', path: 'request.header.authorization.jwt.claims.sub' },
    request('', { headers: [['Authorization', `Bearer ${TOKEN}`]] }),
    'ann',
    'bob',
    (m) => atob(m.request.headers[0]![1].split('.')[1]!),
    '{"sub": "bob","n":1}',
  ],
  [
    'pair: a claim, as leaves name it',
    { name: 'pair', path: 'request.header.authorization#1!jwt.sub' },
    request('', { headers: [['Authorization', `Bearer ${TOKEN}`]] }),
    'ann',
    'bob',
    (m) => atob(m.request.headers[0]![1].split('.')[1]!),
    '{"sub": "bob","n":1}',
  ],
  [
    'pair: cookie',
    { name: 'pair', path: 'request.cookie.sid' },
    request('', line),
    'x=y',
    'z',
    (m) => m.request.headers[1]![1],
    'a=1; sid=z; b=2',
  ],
];

describe('each extractor reads its place and writes it back', () => {
  test.each(PLACES)('%s', (_, extract, message, before, after, where, is) => {
    const result = run(
      [
        {
          extract,
          strict: true,
          functions: [
            { name: 'var-store', variable: 'v' },
            { name: 'constant', value: after },
          ],
        },
      ],
      message,
    );
    expect(result.findings).toEqual([]);
    expect(result.changes[0]).toMatchObject({ before, after });
    expect(where(result.message)).toEqual(is);
  });

  test.each(PLACES)('%s, unchanged, gives back the very same message', (_, extract, message) => {
    expect(run([{ extract, functions: [] }], message).message).toBe(message);
  });

  test.each(
    PLACES.filter(
      ([, { create, name }]) =>
        !create && !['body', 'url', 'method', 'scheme', 'host', 'port', 'latency'].includes(name),
    ),
  )('%s, not there, is a finding in a strict chain', (_, extract) => {
    const bare: Message = {
      direction: 'IN',
      request: { method: 'GET', target: '/', headers: [], body: storeBody(Buffer.from(''), '') },
    };
    const result = run([{ extract, functions: [], strict: true }], bare);
    expect(result.findings).toHaveLength(1);
    expect(result.message).toBe(bare);
  });
});

test('every extractor has an example', () => {
  const shown = new Set(PLACES.map(([, { name }]) => name));
  expect(EXTRACTORS.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([
    'variable',
    'file',
    'empty',
  ]);
});

test('variables and files are read; what is made of empty goes nowhere', () => {
  const state = new TransformState();
  const store = { name: 'var-store', variable: 'v' };
  const lookups = { file: (path: string) => (path === '/f' ? 'text' : undefined) };
  run([{ extract: { name: 'file', path: '/f' }, functions: [store] }], request(), { state, lookups });
  const used = run(
    [{ extract: { name: 'variable', variable: 'v' }, functions: [{ name: 'case', to: 'upper' }] }],
    request(),
    { state },
  );
  expect(used.changes).toEqual([{ chain: 'c0', path: 'variable.v', before: 'text', after: 'TEXT' }]);
  expect(state.variable('v')!.value).toBe('TEXT');
  const message = request();
  expect(
    run([{ extract: { name: 'empty' }, functions: [{ name: 'constant', value: 'x' }] }], message).message,
  ).toBe(message);
});

test.each([
  ['header', { name: 'header', header: 'a', create: true }, 'x\r\ny: z', /line break/],
  ['url', { name: 'url' }, '/a b', /blanks/],
  ['method', { name: 'method' }, 'GET /', /no request method/],
  ['scheme', { name: 'scheme' }, 'ftp', /http or https/],
  ['port', { name: 'port' }, '70000', /whole number/],
])('%s refuses what would break the message', (_, extract, value, reason) => {
  const result = run([{ extract, functions: [{ name: 'constant', value }], strict: true }], request());
  expect(result.findings[0]!.reason).toMatch(reason);
});

test('a compressed gRPC message is opened and closed', () => {
  const headers: HeaderList = [['grpc-encoding', 'gzip']];
  const message = request(frame(gzipSync(PROTO), 1), { headers });
  const extract = { name: 'grpc', field: '1.1' };
  const changed = run([{ extract, functions: [{ name: 'case', to: 'upper' }] }], message).message;
  expect(run([{ extract, functions: [{ name: 'trim' }] }], changed).applied).toEqual(['c0']);
  expect(
    run([{ extract, functions: [{ name: 'template', text: '<${{value}}>' }] }], changed).changes[0],
  ).toMatchObject({ before: 'ANN', after: '<ANN>' });
});

test('opening and closing without a change gives back every byte, whatever the body', () => {
  const openers: Config[][] = [
    [{ name: 'json', path: '$..*' }],
    [{ name: 'json', path: '*' }],
    [{ name: 'base64' }],
    [{ name: 'hex' }],
    [{ name: 'url-decode', form: true }],
    [{ name: 'regex', pattern: '[a-z]+', all: true }],
    [{ name: 'split' }],
    [{ name: 'xml', path: '//*', all: true }],
    [{ name: 'base64' }, { name: 'json', path: '*' }],
  ];
  const bodies = fc.oneof(
    fc.jsonValue().map((value) => JSON.stringify(value, null, 1)),
    fc.base64String(),
    fc.string(),
    fc.webUrl(),
    fc.constant('<a b="1">\n<c/></a>'),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
  );
  fc.assert(
    fc.property(bodies, fc.constantFrom(...openers), (body, functions) => {
      const message = request(body);
      expect(run([{ functions }], message).message).toBe(message);
    }),
    { numRuns: 400 },
  );
});
