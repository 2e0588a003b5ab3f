import { type RRPair, storeBody } from '@echoplane/traffic';
import { compileTransforms, type Recommendation, Recommendations } from '@echoplane/transforms';
import { describe, expect, test } from 'vitest';
import { NO_EDITS } from './edits.ts';
import { Recommender } from './recommend.ts';
import { appliedTransforms, withAppliedComparison } from './recommend-apply.ts';
import { Groups } from './recommend-sightings.ts';

const TS = Date.UTC(2026, 2, 1, 11) * 1e3;
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (header: object, claims: object) => `${part(header)}.${part(claims)}.c2lnbmF0dXJl`;
const UUIDS = [
  '0b9e3a52-5d1c-4d8e-9a71-6c1b2f3e4d5a',
  '7c2d1e0f-3b4a-4c5d-8e6f-9a0b1c2d3e4f',
  '1f2e3d4c-5b6a-4798-8f0e-1d2c3b4a5968',
];

let seq = 0;
function pair(
  method: string,
  url: string,
  more: {
    headers?: [string, string][];
    body?: unknown;
    answer?: unknown;
    direction?: 'IN' | 'OUT';
    status?: number;
    redactions?: RRPair['redactions'];
  } = {},
): RRPair {
  const text = (value: unknown) =>
    value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  seq++;
  return {
    ...{
      v: 1,
      id: `01900000-0000-7000-8000-${String(seq).padStart(12, '0')}`,
      ts: TS + seq * 1e6,
      durationUs: 1e3,
      ttfbUs: 500,
    },
    ...{ direction: more.direction ?? 'IN', protocol: 'http/1.1' },
    source: {
      cluster: 'c',
      namespace: 'n',
      workload: { kind: 'Deployment', name: 'shop' },
      pod: 'p',
      container: 'x',
    },
    client: { ip: '10.0.0.1', port: 1, host: null },
    server: { ip: '10.0.0.2', port: 80, host: null },
    ...{
      tls: null,
      connection: { id: 'k', seq },
      session: null,
      error: null,
      tags: {},
      redactions: more.redactions ?? [],
    },
    request: {
      method,
      url: url.startsWith('http') ? url : `http://shop.test${url}`,
      headers: more.headers ?? [],
      body: storeBody(Buffer.from(text(more.body)), ''),
    },
    response: {
      status: more.status ?? 200,
      headers: [['content-type', 'application/json']],
      body: storeBody(Buffer.from(text(more.answer)), ''),
    },
  };
}

function recommend(...pairs: RRPair[]): Recommendation[] {
  const recommender = new Recommender();
  for (const each of pairs) recommender.observe(each);
  const made = recommender.recommendations();
  expect(Recommendations.parse(made)).toEqual(made);
  for (const { document } of made.recommendations) if (document) compileTransforms(document);
  return made.recommendations;
}

const bearer = (value: string): [string, string][] => [['Authorization', `Bearer ${value}`]];
const HS = token({ alg: 'HS256' }, { iss: 'idp', exp: TS / 1e6 + 3600 });
const RS = token({ alg: 'RS256', kid: 'k1' }, { iss: 'idp' });

describe('tokens', () => {
  test('one that no response hands out is to be signed again', () => {
    const [made] = recommend(
      pair('GET', '/orders', { headers: bearer(HS) }),
      pair('GET', '/cart', { headers: bearer(HS) }),
    );
    expect(made).toMatchObject({
      kind: 'jwt-resign',
      count: 2,
      needs: [{ kind: 'secret', name: 'replay/jwt-idp' }],
    });
    expect(made!.why).toBe(
      '2 requests (2 endpoints) carry a JSON Web Token of idp (HS256, valid until 2026-03-01T12:00:00Z) at header.authorization that no recorded response hands out: 1 different one. It expires 1 h after the recording.',
    );
    expect(made!.document!.chains[0]).toMatchObject({
      at: 'generator-request',
      functions: [{ name: 'jwt-resign', key: '${{secret:replay/jwt-idp}}' }],
    });
  });

  test('one that a response handed out before is followed by itself', () => {
    expect(
      recommend(
        pair('POST', '/login', { answer: { access_token: HS } }),
        pair('GET', '/orders', { headers: bearer(HS) }),
      ),
    ).toEqual([]);
  });

  test('where the service fetches its keys from a mock, the keys of both sides are swapped', () => {
    const keys = pair('GET', 'https://idp.test/.well-known/jwks.json', {
      direction: 'OUT',
      answer: { keys: [{ kid: 'k1', kty: 'RSA' }] },
    });
    const [made] = recommend(pair('GET', '/orders', { headers: bearer(RS) }), keys);
    expect(made).toMatchObject({ kind: 'jwks-swap', needs: [{ name: 'replay/signing-key' }] });
    expect(made!.document!.chains.map(({ at, functions }) => [at, functions[0]!.name])).toEqual([
      ['generator-request', 'jwt-resign'],
      ['responder-response', 'jwks-swap'],
    ]);
    expect(made!.document!.chains[1]!.when).toBe('host == "idp.test" && path == "/.well-known/jwks.json"');
  });
});

