// Every function on an example, and on what it does not fit: over 400 lines because the tables are long.

import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
} from 'node:zlib';
import { bodyJson } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { context, request, run, through } from '../chain.fixture.ts';
import { FUNCTIONS, seededRandom, TransformState } from '../index.ts';

type Config = { name: string } & Record<string, unknown>;
const NEW: Config = { name: 'constant', value: 'new' };
const UPPER: Config = { name: 'case', to: 'upper' };
const USERS = 'id,name,mail\n1,ann,a@x\n2,bob,b@x\n';
const LOOKUPS = {
  data: (name: string) => (name === 'users' ? USERS : undefined),
  secret: (name: string, key: string) => (name === 's' && key === 'k' ? 'hush-hush' : undefined),
  env: (name: string) => (name === 'HOME' ? '/root' : undefined),
  file: (path: string) => (path === '/t.txt' ? 'from file' : undefined),
};

const EXAMPLES: [what: string, functions: Config[], before: string, after: string][] = [
  ['constant', [NEW], 'old', 'new'],
  [
    'constant keeps a number a number',
    [
      { name: 'json', path: 'n' },
      { name: 'constant', value: '5' },
    ],
    '{"n": 1.50}',
    '{"n": 5}',
  ],
  [
    'constant keeps a text a text',
    [
      { name: 'json', path: 's' },
      { name: 'constant', value: '5' },
    ],
    '{"s":"1"}',
    '{"s":"5"}',
  ],
  [
    'constant writes JSON as what it is',
    [
      { name: 'json', path: 's' },
      { name: 'constant', value: [1] },
    ],
    '{"s":"1"}',
    '{"s":[1]}',
  ],
  ['template', [{ name: 'template', text: '<${{value}}>' }], 'x', '<x>'],
  ['replace, all', [{ name: 'replace', old: 'a', new: '$&' }], 'banana', 'b$&n$&n$&'],
  ['replace, counted', [{ name: 'replace', old: 'a', new: 'o', count: 2 }], 'banana', 'bonona'],
  ['regex, first match', [{ name: 'regex', pattern: '[0-9]+' }, NEW], 'a12b34', 'anewb34'],
  [
    'regex, a group of all',
    [{ name: 'regex', pattern: 'id=([0-9]+)', group: 1, all: true }, NEW],
    'id=1&x=2&id=3',
    'id=new&x=2&id=new',
  ],
  ['regex, beyond the first plane', [{ name: 'regex', pattern: 'b+' }, UPPER], '😀bb😀', '😀BB😀'],
  ['split', [{ name: 'split', separator: ';', index: 1 }, UPPER], 'a;b;c', 'a;B;c'],
  ['split, from the end', [{ name: 'split', index: -1 }, UPPER], 'a,b,c', 'a,b,C'],
  ['trim blanks', [{ name: 'trim' }], '  x ', 'x'],
  ['trim a text', [{ name: 'trim', side: 'left', text: 'Bearer ' }], 'Bearer x', 'x'],
  ['case', [{ name: 'case', to: 'lower' }], 'ÄB', 'äb'],
  ['math on a text', [{ name: 'math', op: 'multiply', by: 2 }], '21', '42'],
  [
    'math on a JSON number',
    [
      { name: 'json', path: 'a.b' },
      { name: 'math', op: 'subtract', by: '0.5', decimals: 2 },
    ],
    '{"a":{"b":1}}',
    '{"a":{"b":0.50}}',
  ],
  [
    'json by RFC 9535',
    [{ name: 'json', path: '$.items[?@.id==2].name' }, UPPER],
    '{"items": [{"id":1,"name":"a"}, {"id":2,"name":"b"}]}',
    '{"items": [{"id":1,"name":"a"}, {"id":2,"name":"B"}]}',
  ],
  [
    'json, every element',
    [
      { name: 'json', path: 'items[].n' },
      { name: 'math', op: 'add', by: 1 },
    ],
    '{"items":[{"n":1},{"m":0},{"n":9}]}',
    '{"items":[{"n":2},{"m":0},{"n":10}]}',
  ],
  [
    'json, the gjson way',
    [{ name: 'json', path: 'a.#.b\\.c' }, UPPER],
    '{"a":[{"b.c":"x"}]}',
    '{"a":[{"b.c":"X"}]}',
  ],
  [
    'json, a key in quotes',
    [{ name: 'json', path: 'a["b.c"]' }, UPPER],
    '{"a":{"b.c":"x"}}',
    '{"a":{"b.c":"X"}}',
  ],
  [
    'json keeps spelling around',
    [{ name: 'json', path: 'b' }, NEW],
    '{ "a" : 1.00,\n "b":"\\u0041", "a":2e3 }',
    '{ "a" : 1.00,\n "b":"new", "a":2e3 }',
  ],
  [
    'json, the last of two equal keys',
    [{ name: 'json', path: 'a' }, UPPER],
    '{"a":"x","a":"y"}',
    '{"a":"x","a":"Y"}',
  ],
  [
    'json creates',
    [{ name: 'json', path: 'a.c', create: true }, NEW],
    '{"a":{"b":1}}',
    '{"a":{"b":1,"c":"new"}}',
  ],
  [
    'json in JSON in a text',
    [{ name: 'json', path: 'p' }, { name: 'json', path: 'q' }, UPPER],
    '{"p":"{\\"q\\": \\"x\\"}"}',
    '{"p":"{\\"q\\": \\"X\\"}"}',
  ],
  [
    'json-select by key',
    [{ name: 'json-select', key: 'id' }, NEW],
    '{"a":{"id":"x"},"id":"y"}',
    '{"a":{"id":"new"},"id":"y"}',
  ],
  [
    'json-select by value, all',
    [
      { name: 'json-select', key: 'id', value: '7', all: true },
      { name: 'math', op: 'add', by: 1 },
    ],
    '[{"id":7},{"id":8},{"id":7}]',
    '[{"id":8},{"id":8},{"id":8}]',
  ],
  [
    'json-select, a level up',
    [{ name: 'json-select', key: 'id', value: '7', levelsUp: 1 }, { name: 'json', path: 'name' }, NEW],
    '[{"id":7,"name":"x"}]',
    '[{"id":7,"name":"new"}]',
  ],
  [
    'json-select, at the top only',
    [{ name: 'json-select', key: 'id', recursive: false }, NEW],
    '{"a":{"id":"x"},"id":"y"}',
    '{"a":{"id":"x"},"id":"new"}',
  ],
  ['json-delete, the first', [{ name: 'json-delete', path: 'a' }], '{ "a":1, "b":2}', '{ "b":2}'],
  ['json-delete, the last', [{ name: 'json-delete', path: 'b' }], '{"a":1 , "b":2 }', '{"a":1  }'],
  ['json-delete, the only one', [{ name: 'json-delete', path: 'a' }], '{"a":1}', '{}'],
  ['json-delete, every element', [{ name: 'json-delete', path: 'x[]' }], '{"x":[1,[2,3],4]}', '{"x":[]}'],
  [
    'json-add a member',
    [{ name: 'json-add', path: 'a.c', value: { d: [1] } }],
    '{"a":{}}',
    '{"a":{"c":{"d":[1]}}}',
  ],
  ['json-add sets what is there', [{ name: 'json-add', path: 'a', value: 'z' }], '{"a": 1}', '{"a": "z"}'],
  ['json-add appends', [{ name: 'json-add', path: 'a[]', value: 3 }], '{"a":[1,2 ]}', '{"a":[1,2,3 ]}'],
  ['base64', [{ name: 'base64' }, UPPER], 'YWI=', 'QUI='],
  [
    'base64, URL-safe, unpadded',
    [{ name: 'base64' }, { name: 'replace', old: 'a', new: 'b' }],
    'Pz8_YQ',
    'Pz8_Yg',
  ],
  [
    'base64 around JSON',
    [{ name: 'base64' }, { name: 'json', path: 'a' }, { name: 'math', op: 'add', by: 1 }],
    btoa('{"a":1}'),
    btoa('{"a":2}'),
  ],
  ['hex', [{ name: 'hex' }, UPPER], '6A6b', '4A4B'],
  ['url-decode', [{ name: 'url-decode' }, { name: 'replace', old: 'a', new: 'ä' }], 'a%2Fb', '%C3%A4%2Fb'],
  ['url-decode of forms', [{ name: 'url-decode', form: true }, UPPER], 'a+b%2B', 'A+B%2B'],
  ['url-encode', [{ name: 'url-encode' }, { name: 'replace', old: '%20', new: '%2F' }], 'a b', 'a/b'],
  [
    'xml, an element',
    [{ name: 'xml', path: '//b' }, UPPER],
    '<?xml version="1.0"?>\n<a><b>x</b><b>y</b></a>\n',
    '<?xml version="1.0"?>\n<a><b>X</b><b>y</b></a>\n',
  ],
  [
    'xml, all attributes',
    [{ name: 'xml', path: '//b/@i', all: true }, UPPER],
    '<a><b i="x"/><b i="y"/></a>',
    '<a><b i="X"/><b i="Y"/></a>',
  ],
  [
    'xml with namespaces',
    [{ name: 'xml', path: '//s:Id', namespaces: { s: 'urn:s' } }, UPPER],
    '<e xmlns="urn:s"><Id>x</Id></e>',
    '<e xmlns="urn:s"><Id>X</Id></e>',
  ],
  ['xml-delete', [{ name: 'xml-delete', path: '//b|//@i' }], '<a i="1"><b>x</b><c/></a>', '<a><c/></a>'],
  [
    'url, the host',
    [{ name: 'url', part: 'host' }, NEW],
    'https://u@a.test:1/p?q=1#f',
    'https://u@new:1/p?q=1#f',
  ],
  [
    'url, a parameter',
    [{ name: 'url', parameter: 'code' }, NEW],
    'https://a.test/cb?state=%7E&code=x%20y',
    'https://a.test/cb?state=%7E&code=new',
  ],
  [
    'date, from recording to now',
    [{ name: 'date' }],
    '2026-03-01T11:00:00.5+01:00',
    '2026-03-01T12:00:00.5+01:00',
  ],
  [
    'date, by an amount, a JSON number',
    [
      { name: 'json', path: 't' },
      { name: 'date', shift: '-1d' },
    ],
    '{"t":1700000000123}',
    '{"t":1699913600123}',
  ],
  [
    'date, now and a bit',
    [{ name: 'date', shift: 'now', plus: '90s' }],
    'Sun, 01 Mar 2026 08:00:00 GMT',
    'Sun, 01 Mar 2026 12:01:30 GMT',
  ],
  [
    'date, a layout of its own',
    [{ name: 'date', layout: 'DD.MM.YYYY HH:mm' }],
    '28.02.2026 23:30',
    '01.03.2026 00:30',
  ],
  ['sleep', [{ name: 'sleep', for: '250ms' }], 'x', 'x'],
  ['csv-lookup', [{ name: 'csv-lookup', data: 'users', field: 'mail' }], '2', 'b@x'],
  ['csv-column', [{ name: 'csv-column', data: 'users', column: 'name' }], '?', 'ann'],
  ['csv-column by number', [{ name: 'csv-column', data: 'users', column: 2 }], '?', 'a@x'],
  ['one-of', [{ name: 'one-of', options: ['p,q', 'r'] }], '?', 'p,q'],
  [
    'variables',
    [{ name: 'var-store', variable: 'v' }, NEW, { name: 'template', text: '${{value}} ${{v}} ${{var:v}}' }],
    'old',
    'new old old',
  ],
  [
    'var-load',
    [{ name: 'var-store', variable: 'v' }, NEW, { name: 'var-load', variable: 'v' }],
    'old',
    'old',
  ],
  [
    'hash',
    [{ name: 'hash', algorithm: 'sha256' }],
    'abc',
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  ],
  // RFC 4231, test case 2.
  [
    'hmac of the value',
    [{ name: 'hmac', key: 'Jefe', of: 'value', prefix: 'sha256=' }],
    'what do ya want for nothing?',
    'sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'basic-auth',
    [{ name: 'basic-auth', password: 'open' }],
    `Basic ${btoa('ann:old')}`,
    `Basic ${btoa('ann:open')}`,
  ],
  [
    'oauth-token in a form',
    [{ name: 'oauth-token', field: 'refresh_token' }, NEW],
    'a=1&refresh_token=x',
    'a=1&refresh_token=new',
  ],
  ['oauth-token in JSON', [{ name: 'oauth-token' }, NEW], '{"access_token": "x"}', '{"access_token": "new"}'],
  [
    'scrub-dates',
    [{ name: 'scrub-dates', except: ['b'] }],
    '{"a":"2026-01-01T00:00:00Z","b":"2026-01-01T00:00:00Z","c":["Sun, 01 Mar 2026 08:00:00 GMT"]}',
    '{"a":"*","b":"2026-01-01T00:00:00Z","c":["*"]}',
  ],
  [
    'embedded values',
    [
      {
        name: 'constant',
        value:
          '${{secret:s/k}} ${{env:HOME}} ${{file:/t.txt}} ${{data:users/1/name}} ${{now:iso}} ${{now:epoch}}',
      },
    ],
    '?',
    'hush-hush /root from file ann 2026-03-01T12:00:00.000Z 1772366400',
  ],
];

