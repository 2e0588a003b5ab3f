import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { type HeaderList, type RRPair, storeBody } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import {
  base64,
  base64url,
  escapedFrom,
  field,
  formsOf,
  grpcFrame,
  jwtOf,
  watched,
} from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';

const PASSWORD = 'canary-Pass-93x!';
const TOKEN = 'canarytoken0a7f3c91d2';
const EMAIL = 'canary.person@shop-mail.example.com';
const CARD = '4539148803436467';
const SHAPES = [EMAIL, CARD];
const NAMED = [PASSWORD, TOKEN];
const ALL = [...SHAPES, ...NAMED];

const document = { user: { mail: EMAIL, password: PASSWORD }, access_token: TOKEN, paid: [{ with: CARD }] };
const json = JSON.stringify(document);
const form = `mail=${encodeURIComponent(EMAIL)}&password=${encodeURIComponent(PASSWORD)}&access_token=${TOKEN}&paid=${CARD}`;
const jwt = jwtOf({ mail: EMAIL, password: PASSWORD, access_token: TOKEN, paid: CARD });
const multipart = [
  '--frontier\r\nContent-Disposition: form-data; name="password"\r\n\r\n',
  `${PASSWORD}\r\n--frontier\r\nContent-Disposition: form-data; name="doc"\r\nContent-Type: application/json\r\n\r\n`,
  `${json}\r\n--frontier\r\nContent-Disposition: form-data; name="file"; filename="${EMAIL}.txt"\r\n`,
  `Content-Type: text/plain\r\n\r\nwrite to ${EMAIL}, card ${CARD}\r\n--frontier--\r\n`,
].join('');
const xml = `<r><mail>${EMAIL}</mail><password>${PASSWORD}</password><t access_token="${TOKEN}"/><c><![CDATA[${CARD}]]></c></r>`;
const html = `<p>${EMAIL} ${CARD}</p><input name="password" value="${PASSWORD}"><script>var x = {token: "${TOKEN}"}</script>`;
const sql = `insert into users (mail, password, card) values ('${EMAIL}', '${PASSWORD}', '${CARD}'); update t set token = '${TOKEN}'`;
const events = `event: order\ndata: ${json}\n\ndata: ${json}\n\n`;
const graphql = JSON.stringify({
  query: `mutation { login(mail: "${EMAIL}", password: "${PASSWORD}") { id } pay(card: "${CARD}") { id } }`,
  variables: document,
});
const log = `2026-11-21 login mail=${EMAIL} password=${PASSWORD} token=${TOKEN} card ${CARD}\n`;

/** Texts, and the secrets that each of them holds. */
const TEXTS: [string, string, string, readonly string[]][] = [
  ['JSON', 'application/json', json, ALL],
  ['JSON with escapes', 'application/json', json.replaceAll('@', '\\u0040').replaceAll('-', '\\u002d'), ALL],
  ['indented JSON', 'application/json', JSON.stringify(document, null, 2), ALL],
  ['NDJSON', 'application/x-ndjson', `${json}\n${json}\n`, ALL],
  ['JSON in JSON', 'application/json', JSON.stringify({ a: json, b: JSON.stringify({ c: json }) }), ALL],
  ['base64 in JSON', 'application/json', JSON.stringify({ a: base64(json), b: base64url(json) }), ALL],
  ['base64 in base64', 'application/json', JSON.stringify({ a: base64(base64(json)) }), ALL],
  ['gzip in base64', 'application/json', JSON.stringify({ a: base64(gzipSync(json)) }), ALL],
  ['JWT in JSON', 'application/json', JSON.stringify({ a: jwt, b: `see ${jwt} there` }), ALL],
  ['JWT in base64', 'application/json', JSON.stringify({ a: base64(jwt) }), ALL],
  ['a form in JSON', 'application/json', JSON.stringify({ a: form }), ALL],
  [
    'a url in JSON',
    'application/json',
    JSON.stringify({ a: `https://h/${encodeURIComponent(EMAIL)}?${form}` }),
    ALL,
  ],
  [
    'JSON in a url in JSON',
    'application/json',
    JSON.stringify({ a: `https://h/?x=${encodeURIComponent(json)}` }),
    ALL,
  ],
  [
    'keys of JSON',
    'application/json',
    JSON.stringify({ [EMAIL]: { password: PASSWORD } }),
    [EMAIL, PASSWORD],
  ],
  ['lists under a key', 'application/json', JSON.stringify({ password: [PASSWORD, { old: TOKEN }] }), NAMED],
  ['numbers', 'application/json', `{"n": ${CARD}, "list": [${CARD}]}`, [CARD]],
  [
    'broken JSON',
    'application/json',
    `{password: '${PASSWORD}', mail: ${EMAIL}, "token": "${TOKEN}", ${CARD}`,
    ALL,
  ],
  ['cut JSON', 'application/json', `{"a":1,"password":"${PASSWORD}`, [PASSWORD]],
  ['a log in JSON', 'application/json', JSON.stringify({ message: log }), ALL],
  ['a form', 'application/x-www-form-urlencoded', form, ALL],
  ['a form in a form', 'application/x-www-form-urlencoded', `a=${encodeURIComponent(form)}`, ALL],
  ['JSON in a form', 'application/x-www-form-urlencoded', `a=${encodeURIComponent(json)}`, ALL],
  [
    'names of a form',
    'application/x-www-form-urlencoded',
    `user%5Bpassword%5D=${PASSWORD}&${EMAIL}=1`,
    [PASSWORD, EMAIL],
  ],
  ['multipart', 'multipart/form-data; boundary=frontier', multipart, [EMAIL, CARD, PASSWORD, TOKEN]],
  ['XML', 'application/xml', xml, ALL],
  ['XML with entities', 'text/xml', xml.replaceAll('@', '&#x40;').replaceAll('93x!', '93x&#33;'), ALL],
  ['HTML', 'text/html; charset=utf-8', html, ALL],
  ['events', 'text/event-stream', events, ALL],
  ['GraphQL', 'application/json', graphql, ALL],
  ['SQL', 'application/sql', sql, ALL],
  ['plain text', 'text/plain', log, ALL],
  ['text without a type', '', log, ALL],
  ['a form without a type', '', form, ALL],
  [
    'a program',
    'text/javascript',
    `const s = {"password": "${PASSWORD}", token: '${TOKEN}'} // ${EMAIL} ${CARD}`,
    ALL,
  ],
];