describe('other credentials', () => {
  test.each<[string, RRPair[], object]>([
    [
      'Basic that was redacted',
      [pair('GET', '/a', { headers: [['Authorization', 'Basic rdx_abcdefgh']] })],
      { kind: 'basic-auth', document: { chains: [{ functions: [{ name: 'basic-auth' }] }] } },
    ],
    [
      'Basic as recorded',
      [pair('GET', '/a', { headers: [['Authorization', `Basic ${btoa('a:b')}`]] })],
      { kind: 'basic-auth', document: null },
    ],
    [
      'an API key',
      [pair('GET', '/a', { headers: [['X-Api-Key', 'sk3Jd92kLs0Qpz81']] })],
      { kind: 'api-key', needs: [{ name: 'replay/x-api-key' }] },
    ],
    [
      'an API key in the query',
      [pair('GET', '/a?api_key=sk3Jd92kLs0Qpz81')],
      { kind: 'api-key', document: { chains: [{ extract: { path: 'request.query.api_key' } }] } },
    ],
    [
      'a signature of AWS',
      [
        pair('PUT', '/a', {
          headers: [
            [
              'Authorization',
              'AWS4-HMAC-SHA256 Credential=AKID/20260301/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0',
            ],
          ],
        }),
      ],
      { kind: 'aws-sign', document: { chains: [{ functions: [{ name: 'aws-sign' }] }] } },
    ],
    [
      'a CSRF token',
      [pair('POST', '/a', { headers: [['X-CSRF-Token', 'abcdefgh12345678']] })],
      { kind: 'csrf', document: null },
    ],
    [
      'an OAuth handshake with a client secret',
      [
        pair('POST', '/token', {
          body: { grant_type: 'client_credentials', client_secret: 'x' },
          answer: { access_token: 'y', expires_in: 60 },
        }),
      ],
      {
        kind: 'oauth',
        document: { chains: [{ functions: [{ name: 'oauth-token' }, { name: 'constant' }] }] },
      },
    ],
    [
      'an OAuth handshake with a mock',
      [pair('POST', 'https://idp.test/token', { direction: 'OUT', body: { grant_type: 'refresh_token' } })],
      { kind: 'oauth', document: null },
    ],
    [
      'a password that was redacted',
      [
        pair('POST', '/login', {
          body: { password: 'rdx_pppppppp' },
          redactions: [{ path: 'request.body.password', kind: 'password', rule: 'r' }],
        }),
      ],
      { kind: 'redacted-credential', needs: [{ kind: 'secret', name: 'replay/body-password' }] },
    ],
    [
      'several of them',
      ['rdx_pppppppp', 'rdx_qqqqqqqq'].map((password) =>
        pair('POST', '/login', {
          body: { password },
          redactions: [{ path: 'request.body.password', kind: 'password', rule: 'r' }],
        }),
      ),
      {
        kind: 'redacted-credential',
        needs: [{ kind: 'data', name: 'credentials' }],
        document: { chains: [{ functions: [{ name: 'csv-lookup' }] }] },
      },
    ],
  ])('%s', (_, pairs, expected) => {
    expect(recommend(...pairs)).toMatchObject([expected]);
  });

  test('an opaque token that was redacted is asked for without its scheme, unless a response hands it out', () => {
    const redactions = [{ path: 'request.header.authorization', kind: 'credential', rule: 'r' }];
    const use = () => pair('GET', '/a', { headers: bearer('rdx_abcdefgh'), redactions });
    expect(recommend(use())).toMatchObject([
      {
        kind: 'redacted-credential',
        document: { chains: [{ extract: { path: 'request.header.authorization#1' } }] },
      },
    ]);
    expect(recommend(pair('POST', '/login', { answer: { token: 'rdx_abcdefgh' } }), use())).toEqual([]);
  });

  test('no value of a credential stands in a recommendation', () => {
    const secrets = ['sk3Jd92kLs0Qpz81', HS, btoa('ann:pw-1234')];
    const made = recommend(
      pair('GET', '/a', { headers: [['X-Api-Key', secrets[0]!]] }),
      pair('GET', '/b', { headers: bearer(HS) }),
      pair('GET', '/c', { headers: [['Authorization', `Basic ${secrets[2]}`]] }),
    );
    expect(made).toHaveLength(3);
    for (const secret of secrets) expect(JSON.stringify(made)).not.toContain(secret);
  });

  test('ordinary words are no keys, and what a response handed out is none', () => {
    const handed = pair('GET', '/a', { answer: { key: 'sk3Jd92kLs0Qpz81' } });
    expect(
      recommend(
        pair('GET', '/a', { headers: [['X-App-Key', 'application1']] }),
        handed,
        pair('GET', '/b', { headers: [['X-Api-Key', 'sk3Jd92kLs0Qpz81']] }),
      ),
    ).toEqual([]);
  });
});

