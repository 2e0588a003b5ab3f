import { gzipSync } from 'node:zlib';
import { bodyText, type RRPair, storeBody } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import type { Extract, RedactionChain } from '../rules-document.ts';
import { base64, chain, jwtOf, watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';
import { RuleError } from './rule-error.ts';

const BODY =
  '{ "user": {"name": "Ann", "id": 4711, "mail": "ann@shop.example"}, "items": [{"card": "x1"}, {"card": "x2"}] }';

function pairWith(body: string, contentType = 'application/json', encoding = 'identity'): RRPair {
  const pair = sketch();
  pair.request!.url = 'http://shop/orders/ann?who=ann%20b&q=1#f';
  pair.request!.headers = [
    ['X-Who', 'ann'],
    ['Cookie', 'who=ann; theme=dark'],
    ['Content-Type', contentType],
  ];
  const bytes = encoding === 'gzip' ? gzipSync(body) : Buffer.from(body);
  pair.request!.body = storeBody(bytes, encoding);
  return pair;
}

function applied(one: RedactionChain, pair = pairWith(BODY)): RRPair {
  watched({ chains: [one] }).redactor.pair(pair);
  return pair;
}

const json = (path: string): Extract => ({ type: 'json', of: 'request', path });
const text = (pair: RRPair) => bodyText(pair.request!.body);

describe('a chain', () => {
  test.each<[string, Extract, (pair: RRPair) => unknown, Record<'token' | 'mask' | 'remove', unknown>]>([
    [
      'header',
      { type: 'header', of: 'request', name: 'x-who' },
      (pair) => pair.request!.headers.find(([name]) => name === 'X-Who')?.[1],
      { token: expect.stringMatching(/^rdx_/), mask: '***', remove: undefined },
    ],
    [
      'cookie',
      { type: 'cookie', of: 'request', name: 'who' },
      (pair) => pair.request!.headers.find(([name]) => name === 'Cookie')?.[1],
      {
        token: expect.stringMatching(/^who=rdx_\w+; theme=dark$/),
        mask: 'who=***; theme=dark',
        remove: 'theme=dark',
      },
    ],
    [
      'query',
      { type: 'query', name: 'who' },
      (pair) => pair.request!.url,
      {
        token: expect.stringMatching(/ann\?who=rdx_\w+&q=1#f$/),
        mask: 'http://shop/orders/ann?who=*****&q=1#f',
        remove: 'http://shop/orders/ann?q=1#f',
      },
    ],
    [
      'path segment',
      { type: 'path-segment', index: 1 },
      (pair) => pair.request!.url,
      {
        token: expect.stringMatching(/orders\/rdx_\w+\?who/),
        mask: 'http://shop/orders/***?who=ann%20b&q=1#f',
        remove: 'http://shop/orders/?who=ann%20b&q=1#f',
      },
    ],
    [
      'field',
      json('user.name'),
      (pair) => text(pair)?.slice(0, 50),
      {
        token: expect.stringMatching(/^\{ "user": \{"name": "rdx_\w+"/),
        mask: expect.stringMatching(/^\{ "user": \{"name": "\*\*\*", "id": 4711/),
        remove: expect.stringMatching(/^\{ "user": \{"id": 4711/),
      },
    ],
    [
      'number',
      json('*.id'),
      (pair) => /"id": \d+|"mail/.exec(text(pair)!)?.[0],
      { token: '"id": 9999', mask: '"id": 9999', remove: '"mail' },
    ],
    [
      'fields of a list',
      json('items[].card'),
      (pair) => text(pair)?.slice(text(pair)!.indexOf('"items"')),
      {
        token: expect.stringMatching(/^"items": \[\{"card": "rdx_\w+"\}, \{"card": "rdx_\w+"\}\] \}$/),
        mask: '"items": [{"card": "**"}, {"card": "**"}] }',
        remove: '"items": [{}, {}] }',
      },
    ],
    [
      'object',
      json('user'),
      (pair) => text(pair)?.slice(0, 40),
      {
        token: expect.stringMatching(/^\{ "user": \{"name": "rdx_/),
        mask: expect.stringMatching(/^\{ "user": \{"name": "rdx_/),
        remove: '{ "items": [{"card": "x1"}, {"card": "x2',
      },
    ],
    [
      'body',
      { type: 'body', of: 'request' },
      text,
      { token: expect.stringMatching(/"name": "rdx_/), mask: '*'.repeat(BODY.length), remove: '' },
    ],
  ])('of a %s replaces, masks, removes', (_name, extract, view, wanted) => {
    for (const action of ['token', 'mask', 'remove'] as const) {
      const pair = applied(chain(extract, action));
      expect(view(pair)).toEqual(wanted[action]);
      expect(pair.redactions.length).toBeGreaterThan(0);
      const once = structuredClone(pair);
      watched({ chains: [chain(extract, action)] }).redactor.pair(pair);
      if (action !== 'remove') expect(pair.request).toEqual(once.request);
    }
  });

  test('keeps its place from names and detectors, and no other', () => {
    const mail = 'ann@shop.example';
    const cases: [Extract, (pair: RRPair) => void][] = [
      [
        { type: 'header', of: 'request', name: 'X-Api-Key' },
        (pair) =>
          (pair.request!.headers = [
            ['x-api-key', mail],
            ['b', mail],
          ]),
      ],
      [
        { type: 'cookie', of: 'request', name: 'sid' },
        (pair) => (pair.request!.headers = [['Cookie', `sid=${mail}; b=${mail}`]]),
      ],
      [{ type: 'query', name: 'token' }, (pair) => (pair.request!.url = `http://h/?token=${mail}&b=${mail}`)],
      [{ type: 'path-segment', index: 1 }, (pair) => (pair.request!.url = `http://h/a/${mail}/${mail}`)],
      [
        json('a[].m'),
        (pair) => (pair.request!.body = storeBody(Buffer.from(`{"a":[{"m":"${mail}"}],"b":"${mail}"}`), '')),
      ],
      [
        { type: 'form', name: 'password' },
        (pair) => {
          pair.request!.headers = [['content-type', 'application/x-www-form-urlencoded']];
          pair.request!.body = storeBody(Buffer.from(`password=${mail}&b=${mail}`), '');
        },
      ],
    ];
    for (const [extract, plant] of cases) {
      const pair = sketch();
      plant(pair);
      applied(chain(extract, 'keep'), pair);
      expect(JSON.stringify(pair.request).split(mail), extract.type).toHaveLength(2);
      expect(JSON.stringify(pair.request)).toContain('@redacted.example.com');
    }
    const pair = pairWith(BODY);
    applied(chain({ type: 'body', of: 'request' }, 'keep'), pair);
    expect(text(pair)).toBe(BODY);
  });

  test('goes through codings, and hides the whole where they do not fit', () => {
    const jwt = jwtOf({ sub: 'ann', shop: 'north' });
    const value = (headerValue: string, through: string[]) => {
      const pair = sketch();
      pair.request!.headers = [['X-V', headerValue]];
      applied(chain({ type: 'header', of: 'request', name: 'x-v' }, 'token', { through }), pair);
      return pair.request!.headers[0]![1];
    };
    expect(Buffer.from(value(base64('plain words'), ['base64']), 'base64').toString()).toMatch(/^rdx_/);
    expect(decodeURIComponent(value('%7B%22a%22%3A%22b%22%7D', ['url']))).toMatch(/^\{"a":"rdx_\w+"\}$/);
    expect(value('"a\\"b"', ['json-string'])).toMatch(/^"rdx_\w+"$/);
    const claims = JSON.parse(
      Buffer.from(value(`Bearer ${jwt}`, ['jwt-claims']).split('.')[1]!, 'base64url').toString(),
    );
    expect(claims).toEqual({ sub: expect.stringMatching(/^rdx_/), shop: expect.stringMatching(/^rdx_/) });
    expect(value('no base64!', ['base64', 'gzip'])).toMatch(/^rdx_/);
    expect(value(base64('no gzip'), ['base64', 'gzip'])).not.toContain(base64('no gzip'));
  });

  test('reaches into compressed bodies', () => {
    const pair = applied(chain(json('user.name'), 'mask'), pairWith(BODY, 'application/json', 'gzip'));
    expect(pair.request!.body.decoded).toContain('"name": "***"');
  });

  test('holds for the pairs that its `when` holds for', () => {
    const one = chain(json('user.name'), 'mask', { when: 'method == "GET"' });
    const compile = (expression: string) => {
      if (expression === 'bad') throw new Error('no such field');
      return (pair: RRPair) => pair.request!.method === 'GET';
    };
    const { redactor } = watched({ chains: [one] }, { compile });
    const [post, get] = [pairWith(BODY), pairWith(BODY)];
    get.request!.method = 'GET';
    redactor.pair(post);
    redactor.pair(get);
    expect(text(post)).toContain('"Ann"');
    expect(text(get)).toContain('"***"');
    expect(() => watched({ chains: [one] })).toThrow(RuleError);
    expect(() => watched({ chains: [one, { ...one, when: 'bad' }] }, { compile })).toThrow(
      /redaction\.chains\[1\]\.when: .*no such field/,
    );
  });
});

describe('patterns', () => {
  test('of users replace what they match, everywhere', () => {
    const { redactor } = watched({ patterns: [{ name: 'ticket', pattern: 'TCK-[0-9]{3}' }] });
    expect(redactor.text('{"a":"see TCK-123!","b":"x"}', 'application/json')).toMatch(
      /^\{"a":"see rdx_\w+!","b":"x"\}$/,
    );
    const pair = sketch();
    pair.request!.url = 'http://shop/TCK-123?a=TCK-124';
    redactor.pair(pair);
    expect(pair.request!.url).toMatch(/^http:\/\/shop\/rdx_\w+\?a=rdx_\w+$/);
    expect(pair.redactions[0]).toEqual({
      path: 'request.url.path[0]',
      kind: 'pattern',
      rule: 'pattern:ticket',
    });
  });

  test('that are none are refused by name', () => {
    expect(() => watched({ patterns: [{ name: 'ahead', pattern: '(?=a)b' }] })).toThrow(
      /^redaction\.patterns\[0\]: pattern "ahead" is not RE2 syntax/,
    );
  });
});