describe('each function does what it says', () => {
  test.each(EXAMPLES)('%s', (_, functions, before, after) => {
    expect(through(functions, before, { lookups: LOOKUPS })).toBe(after);
  });
});

const MISSES: [what: string, functions: Config[], body: string, reason: RegExp][] = [
  ['replace', [{ name: 'replace', old: 'z', new: '' }], 'abc', /not there/],
  ['regex', [{ name: 'regex', pattern: 'z' }], 'abc', /nothing matches z/],
  ['split', [{ name: 'split', index: 3 }], 'a,b', /no part 3/],
  ['math', [{ name: 'math', op: 'add', by: 1 }], 'abc', /not a number/],
  ['json of no JSON', [{ name: 'json', path: 'a' }], '{', /not JSON/],
  ['json of nothing there', [{ name: 'json', path: 'a.b' }], '{"a":1}', /nothing at a\.b/],
  [
    'json, a type that would change',
    [{ name: 'json', path: 'a' }, NEW],
    '{"a":1}',
    /a number would become a text/,
  ],
  [
    'json, a truth value',
    [
      { name: 'json', path: 'a' },
      { name: 'constant', value: 'yes' },
    ],
    '{"a":true}',
    /a boolean would become a text/,
  ],
  ['json, an object', [{ name: 'json', path: 'a' }, NEW], '{"a":{}}', /an? object would become a text/],
  ['json-select', [{ name: 'json-select', key: 'z' }], '{"a":1}', /no key z/],
  ['json-delete', [{ name: 'json-delete', path: 'z' }], '{"a":1}', /nothing at z/],
  ['json-add', [{ name: 'json-add', path: 'a.b', value: 1 }], '{"a":1}', /no object or array/],
  ['base64', [{ name: 'base64' }], 'a b', /not base64/],
  ['hex', [{ name: 'hex' }], 'abc', /not hexadecimal/],
  ['gzip', [{ name: 'gzip' }], 'abc', /not gzip/],
  ['deflate', [{ name: 'deflate' }], 'abc', /not deflate/],
  ['br', [{ name: 'br' }], 'abc', /not br/],
  ['url-decode', [{ name: 'url-decode' }], '%zz', /not percent-encoded/],
  ['xml', [{ name: 'xml', path: '//a' }], 'abc', /not XML/],
  ['xml of nothing there', [{ name: 'xml', path: '//z' }], '<a/>', /nothing at/],
  ['xml-delete', [{ name: 'xml-delete', path: '//z' }], '<a/>', /nothing at/],
  ['url', [{ name: 'url', part: 'port' }], 'https://a.test/', /no port/],
  ['date', [{ name: 'date' }], '2026-02-31', /no time/],
  ['csv-lookup', [{ name: 'csv-lookup', data: 'users', field: 'mail' }], '3', /no such row/],
  [
    'csv-column',
    [{ name: 'csv-column', data: 'users', column: 'age' }],
    '?',
    /no column age; it has id, name, mail/,
  ],
  ['csv-column of no data set', [{ name: 'csv-column', data: 'none', column: 0 }], '?', /no data set none/],
  ['var-load', [{ name: 'var-load', variable: 'v' }], '?', /no variable v/],
  ['jwt', [{ name: 'jwt', path: 'claims.exp' }], 'a.b.c', /no JSON Web Token/],
  ['jwt-resign', [{ name: 'jwt-resign', key: 'k' }], 'abc', /no JSON Web Token/],
  ['jwks-swap', [{ name: 'jwks-swap', key: 'k', kid: '1' }], '{}', /no JWKS/],
  ['aws-sign', [{ name: 'aws-sign', accessKeyId: 'a', secretAccessKey: 'b' }], '', /no Signature Version 4/],
  ['basic-auth', [{ name: 'basic-auth', user: 'a' }], 'Bearer x', /no Basic/],
  ['oauth-token', [{ name: 'oauth-token' }], 'a=1', /no access_token/],
  [
    'smart-replace from a recording that is not there',
    [{ name: 'smart-replace', from: 'recording' }],
    'x',
    /no one recorded value/,
  ],
  ['scrub', [{ name: 'scrub' }], '', /empty value/],
  ['scrub-dates', [{ name: 'scrub-dates' }], '{"a":1}', /no times/],
  [
    'an embedded value without a value',
    [{ name: 'constant', value: '${{secret:s/none}}' }],
    '',
    /\$\{\{secret:s\/none\}\} has no value/,
  ],
];

