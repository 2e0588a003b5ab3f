import { describe, expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import {
  DAY_MS,
  differences,
  epochS,
  head,
  http,
  iso,
  json,
  jwt,
  page,
  SHIFT_MS,
} from './shifted-replay.fixture.ts';
import type { AnswerSketch } from './test.fixture.ts';

const [AT, LIVE_AT] = [iso(2), iso(SHIFT_MS + 2)];
const A = '2c5ea4c0-4067-41e9-8bad-9b1deb4d3b7d';
const B = '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11';

const items = (...ids: number[]) => ids.map((id) => ({ id, name: `thing ${id}`, price: id * 10 }));
const bytes = (...of: number[]): AnswerSketch => ({ body: Buffer.from(of), type: 'image/png' });
const grpc = (...message: number[]): AnswerSketch => ({
  body: Buffer.from([0, 0, 0, 0, message.length, ...message]),
  type: 'application/grpc',
});

type Fault = [name: string, recorded: AnswerSketch, live: AnswerSketch, found: string[]];

const FAULTS: Fault[] = [
  ['another status', { ...json({ a: 1 }), status: 201 }, json({ a: 1 }), ['status value']],
  [
    'an error instead of an answer',
    json({ a: 1 }),
    { ...json({ code: 'oops' }), status: 500 },
    ['status value'],
  ],
  // Fields
  ['a missing field', json({ a: 1, b: 2 }), json({ a: 1 }), ['body.b missing']],
  ['a new field', json({ a: 1 }), json({ a: 1, b: 2 }), ['body.b unexpected']],
  [
    'a renamed field',
    json({ userName: 'x' }),
    json({ username: 'x' }),
    ['body.userName missing', 'body.username unexpected'],
  ],
  ['a lost object, once', json({ o: { a: 1, b: { c: 2 } } }), json({}), ['body.o missing']],
  ['null instead of a value', json({ n: 7 }), json({ n: null }), ['body.n type']],
  ['a missing field instead of null', json({ n: null, a: 1 }), json({ a: 1 }), ['body.n missing']],
  [
    'a value instead of null',
    json({ deletedAt: null }),
    json({ deletedAt: LIVE_AT }),
    ['body.deletedAt type'],
  ],
  ['an empty object instead of one', json({ o: { a: 1 } }), json({ o: {} }), ['body.o.a missing']],
  ['an object instead of its id', json({ o: 'x' }), json({ o: { id: 'x' } }), ['body.o type']],
  // Values and types
  ['a changed number', json({ total: 5990 }), json({ total: 3990 }), ['body.total value']],
  ['a number off by one', json({ count: 10 }), json({ count: 11 }), ['body.count value']],
  ['a negated number', json({ balance: 25 }), json({ balance: -25 }), ['body.balance value']],
  ['a number as text', json({ n: 7 }), json({ n: '7' }), ['body.n type']],
  ['a truth as text', json({ ok: true }), json({ ok: 'true' }), ['body.ok type']],
  ['a truth as number', json({ ok: true }), json({ ok: 1 }), ['body.ok type']],
  ['a negated truth', json({ ok: true }), json({ ok: false }), ['body.ok value']],
  ['a word', json({ state: 'paid' }), json({ state: 'open' }), ['body.state value']],
  ['letter case', json({ name: 'Ann' }), json({ name: 'ann' }), ['body.name value']],
  ['blanks around a text', json({ name: 'Ann' }), json({ name: 'Ann ' }), ['body.name value']],
  ['a truncated text', json({ text: 'a long story' }), json({ text: 'a long sto' }), ['body.text value']],
  ['an empty text', json({ text: 'story' }), json({ text: '' }), ['body.text value']],
  ['a rounded price', json({ price: 19.99 }), json({ price: 20 }), ['body.price value']],
  [
    'a price of binary fractions',
    json({ price: 20.01 }),
    json({ price: 20.009999999999998 }),
    ['body.price value'],
  ],
  [
    'a long number that lost digits',
    json('{"id": 12345678901234567890}'),
    json('{"id": 12345678901234567000}'),
    ['body.id value'],
  ],
  ['a wrong encoding', json({ name: 'Zoë' }), json({ name: 'ZoÃ«' }), ['body.name value']],
  ['question marks for letters', json({ name: 'Zoë' }), json({ name: 'Zo?' }), ['body.name value']],
  ['an html entity in JSON', json({ name: 'a & b' }), json({ name: 'a &amp; b' }), ['body.name value']],
  ['an escaped quote twice', json({ name: 'a "b"' }), json({ name: 'a \\"b\\"' }), ['body.name value']],
  ['a uuid that became a word', json({ id: A }), json({ id: 'none' }), ['body.id value']],
  ['an empty uuid', json({ id: A }), json({ id: '00000000-0000-0000-0000-000000000000' }), ['body.id value']],
  [
    'a uuid of another version',
    json({ id: A }),
    json({ id: '018f6b1c-52a0-7d5c-9a55-1f0f0e8f9d11' }),
    ['body.id value'],
  ],
  [
    'the text around a generated value',
    json({ url: `/orders/${A}` }),
    json({ url: `/carts/${B}` }),
    ['body.url value'],
  ],
  [
    'a token of another kind',
    json({ id: 'ch_3kTa91bQ7xZp04LmNoPq21Rs' }),
    json({ id: 'pi_8yTa17bK2xWp94QmRoBq53Zs' }),
    ['body.id value'],
  ],
  // Arrays
  [
    'an array that lost its end',
    json({ l: items(1, 2, 3, 4) }),
    json({ l: items(1, 2) }),
    ['body.l[2] missing'],
  ],
  [
    'an array that lost its beginning',
    json({ l: items(1, 2, 3) }),
    json({ l: items(2, 3) }),
    ['body.l[0] missing'],
  ],
  ['an array that became empty', json({ l: items(1, 2) }), json({ l: [] }), ['body.l[0] missing']],
  ['an array that was empty', json({ l: [] }), json({ l: items(1) }), ['body.l[0] unexpected']],
  [
    'a page off by one',
    json({ l: items(1, 2, 3) }),
    json({ l: items(2, 3, 4) }),
    ['body.l[0] missing', 'body.l[2] unexpected'],
  ],
  ['an element twice', json({ l: items(1, 2, 3) }), json({ l: items(1, 2, 2, 3) }), ['body.l[2] unexpected']],
  ['a reversed order', json({ l: items(1, 2, 3) }), json({ l: items(3, 2, 1) }), ['body.l order']],
  ['two words in another order', json({ tags: ['a', 'b'] }), json({ tags: ['b', 'a'] }), ['body.tags order']],
  [
    'one field of one element',
    json({ l: items(1, 2) }),
    json({ l: [items(1)[0], { id: 2, name: 'thing 2', price: 21 }] }),
    ['body.l[1].price value'],
  ],
  ['an array as its element', json({ l: ['a'] }), json({ l: 'a' }), ['body.l type']],
  // Times
  ['a time an hour off', json({ at: AT }), json({ at: iso(SHIFT_MS + 3_600_000) }), ['body.at value']],
  [
    'a time in another zone’s clock',
    json({ at: AT }),
    json({ at: iso(SHIFT_MS - 7_200_000) }),
    ['body.at value'],
  ],
  ['a clock that stood still', json({ at: AT }), json({ at: iso(100) }), ['body.at value']],
  ['a time that lost its zone', json({ at: AT }), json({ at: LIVE_AT.slice(0, -1) }), ['body.at value']],
  [
    'a time that lost its fractions',
    json({ at: AT }),
    json({ at: LIVE_AT.replace(/\.\d+/, '') }),
    ['body.at value'],
  ],
  [
    'a time with an offset for Z',
    json({ at: AT }),
    json({ at: LIVE_AT.replace('Z', '+00:00') }),
    ['body.at value'],
  ],
  ['a time that became a date', json({ at: AT }), json({ at: LIVE_AT.slice(0, 10) }), ['body.at value']],
  ['an epoch in s for ms', json({ at: epochS(2) * 1000 }), json({ at: epochS(SHIFT_MS) }), ['body.at value']],
  ['an epoch far off', json({ at: epochS(2) }), json({ at: epochS(SHIFT_MS) + 86_400 }), ['body.at value']],
  [
    'an expiry of another length',
    json({ exp: epochS(3_600_000) }),
    json({ exp: epochS(SHIFT_MS + 7_200_000) }),
    ['body.exp value'],
  ],
  [
    'another day',
    json({ day: iso(0).slice(0, 10) }),
    json({ day: iso(SHIFT_MS + DAY_MS).slice(0, 10) }),
    ['body.day value'],
  ],
  ['a birthday off by one', json({ born: '1990-05-01' }), json({ born: '1990-05-02' }), ['body.born value']],
  [
    'an old time that changed',
    json({ since: '2019-05-01T00:00:00Z' }),
    json({ since: '2019-05-02T00:00:00Z' }),
    ['body.since value'],
  ],
  // Tokens
  [
    'another user in a token',
    json({ t: jwt({ sub: 'ann', exp: epochS(60_000) }) }),
    json({ t: jwt({ sub: 'bob', exp: epochS(SHIFT_MS + 60_000) }) }),
    ['body.t!jwt.sub value'],
  ],
  [
    'a token without expiry',
    json({ t: jwt({ sub: 'ann', exp: epochS(60_000) }) }),
    json({ t: jwt({ sub: 'ann' }) }),
    ['body.t!jwt.exp missing'],
  ],
  [
    'another id behind base64',
    json({ id: btoa('Order:17') }),
    json({ id: btoa('Order:18') }),
    ['body.id!b64 value'],
  ],
  // Headers and cookies
  ['a dropped header', head(['X-Region', 'eu']), head(), ['header.x-region missing']],
  ['a new header', head(), head(['X-Debug', '1']), ['header.x-debug unexpected']],
  ['a changed header', head(['X-Region', 'eu']), head(['X-Region', 'us']), ['header.x-region value']],
  [
    'another caching rule, everything else equal',
    head(['Cache-Control', 'no-store']),
    head(['Cache-Control', 'public, max-age=60']),
    ['header.cache-control value'],
  ],
  ['no caching rule', head(['Cache-Control', 'no-store']), head(), ['header.cache-control missing']],
  ['no entity tag', head(['ETag', '"abc123def"']), head(), ['header.etag missing']],
  ['another media type', page('x', 'text/plain'), page('x', 'text/html'), ['header.content-type value']],
  [
    'another charset',
    page('x', 'text/plain; charset=utf-8'),
    page('x', 'text/plain; charset=iso-8859-1'),
    ['header.content-type value'],
  ],
  [
    'another place',
    head(['Location', '/orders/17']),
    head(['Location', '/orders']),
    ['header.location value'],
  ],
  [
    'a missing cookie, once',
    head(['Set-Cookie', 'theme=dark; Path=/; HttpOnly']),
    head(),
    ['cookie.theme missing'],
  ],
  [
    'a cookie for scripts',
    head(['Set-Cookie', 'a=1; Path=/; HttpOnly']),
    head(['Set-Cookie', 'a=1; Path=/']),
    ['cookie.a;httponly missing'],
  ],
  [
    'a cookie without protection',
    head(['Set-Cookie', 'a=1; Secure; SameSite=Strict']),
    head(['Set-Cookie', 'a=1; SameSite=None']),
    ['cookie.a;secure missing', 'cookie.a;samesite value'],
  ],
  [
    'a cookie of another path',
    head(['Set-Cookie', 'a=1; Path=/']),
    head(['Set-Cookie', 'a=1; Path=/api']),
    ['cookie.a;path value'],
  ],
  [
    'a cookie that lives longer',
    head(['Set-Cookie', `a=1; Expires=${http(3_600_000)}`]),
    head(['Set-Cookie', `a=1; Expires=${http(SHIFT_MS + DAY_MS)}`]),
    ['cookie.a;expires value'],
  ],
  [
    'a changed cookie',
    head(['Set-Cookie', 'theme=dark']),
    head(['Set-Cookie', 'theme=light']),
    ['cookie.theme value'],
  ],
  [
    'a gRPC status',
    { body: {}, trailers: [['grpc-status', '0']] },
    { body: {}, trailers: [['grpc-status', '5']] },
    ['trailer.grpc-status value'],
  ],
  [
    'a gRPC call that failed, once',
    {
      ...grpc(8, 5),
      trailers: [
        ['grpc-status', '0'],
        ['grpc-message', ''],
      ],
    },
    {
      type: 'application/grpc',
      headers: [
        ['Content-Type', 'application/grpc'],
        ['grpc-status', '5'],
        ['grpc-message', 'not found'],
      ],
    },
    ['trailer.grpc-status value'],
  ],
  [
    'fewer scopes',
    json({ scope: 'openid profile email' }),
    json({ scope: 'openid profile' }),
    ['body.scope value'],
  ],
  // Generated values that were changed, not made anew
  ['a uuid in capitals', json({ id: A }), json({ id: A.toUpperCase() }), ['body.id value']],
  ['a uuid with another letter', json({ id: A }), json({ id: `f${A.slice(1)}` }), ['body.id value']],
  ['a token cut', json({ id: 'Xk81mQ0zL2pR7a' }), json({ id: 'Xk81mQ0zL2pR7' }), ['body.id value']],
  [
    'an address with another letter',
    json({ to: 'u-4kx8m2p9q1za@redacted.invalid' }),
    json({ to: 'v-4kx8m2p9q1za@redacted.invalid' }),
    ['body.to value'],
  ],
  [
    'rows of one time by another key',
    json([0, 1, 2].map((step) => ({ at: AT, step }))),
    json([2, 0, 1].map((step) => ({ at: LIVE_AT, step }))),
    ['body order'],
  ],
  [
    'rows with one owner turned',
    json(['q', 'c', 'x', 'm'].map((name) => ({ name, owner: A }))),
    json(['m', 'q', 'c', 'x'].map((name) => ({ name, owner: B }))),
    ['body order'],
  ],
  // Other formats
  ['no body', json({ a: 1 }), { headers: [['Content-Type', 'application/json']] }, ['body missing']],
  ['text instead of JSON', json({ a: 1 }), json('oops'), ['body type']],
  ['broken JSON', json({ a: 1 }), json('{"a":1'), ['body type']],
  [
    'an xml attribute',
    page('<o id="1"><i>a</i></o>', 'text/xml'),
    page('<o id="2"><i>a</i></o>', 'text/xml'),
    ['body.o.@id value'],
  ],
  [
    'an xml element',
    page('<o><i>a</i><i>b</i></o>', 'text/xml'),
    page('<o><i>a</i></o>', 'text/xml'),
    ['body.o.i[1] missing'],
  ],
  [
    'xml escaped twice',
    page('<o>a &amp; b</o>', 'text/xml'),
    page('<o>a &amp;amp; b</o>', 'text/xml'),
    ['body.o value'],
  ],
  [
    'the namespace of xml',
    page('<o xmlns="urn:a">x</o>', 'text/xml'),
    page('<o xmlns="urn:b">x</o>', 'text/xml'),
    ['body.o.@xmlns value'],
  ],
  ['an html entity', page('<p>\na &amp; b\n</p>'), page('<p>\na & b\n</p>'), ['body[1] value']],
  ['a line of text lost', page('a\nb\nc', 'text/plain'), page('a\nc', 'text/plain'), ['body[1] missing']],
  [
    'a column of csv',
    page('id,name\n1,ann\n2,bob', 'text/csv'),
    page('id,name\n1,ann\n2,bo', 'text/csv'),
    ['body[2] value'],
  ],
  [
    'a line of NDJSON',
    page('{"a":1}\n{"a":2}', 'application/x-ndjson'),
    page('{"a":1}\n{"a":3}', 'application/x-ndjson'),
    ['body[1].a value'],
  ],
  [
    'an event',
    page('data: {"n":1}\n\ndata: {"n":2}\n\n', 'text/event-stream'),
    page('data: {"n":1}\n\n', 'text/event-stream'),
    ['body[1] missing'],
  ],
  [
    'a field of a form',
    page('a=1&b=2', 'application/x-www-form-urlencoded'),
    page('a=1&b=3', 'application/x-www-form-urlencoded'),
    ['body.b value'],
  ],
  ['bytes', bytes(255, 216, 1), bytes(255, 216, 2), ['body value']],
  ['a field of a message', grpc(8, 5, 18, 2, 104, 105), grpc(8, 6, 18, 2, 104, 105), ['body[0].1 value']],
  ['a nested field of a message', grpc(10, 4, 8, 1, 16, 2), grpc(10, 4, 8, 1, 16, 3), ['body[0].1.2 value']],
];

describe('a seeded fault is found where it is, and nothing else:', () => {
  test.each(FAULTS)('%s', (_name, recorded, live, found) => {
    expect(differences(recorded, live, new LiveValues(new Map()))).toEqual(found);
  });
});
