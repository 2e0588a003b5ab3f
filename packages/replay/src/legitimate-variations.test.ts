import { describe, expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { epochS, head, http, iso, json, jwt, page, replayed, SHIFT_MS } from './shifted-replay.fixture.ts';
import { type AnswerSketch, RECORDED_US } from './test.fixture.ts';

/** Another uuid of version 4 for each number. */
const uuid = (n: number) =>
  `${(n * 0x9e3779b1).toString(16).padStart(8, '0').slice(-8)}-4067-41e9-8bad-9b1deb4d3b${n.toString(16).padStart(2, '0')}`;

type Variation = [
  name: string,
  recorded: AnswerSketch,
  live: AnswerSketch,
  counts: Partial<Record<'strict' | 'time' | 'kind', number>>,
];

const VARIATIONS: Variation[] = [
  ['an equal answer', json({ a: 1, at: iso(-9e12) }), json({ a: 1, at: iso(-9e12) }), { strict: 4 }],
  ['keys in another order', json({ a: 1, b: 2 }), json({ b: 2, a: 1 }), { strict: 4 }],
  ['JSON with blanks', json({ a: [1, 2] }), json('{\n  "a": [ 1, 2 ]\n}'), { strict: 4 }],
  ['1.0 for 1', json({ n: 1 }), json('{"n": 1.0}'), { strict: 3 }],
  ['a new uuid', json({ id: uuid(1) }), json({ id: uuid(2) }), { strict: 2, kind: 1 }],
  [
    'one new uuid in two places',
    json({ id: uuid(1), self: `/o/${uuid(1)}` }),
    json({ id: uuid(2), self: `/o/${uuid(2)}` }),
    { strict: 3, kind: 1 },
  ],
  [
    'a new random id',
    json({ id: 'ch_3kTa91bQ7xZp04LmNoPq21Rs' }),
    json({ id: 'ch_8yTa17bK2xWp94QmRoBq53Zs' }),
    { kind: 1 },
  ],
  [
    'a random id without a digit',
    json({ id: '9f4XkTa91bQ7xZp04LmNo' }),
    json({ id: 'QwErTyUiOpAsDfGhJkLzX' }),
    { kind: 1 },
  ],
  [
    'a hash',
    json({ sum: '9f86d081884c7d659a2feaa0c55ad015' }),
    json({ sum: '1b2cd081884c7d659a2feaa0c55ad9aa' }),
    { kind: 1 },
  ],
  [
    'a password hash',
    json({ hash: '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy' }),
    json({ hash: '$2b$10$Xk1o8uLOickgx2ZMRZoMyeQ8BvfcRl7p92ldGxad68LJZdL17lAbC' }),
    { kind: 1 },
  ],
  ['a short hash', json({ short: '9f86d08' }), json({ short: '1b2c5e4' }), { kind: 1 }],
  ['a time of the request', json({ at: iso(2) }), json({ at: iso(SHIFT_MS + 3) }), { strict: 2, time: 1 }],
  [
    'a time with stripped zeros',
    json({ at: iso(2).replace(/\.\d+Z/, '.123456Z') }),
    json({ at: iso(SHIFT_MS + 3).replace(/\.\d+Z/, '.1234Z') }),
    { time: 1 },
  ],
  [
    'a time with an offset',
    json({ at: iso(2).replace('Z', '+00:00') }),
    json({ at: iso(SHIFT_MS + 3).replace('Z', '+00:00') }),
    { time: 1 },
  ],
  ['an epoch in s', json({ at: epochS(0) }), json({ at: epochS(SHIFT_MS) }), { time: 1 }],
  [
    'an epoch in ms',
    json({ at: RECORDED_US / 1000 + 2 }),
    json({ at: RECORDED_US / 1000 + SHIFT_MS + 3 }),
    { time: 1 },
  ],
  [
    'an epoch in µs',
    json({ at: RECORDED_US + 2_000 }),
    json({ at: RECORDED_US + SHIFT_MS * 1000 + 2_345 }),
    { time: 1 },
  ],
  [
    'an epoch with fractions',
    json({ at: RECORDED_US / 1e6 + 0.002 }),
    json({ at: RECORDED_US / 1e6 + SHIFT_MS / 1000 + 0.003 }),
    { time: 1 },
  ],
  ['an epoch as text', json({ at: String(epochS(0)) }), json({ at: String(epochS(SHIFT_MS)) }), { time: 1 }],
  ['a date of RFC 1123', json({ at: http(0) }), json({ at: http(SHIFT_MS) }), { time: 1 }],
  ['an expiry', json({ exp: epochS(3_600_000) }), json({ exp: epochS(SHIFT_MS + 3_600_000) }), { time: 1 }],
  ['today', json({ day: iso(0).slice(0, 10) }), json({ day: iso(SHIFT_MS).slice(0, 10) }), { time: 1 }],
  [
    'a time within a text',
    json({ note: `paid at ${iso(2)}` }),
    json({ note: `paid at ${iso(SHIFT_MS + 2)}` }),
    { time: 1 },
  ],
  [
    'when the service began',
    json({ started: iso(-30_000) }),
    json({ started: iso(SHIFT_MS - 8_000) }),
    { time: 1 },
  ],
  [
    'sample data of a month ago',
    json({ since: iso(-30 * 86_400_000) }),
    json({ since: iso(SHIFT_MS - 30 * 86_400_000 - 20_000) }),
    { time: 1 },
  ],
  [
    'a new token',
    json({ t: jwt({ sub: 'ann', iat: epochS(0), exp: epochS(60_000), jti: uuid(1) }) }),
    json({
      t: jwt(
        { sub: 'ann', iat: epochS(SHIFT_MS), exp: epochS(SHIFT_MS + 60_000), jti: uuid(2) },
        'YW5vdGhlcnNpZw',
      ),
    }),
    { kind: 1 },
  ],
  [
    'a cursor behind base64',
    json({ next: btoa(JSON.stringify({ id: uuid(1), n: 3 })) }),
    json({ next: btoa(JSON.stringify({ id: uuid(2), n: 3 })) }),
    { kind: 1 },
  ],
  [
    'elements sorted by new uuids',
    json([1, 2, 3, 4].map((n) => ({ id: `${n}${uuid(n).slice(1)}`, name: `n${n}` }))),
    json([3, 1, 4, 2].map((n, i) => ({ id: `${i + 1}${uuid(n + 20).slice(1)}`, name: `n${n}` }))),
    { strict: 6, kind: 4 },
  ],
  [
    'rows of one second',
    json([
      { at: iso(0), n: 1 },
      { at: iso(0), n: 2 },
    ]),
    json([
      { at: iso(SHIFT_MS), n: 2 },
      { at: iso(SHIFT_MS), n: 1 },
    ]),
    { time: 2 },
  ],
  [
    'a counted list whose ties are by uuid',
    json(
      [5, 3, 3, 3, 1].map((likes, n) => ({ likes, node: { id: `${n}${uuid(n).slice(1)}` }, text: `t${n}` })),
    ),
    json(
      [0, 3, 1, 2, 4].map((t, n) => ({
        likes: [5, 3, 3, 3, 1][n],
        node: { id: `${n}${uuid(n + 20).slice(1)}` },
        text: `t${t}`,
      })),
    ),
    { kind: 5 },
  ],
  [
    'a folder named anew at each start',
    page('<link href="/res/dsxz8/a.css">\n<link href="/res/dsxz8/b.css">'),
    page('<link href="/res/0vch8/a.css">\n<link href="/res/0vch8/b.css">'),
    { strict: 3, kind: 1 },
  ],
  [
    'an error id in a text',
    json({ message: "logged (id: 'Z6MGTCRLL6')" }),
    json({ message: "logged (id: '72XZUYWLQB')" }),
    { kind: 1 },
  ],
  [
    'an epoch in a text',
    json({ message: `[parameters: ('a', ${epochS(0)})]` }),
    json({ message: `[parameters: ('a', ${epochS(SHIFT_MS)})]` }),
    { time: 1 },
  ],
  [
    'scopes in another order',
    json({ scope: 'openid profile email' }),
    json({ scope: 'openid email profile' }),
    { strict: 3 },
  ],
  [
    'a lease of 64 bits',
    json({ lease: '7587862094612345678' }),
    json({ lease: '7587862099912345001' }),
    { kind: 1 },
  ],
  ['a request id', head(['X-Request-Id', 'req-1a']), head(['X-Request-Id', 'req-7f']), { kind: 1 }],
  [
    'a trace',
    head(['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01']),
    head(['traceparent', '00-1bf7651916cd43dd8448eb211c80319d-c7ad6b7169203332-01']),
    { kind: 1 },
  ],
  ['a run time', head(['X-Response-Time', '1.23ms']), head(['X-Response-Time', '4.1ms']), { kind: 1 }],
  [
    'what is left of a quota',
    head(['X-RateLimit-Remaining', '99']),
    head(['X-RateLimit-Remaining', '97']),
    { kind: 1 },
  ],
  [
    'an entity tag',
    head(['ETag', 'W/"2-vyGp6PvFo4RvsFtPoIWeCReyIC8"']),
    head(['ETag', 'W/"2-aaaaaaaFo4RvsFtPoIWeCReyIC8"']),
    { kind: 1 },
  ],
  [
    'a file of another installation',
    head(['Last-Modified', http(-1e9)]),
    head(['Last-Modified', http(SHIFT_MS - 1e6)]),
    { kind: 1 },
  ],
  ['names of headers', head(['X-Region', 'eu']), head(['x-region', 'eu']), { strict: 4 }],
  [
    'a media type in other letters',
    page('x', 'text/plain; charset=utf-8'),
    page('x', 'text/plain;charset=UTF-8'),
    { strict: 3 },
  ],
  [
    'headers that only carry',
    head(['Date', http(0)], ['Connection', 'close'], ['X-Powered-By', 'a']),
    head(['Date', http(SHIFT_MS)]),
    { strict: 3 },
  ],
  [
    'a session cookie',
    head(['Set-Cookie', 'sid=s%3A4bIxAupJ0f7wAL5GoPGmcl.k2%2FwAL5GoPGmcl9; Path=/; HttpOnly']),
    head(['Set-Cookie', 'sid=s%3A9cIxBupJ1f8wBL6HoQHncm.7aQ3wAL5GoPGmcl1; Path=/; HttpOnly']),
    { strict: 5, kind: 1 },
  ],
  [
    'an expiring cookie',
    head(['Set-Cookie', `a=1; Expires=${http(3_600_000)}`]),
    head(['Set-Cookie', `a=1; Expires=${http(SHIFT_MS + 3_600_000)}`]),
    { time: 1 },
  ],
  [
    'a page with a token',
    page('<form>\n<input type=hidden name=csrf value="4bIxAupJ0f7wAL5GoPGmcl">\n</form>'),
    page('<form>\n<input type=hidden name=csrf value="DUzcAhBSH9hJhQeqmTXPky">\n</form>'),
    { strict: 4, kind: 1 },
  ],
  [
    'a random id that seems to have a prefix',
    json({ self: '/tabs?id=ulko_PwDlY4' }),
    json({ self: '/tabs?id=jZr2UJIJY8g' }),
    { kind: 1 },
  ],
  [
    'a value that looks like a credential only now',
    json({ hash: 'rdx_hs0cz9314ja0gmrz8il5' }),
    json({ hash: 'POusypuvg_fGE0QDVKec9w' }),
    { kind: 1 },
  ],
  [
    'xml of other blanks and quotes',
    page('<o a="1"><i>x</i></o>', 'text/xml'),
    page("<o a='1'>\n  <i>x</i>\n</o>", 'text/xml'),
    {},
  ],
  [
    'xml with a new id',
    page(`<o id="${uuid(1)}"/>`, 'text/xml'),
    page(`<o id="${uuid(2)}"></o>`, 'text/xml'),
    { kind: 1 },
  ],
  [
    'an event with a time',
    page(`id: 1\ndata: {"at":"${iso(2)}"}\n\n`, 'text/event-stream'),
    page(`id: 1\ndata: {"at":"${iso(SHIFT_MS + 2)}"}\n\n`, 'text/event-stream'),
    { time: 1 },
  ],
];

describe('what may differ is no difference:', () => {
  test.each(VARIATIONS)('%s', (_name, recorded, live, counts) => {
    const { differences, leaves } = replayed(recorded, live, new LiveValues(new Map()));
    expect(differences).toEqual([]);
    expect(leaves).toMatchObject(counts);
  });
});

test('every recorded leaf is counted once', () => {
  for (const [, recorded, live] of VARIATIONS) {
    const { leaves } = replayed(recorded, live, new LiveValues(new Map()));
    const equal = replayed(recorded, recorded, new LiveValues(new Map())).leaves.strict;
    expect(leaves.strict + leaves.time + leaves.kind + leaves.ignored).toBe(equal);
  }
});