describe('what does not apply is a finding in a strict chain, and changes nothing in another', () => {
  test.each(MISSES)('%s', (_, functions, body, reason) => {
    expect(() => through(functions, body, { lookups: LOOKUPS })).toThrow(reason);
    const message = request(body);
    if (reason.source.includes('become') || reason.source.includes('has no value')) return;
    const result = run([{ functions }], message, { lookups: LOOKUPS });
    expect(result).toMatchObject({ findings: [], missed: ['c0'], applied: [] });
    expect(result.message).toBe(message);
  });
});

test('every function has an example or a test of its own', () => {
  const shown = new Set(EXAMPLES.flatMap(([, functions]) => functions.map(({ name }) => name)));
  const elsewhere = [
    'gzip',
    'deflate',
    'br',
    'random-string',
    'uuid',
    'random-number',
    'jwt',
    'jwt-resign',
    'jwks-swap',
    'aws-sign',
    'smart-replace',
    'smart-replace-csv',
    'tag-session',
    'signature-store',
    'signature-delete',
    'scrub',
  ];
  expect(
    FUNCTIONS.map(({ name }) => name)
      .filter((name) => !shown.has(name))
      .sort(),
  ).toEqual(elsewhere.sort());
});

test.each([
  ['gzip', gzipSync, gunzipSync],
  ['deflate', deflateSync, inflateSync],
  ['br', brotliCompressSync, brotliDecompressSync],
])('%s opens what is compressed and compresses it again', (name, compress, decompress) => {
  const made = through([{ name }, { name: 'json', path: 'a' }, NEW], compress('{"a":"x"}'));
  expect(decompress(made as Buffer).toString()).toBe('{"a":"new"}');
});