test('ids of requests are made anew, and repeated where they were repeated', () => {
  const made = recommend(...UUIDS.map((id) => pair('POST', '/pay', { headers: [['Idempotency-Key', id]] })));
  expect(made).toMatchObject([
    {
      kind: 'request-id',
      count: 3,
      document: { chains: [{ functions: [{ name: 'uuid' }, { name: 'smart-replace' }] }] },
    },
  ]);
  expect(recommend(pair('POST', '/pay', { headers: [['Idempotency-Key', UUIDS[0]!]] }))).toEqual([]);
});

describe('answers to equal requests', () => {
  const get = (answer: unknown) => pair('GET', '/list', { answer });

  test('that only change their order', () => {
    const made = recommend(
      get({ items: [{ n: 'a' }, { n: 'b' }] }),
      get({ items: [{ n: 'b' }, { n: 'a' }] }),
    );
    expect(made).toMatchObject([
      {
        kind: 'unordered-array',
        compare: { unordered: [{ method: 'GET', endpoint: '/list', path: 'body.items' }] },
      },
    ]);
  });

  test('that differ in a field', () => {
    const made = recommend(get({ load: 0.25, name: 'x' }), get({ load: 0.5, name: 'x' }));
    expect(made).toMatchObject([
      { kind: 'volatile-field', compare: { volatile: [{ path: 'body.load', kind: 'measure' }] } },
    ]);
  });

  test('say nothing when something was written in between', () => {
    expect(recommend(get({ n: 1 }), pair('POST', '/list', { answer: {} }), get({ n: 2 }))).toEqual([]);
  });
});

test('the same recording gives the same recommendations', () => {
  const pairs = [pair('GET', '/orders', { headers: bearer(HS) }), pair('GET', '/a?api_key=sk3Jd92kLs0Qpz81')];
  expect(recommend(...pairs)).toEqual(recommend(...pairs));
});

test('applied recommendations become transforms and edits, dismissed ones do not', () => {
  const pairs = [
    pair('GET', '/orders', { headers: bearer(HS) }),
    pair('GET', '/x', { answer: { load: 0.25 } }),
    pair('GET', '/x', { answer: { load: 0.5 } }),
    pair('GET', '/a?api_key=sk3Jd92kLs0Qpz81'),
  ];
  const recommendations: Recommendations = { v: 1, recommendations: recommend(...pairs) };
  const id = (kind: string) => recommendations.recommendations.find((each) => each.kind === kind)!.id;
  const own = {
    v: 1,
    chains: [{ id: 'own', at: 'generator-request', extract: { name: 'body' }, functions: [] }],
  };
  const edits = {
    ...NO_EDITS,
    transforms: [own],
    recommendations: {
      [id('jwt-resign')]: 'applied' as const,
      [id('volatile-field')]: 'applied' as const,
      [id('api-key')]: 'dismissed' as const,
    },
  };
  expect(appliedTransforms(recommendations, edits).chains.map((chain) => chain.id)).toEqual([
    'own',
    id('jwt-resign'),
  ]);
  expect(withAppliedComparison(recommendations, edits).volatile!.add).toMatchObject([
    { method: 'GET', endpoint: '/x', path: 'body.load' },
  ]);
  expect(withAppliedComparison(recommendations, NO_EDITS)).toBe(NO_EDITS);
});

test('groups and recommendations are bounded', () => {
  const each = pair('GET', '/a');
  const exchange = {
    pair: each,
    request: each.request!,
    host: 'h',
    endpoint: '/a',
    leaves: [],
    answer: [],
    isHandedOut: () => false,
  };
  const groups = new Groups();
  for (let i = 0; i < 2_100; i++) groups.add({ kind: 'csrf', key: `k${i}`, detail: { path: 'p' } }, exchange);
  expect(groups.all()).toHaveLength(2_000);
  const recommender = new Recommender();
  for (let i = 0; i < 600; i++)
    recommender.observe(pair('GET', `/r${i}/token`, { body: { grant_type: `g${i}` } }));
  expect(recommender.recommendations().recommendations).toHaveLength(500);
});
