// Made-up recordings of any length, the same every time: sessions of a shop that log in, read lists, make orders and read
// them again, with a payment provider behind it. About 1.5 KB a pair, as JSON.
import { createHash } from 'node:crypto';
import { type HeaderList, type RRPair, uuidV7 } from '../../packages/traffic/src/index.ts';

const START_US = 1_800_000_000_000_000;
const GAP_US = 1_500;
const JSON_HEADERS: HeaderList = [
  ['content-type', 'application/json; charset=utf-8'],
  ['cache-control', 'no-store'],
  ['vary', 'Origin, Accept-Encoding'],
];
const CLIENT_HEADERS: HeaderList = [
  ['accept', 'application/json'],
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)'],
  ['accept-language', 'en-GB,en;q=0.8'],
];
export const PAIRS_PER_SESSION = 8;

const TEXT =
  'A blend of first-flush leaves from two gardens, picked in spring, dried over pine and aged in clay for a year.';

function uuidOf(name: string): string {
  const hex = createHash('md5').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** `count` pairs in the order of their time. */
export function* recording(count: number): Generator<RRPair> {
  for (let session = 0, n = 0; n < count; session++) {
    const order = 1_000 + session;
    const claims = Buffer.from(
      JSON.stringify({ sub: uuidOf(`u${session}`), role: 'buyer', iat: 1_800_000_000 }),
    );
    const signature = createHash('sha256').update(`k${session}`).digest('base64url');
    const jwt = `eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.${claims.toString('base64url')}.${signature}`;
    const bearer: HeaderList = [...CLIENT_HEADERS, ['authorization', `Bearer ${jwt}`]];
    const payment = uuidOf(`p${session}`);
    const items = Array.from({ length: 4 }, (_, i) => ({
      ...{ id: i + 1, sku: `TEA-${i}`, name: `Tea ${i}`, price: 450 + i * 25, description: TEXT },
      ...{ inStock: i % 2 === 0, tags: ['tea', 'leaf'] },
    }));
    const made = {
      ...{ id: order, status: 'paid', payment, total: 975 + (session % 7), currency: 'EUR' },
      ...{
        createdAt: new Date((START_US + n * GAP_US) / 1000).toISOString(),
        customer: uuidOf(`u${session}`),
      },
      lines: items
        .slice(0, 2)
        .map(({ id, name, price }) => ({ productId: id, name, price, quantity: 2, note: TEXT })),
    };
    const exchanges: [RRPair['direction'], string, string, HeaderList, unknown, number, unknown][] = [
      [
        'IN',
        'POST',
        '/login',
        CLIENT_HEADERS,
        { email: `user-${session}@example.com`, password: `pw-${session}` },
        200,
        { token: jwt, profile: { id: uuidOf(`u${session}`), name: `User ${session}`, about: TEXT } },
      ],
      ['IN', 'GET', '/products?limit=4', bearer, undefined, 200, { items, total: 4 }],
      ['IN', 'GET', '/products/2', bearer, undefined, 200, { ...items[1], reviews: [TEXT, TEXT] }],
      ['IN', 'POST', '/cart/items', bearer, { productId: 2, quantity: 2 }, 201, { items: items.slice(0, 2) }],
      [
        'OUT',
        'POST',
        '/v1/charges',
        CLIENT_HEADERS,
        { amount: made.total, reference: payment },
        201,
        { id: `ch_${payment.replaceAll('-', '')}`, reference: payment, note: TEXT },
      ],
      ['IN', 'POST', '/orders', bearer, { currency: 'EUR', note: TEXT }, 201, made],
      ['IN', 'GET', `/orders/${order}`, bearer, undefined, 200, made],
      ['IN', 'GET', '/orders', bearer, undefined, 200, { items: [made] }],
    ];
    for (const [direction, method, path, headers, body, status, answer] of exchanges) {
      if (n >= count) return;
      const ts = START_US + n * GAP_US;
      const url = direction === 'IN' ? `http://shop.example${path}` : `https://pay.example:8443${path}`;
      yield pairOf(ts, n++, session, { direction, method, url, headers, body, status, answer });
    }
  }
}

interface Said {
  direction: RRPair['direction'];
  method: string;
  url: string;
  headers: HeaderList;
  body: unknown;
  status: number;
  answer: unknown;
}

function pairOf(ts: number, n: number, session: number, said: Said): RRPair {
  const bodyOf = (json: unknown) => {
    const size = json === undefined ? 0 : JSON.stringify(json).length;
    return { size, encoding: 'identity', ...(json === undefined ? {} : { json: json as null }) };
  };
  const random = Buffer.alloc(10);
  random.writeUInt32BE(n, 0);
  return {
    ...{ v: 1, id: uuidV7(ts, random), ts, durationUs: 1_000 + (n % 13) * 10, ttfbUs: 900 },
    ...{
      direction: said.direction,
      protocol: 'http/1.1',
      tls: null,
      session: null,
      error: null,
      tags: {},
      redactions: [],
    },
    source: {
      cluster: 'bench',
      namespace: 'shop',
      workload: { kind: 'Deployment', name: 'shop' },
      pod: 'shop-1',
      container: 'shop',
    },
    client: { ip: '10.0.0.7', port: 40_000 + (session % 1_000), host: null },
    server: { ip: '10.0.0.9', port: 8_080, host: null },
    connection: { id: `c${session % 64}-${Math.floor(session / 512)}`, seq: n % 512 },
    request: { method: said.method, url: said.url, headers: said.headers, body: bodyOf(said.body) },
    response: { status: said.status, headers: JSON_HEADERS, body: bodyOf(said.answer) },
  };
}