test('a body under a content coding is opened and closed by itself', () => {
  const message = request(gzipSync('{"a":"x"}'), {
    headers: [
      ['Content-Encoding', 'gzip'],
      ['content-length', '29'],
    ],
  });
  const { body, headers } = run([{ functions: [{ name: 'json', path: 'a' }, NEW] }], message).message.request;
  expect(gunzipSync(Buffer.from(body.base64!, 'base64')).toString()).toBe('{"a":"new"}');
  expect(headers[1]).toEqual(['content-length', String(body.size)]);
});

test('what is made at random is the same for the same seed, and fits', () => {
  const made = (functions: Config[]) => through(functions, '{"n":1}', { random: seededRandom(3) }) as string;
  expect(made([{ name: 'random-string', pattern: 'ord-[0-9]{6}' }])).toMatch(/^ord-\d{6}$/);
  expect(made([{ name: 'uuid' }])).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect(
    made([
      { name: 'json', path: 'n' },
      { name: 'random-number', from: 5, to: 6, decimals: 2 },
    ]),
  ).toMatch(/^\{"n":[56]\.\d\d\}$/);
  expect(made([{ name: 'constant', value: '${{random:[a-z]{3}}}' }])).toMatch(/^[a-z]{3}$/);
  expect(made([{ name: 'uuid' }])).toBe(made([{ name: 'uuid' }]));
  expect(made([{ name: 'uuid' }])).not.toBe(through([{ name: 'uuid' }], '', { random: seededRandom(4) }));
});