const CODINGS: [string, (text: string) => Buffer][] = [
  ['identity', (text) => Buffer.from(text)],
  ['gzip', (text) => gzipSync(text)],
  ['br', (text) => brotliCompressSync(text)],
  ['zstd', (text) => zstdCompressSync(text)],
  ['deflate', (text) => deflateSync(text)],
  ['deflate', (text) => deflateRawSync(text)],
  ['gzip, br', (text) => brotliCompressSync(gzipSync(text))],
];

function carrying(contentType: string, bytes: Buffer, encoding: string, of: 'request' | 'response'): RRPair {
  const pair = sketch();
  const message = pair[of]!;
  message.headers = [['Content-Type', contentType]];
  message.body = storeBody(bytes, encoding);
  return pair;
}

describe('no planted secret leaves', () => {
  test.each(TEXTS)('in %s', (_name, contentType, text, secrets) => {
    for (const of of ['request', 'response'] as const)
      for (const [encoding, encode] of CODINGS) {
        const pair = carrying(contentType, encode(text), encoding, of);

        watched().redactor.pair(pair);
        expect(escapedFrom(pair, secrets), `${of} ${encoding}`).toEqual([]);
        expect(pair.redactions.length).toBeGreaterThan(0);
        expect(pair.gaps).toBeUndefined();
      }
  });

  const HEADERS: [string, HeaderList, readonly string[]][] = [
    ['bearer', [['Authorization', `Bearer ${TOKEN}`]], [TOKEN]],
    ['a JWT as bearer', [['authorization', `Bearer ${jwt}`]], ALL],
    ['basic', [['Authorization', `Basic ${base64(`${EMAIL}:${PASSWORD}`)}`]], [EMAIL, PASSWORD]],
    [
      'digest',
      [['Authorization', `Digest username="${EMAIL}", realm="r", response="${TOKEN}"`]],
      [EMAIL, TOKEN],
    ],
    [
      'SigV4',
      [
        [
          'Authorization',
          `AWS4-HMAC-SHA256 Credential=${TOKEN}/20261121/eu/s3/aws4_request, SignedHeaders=host, Signature=${PASSWORD}`,
        ],
      ],
      NAMED,
    ],
    [
      'API key schemes',
      [
        ['Authorization', `ApiKey ${TOKEN}`],
        ['Authorization', TOKEN],
      ],
      [TOKEN],
    ],
    [
      'other schemes',
      [
        ['Authorization', `Token token="${TOKEN}"`],
        ['Proxy-Authorization', `Hawk id="1", mac="${TOKEN}"`],
      ],
      [TOKEN],
    ],
    [
      'cookies',
      [['Cookie', `theme=dark; sid=${TOKEN}; mail=${encodeURIComponent(EMAIL)}; remember_me=${PASSWORD}`]],
      [TOKEN, EMAIL, PASSWORD],
    ],
    ['JWT cookies', [['Cookie', `t=${jwt}`]], ALL],
    [
      'set cookies',
      [
        ['Set-Cookie', `JSESSIONID="${TOKEN}"; Path=/; HttpOnly`],
        ['Set-Cookie', `u=${EMAIL}; Secure`],
      ],
      [TOKEN, EMAIL],
    ],
    [
      'keys by name',
      [
        ['X-Api-Key', TOKEN],
        ['X-Csrf-Token', PASSWORD],
        ['X-Amz-Security-Token', TOKEN],
        ['X-My-Secret', PASSWORD],
        ['X-Shop-Key', TOKEN],
      ],
      NAMED,
    ],
    [
      'urls',
      [
        [
          'Location',
          `https://u:${PASSWORD}@h/cb?access_token=${TOKEN}&m=${encodeURIComponent(EMAIL)}#token=${TOKEN}`,
        ],
        ['Referer', `/a/${EMAIL}`],
      ],
      [PASSWORD, TOKEN, EMAIL],
    ],
    ['links', [['Link', `<https://h/?access_token=${TOKEN}>; rel="next"`]], [TOKEN]],
    [
      'anything else',
      [
        ['X-Forwarded-User', EMAIL],
        ['X-Note', `card ${CARD}`],
        ['X-Json', json],
        ['X-B64', base64(json)],
      ],
      ALL,
    ],
  ];
  test.each(HEADERS)('in headers: %s', (_name, headers, secrets) => {
    for (const of of ['request', 'response'] as const) {
      const pair = sketch();
      pair[of]!.headers = structuredClone(headers);
      pair[of]!.trailers = structuredClone(headers);
      watched().redactor.pair(pair);
      expect(escapedFrom(pair, secrets)).toEqual([]);
    }
  });

  test('in every part of a url', () => {
    const pair = sketch();
    const mail = encodeURIComponent(EMAIL);
    pair.request!.url = `http://${mail}:${PASSWORD}@shop/u/${mail}/${CARD};jsessionid=${TOKEN}?token=${TOKEN}&x=${encodeURIComponent(json)}&${mail}#id_token=${TOKEN}&m=${EMAIL}`;
    watched().redactor.pair(pair);
    expect(escapedFrom(pair, ALL)).toEqual([]);
    expect(pair.request!.url).toMatch(
      /^http:\/\/u-[^/]*@shop\/u\/u-[^/]+\/9999[^/]*;jsessionid=rdx_\w+\?token=rdx_/,
    );
  });

  test('in gRPC: frames, nested messages, compressed frames, JSON, metadata', () => {
    const inner = Buffer.concat([
      field(1, EMAIL),
      field(2, Buffer.from([0xff, 0xfe])),
      field(3, `card ${CARD}`),
    ]);
    const message = Buffer.concat([field(1, json), field(4, inner), field(5, field(1, field(1, inner)))]);
    for (const [encoding, body] of [
      ['identity', Buffer.concat([grpcFrame(message), grpcFrame(message)])],
      ['gzip', grpcFrame(gzipSync(message), 1)],
      ['identity', grpcFrame(Buffer.from(json))],
    ] as const) {
      const pair = sketch();
      pair.protocol = 'grpc';
      pair.request!.headers = [
        ['grpc-encoding', encoding],
        ['x-api-key', TOKEN],
      ];
      pair.request!.body = { size: body.length, encoding: 'identity', base64: body.toString('base64') };
      pair.request!.trailers = [['x-debug', `${EMAIL} ${jwt}`]];
      watched().redactor.pair(pair);
      expect(pair.gaps).toBeUndefined();
      expect(escapedFrom(pair, ALL)).toEqual([]);
    }
  });

  test('in messages of streams, tags, and reasons', () => {
    const pair = sketch();
    pair.messages = [
      { from: 'client', kind: 'text', offsetUs: 1, size: json.length, json: structuredClone(document) },
      { from: 'server', kind: 'text', offsetUs: 1, size: log.length, text: log },
      { from: 'server', kind: 'binary', offsetUs: 2, size: json.length, base64: base64(json) },
      { from: 'client', kind: 'close', offsetUs: 3, size: 40, base64: base64(`\u0003\u0001bye ${EMAIL}`) },
    ];
    pair.tags = { note: `${EMAIL} ${CARD}` };
    pair.response!.reason = `No ${EMAIL}`;
    watched().redactor.pair(pair);
    expect(escapedFrom(pair, ALL)).toEqual([]);
    expect(pair.messages.map(({ size }) => size)).toEqual([json.length, log.length, json.length, 40]);
    expect(pair.gaps?.reason).toBe('unredactable');
  });

  test('of which only the first half was recorded', () => {
    for (const contentType of ['application/json', 'text/plain', 'application/xml', ''])
      for (let length = 12; length < json.length; length += 3) {
        const cut = json.slice(0, length);
        const pair = sketch();
        pair.request!.headers = [['Content-Type', contentType]];
        pair.request!.body = { ...storeBody(Buffer.from(cut), 'identity'), size: json.length };
        pair.gaps = { requestTruncatedBytes: json.length - length };
        watched().redactor.pair(pair);
        for (const half of ['canary.p', 'canary-P', 'canaryto', '4539148'])
          expect(JSON.stringify(pair), `${contentType} ${cut}`).not.toContain(half);
      }
  });

  test('the search finds what is hidden', () => {
    for (const text of [
      json,
      base64(json),
      base64(`x${json}`),
      base64url(`xy${json}`),
      encodeURIComponent(json),
      base64(base64(json)),
    ]) {
      const pair = sketch();
      pair.request!.body = { size: 1, encoding: 'identity', text };
      expect(escapedFrom(pair, ALL)).toEqual(ALL);
    }
    expect(formsOf(EMAIL).length).toBeGreaterThan(4);
  });
});