test('one-of and csv-column go on where they were, and share the cursor of the run', () => {
  const shared = new TransformState();
  const users = [new TransformState(shared), new TransformState(shared)];
  const next = (user: number) =>
    through([{ name: 'csv-column', data: 'users', column: 'name' }], '?', {
      lookups: LOOKUPS,
      state: users[user]!,
    });
  expect([next(0), next(1), next(0)]).toEqual(['ann', 'bob', 'ann']);
});

test('smart-replace carries what it learned through this message and later ones', () => {
  const state = new TransformState();
  const told: [string, string][] = [];
  const chain = {
    extract: { name: 'pair', path: 'request.body.user' },
    functions: [{ name: 'constant', value: 'zoe@new.test' }, { name: 'smart-replace' }],
  };
  const headers: [string, string][] = [
    ['X-User', 'ann@old.test'],
    ['Authorization', `Basic ${btoa('ann@old.test:pw')}`],
  ];
  const replaceLive = (recorded: string, live: string) => told.push([recorded, live]);
  const first = run([chain], request('{"user":"ann@old.test","cc":"ann@old.test"}', { headers }), {
    state,
    replaceLive,
  });
  expect(bodyJson(first.message.request.body)).toEqual({ user: 'zoe@new.test', cc: 'zoe@new.test' });
  expect(first.message.request.headers).toEqual([
    ['X-User', 'zoe@new.test'],
    ['Authorization', `Basic ${btoa('zoe@new.test:pw')}`],
  ]);
  expect(told).toEqual([['ann@old.test', 'zoe@new.test']]);
  const later = run([], request(gzipSync('to ann@old.test'), { headers: [['content-encoding', 'gzip']] }), {
    state,
  });
  expect(gunzipSync(Buffer.from(later.message.request.body.base64!, 'base64')).toString()).toBe(
    'to zoe@new.test',
  );
});

test('smart-replace learns from the recorded response of the same place', () => {
  const state = new TransformState();
  const recorded = request('{"id":"recorded-1"}');
  const message = {
    ...recorded,
    response: { status: 200, headers: [], body: { size: 13, encoding: 'identity', text: '{"id":"live-1"}' } },
  };
  const chain = {
    at: 'generator-response',
    functions: [
      { name: 'json', path: 'id' },
      { name: 'smart-replace', from: 'recording' },
    ],
  };
  const recording = {
    request: recorded.request,
    response: { status: 200, headers: [], body: recorded.request.body },
  };
  run([chain], { ...message, recorded: recording }, { state });
  expect(run([], request('', { target: '/x/recorded-1' }), { state }).message.request.target).toBe(
    '/x/live-1',
  );
});

test('smart-replace-csv learns a whole data set', () => {
  const functions = [{ name: 'smart-replace-csv', data: 'users', existing: 'name', new: 'mail' }];
  expect(through(functions, 'ann and bob', { lookups: LOOKUPS })).toBe('a@x and b@x');
});

test('sessions, pauses and keys of the signature are told to the sender', () => {
  const functions = [
    { name: 'tag-session' },
    { name: 'signature-store', key: 'who' },
    { name: 'signature-delete', key: 'body.t' },
    { name: 'sleep', for: '2s' },
  ];
  const result = run([{ at: 'responder-request', functions }], request('ann'), context());
  expect(result).toMatchObject({
    delayUs: 2e6,
    message: { session: 'ann' },
    signature: { set: { who: 'ann' }, delete: ['body.t'] },
  });
});

test('scrub blanks a value everywhere, in its own body too', () => {
  const message = {
    ...request('{"pan":"4111","text":"pan 4111"}', { target: '/p/4111', headers: [['x', '4111']] }),
    response: { status: 200, headers: [], body: { size: 6, encoding: 'identity', text: 'ok 4111' } },
  };
  const { message: made } = run(
    [
      {
        extract: { name: 'body' },
        functions: [
          { name: 'json', path: 'pan' },
          { name: 'scrub', new: 'X' },
        ],
      },
    ],
    message,
  );
  expect(JSON.stringify(made)).not.toContain('4111');
  expect(bodyJson(made.request.body)).toEqual({ pan: 'X', text: 'pan X' });
});
