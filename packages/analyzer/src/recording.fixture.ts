// A made-up recording of a shop, and a replay of it by another life of the same shop: other ids, tokens and times, the
// same behaviour. `faults` change the second life.
import { createHash } from 'node:crypto';
import { type HeaderList, type RRPair, storeBody, TAG, uuidV7 } from '@echoplane/traffic';

const START_US = 1_800_000_000_000_000;
const JSON_HEADERS: HeaderList = [['content-type', 'application/json']];

export interface Exchange {
  direction: 'IN' | 'OUT';
  method: string;
  url: string;
  headers: HeaderList;
  body: unknown;
  status: number;
  answer: unknown;
  durationUs: number;
}

export type Faults = (exchange: Exchange) => Exchange;

/** Stand for the time of the exchange, and of the one before it. */
const NOW = '@now';
const BEFORE = '@before';
const STEP_US = 400_000;

/** Ids as one life of the shop makes them: the same `life` and `name` give the same id. */
export function idOf(life: string, name: string): string {
  const hex = createHash('md5').update(`${life}/${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function tokenOf(life: string, user: number): string {
  const payload = Buffer.from(
    JSON.stringify({ sub: idOf(life, `user${user}`), jti: idOf(life, `jti${user}`) }),
  ).toString('base64url');
  const signature = createHash('sha256').update(`${life}${user}`).digest('base64url');
  return `eyJhbGciOiJIUzI1NiJ9.${payload}.${signature}`;
}

/** What one user does and is answered, in one life of the shop. Orders count up over all users, in `orderNumber` order. */
function userExchanges(life: string, user: number, orderNumber: number): Exchange[] {
  const email = `user-${user}-k3x9q2@example.com`;
  const bearer: HeaderList = [['authorization', `Bearer ${tokenOf(life, user)}`]];
  const product = idOf(life, 'product');
  const order = idOf(life, `order${user}`);
  const total = 1000 + user * 10;
  const make = (
    method: string,
    path: string,
    headers: HeaderList,
    body: unknown,
    status: number,
    answer: unknown,
  ): Exchange => ({
    ...{
      direction: 'IN',
      method,
      url: `http://shop${path}`,
      headers,
      body,
      status,
      answer,
      durationUs: 4_000 + user * 10,
    },
  });
  const charge: Exchange = {
    ...make('POST', '', [], { amount: total, reference: order, at: NOW }, 201, {
      id: 'ch_3kTa91bQ7xZp04LmNoPq21Rs',
      reference: order,
    }),
    ...{ direction: 'OUT', url: 'https://pay:8443/v1/charges' },
  };
  return [
    make('POST', '/register', [], { email, password: `pw-${user}-Zx81kLm2` }, 201, {
      id: idOf(life, `user${user}`),
      email,
    }),
    make('POST', '/login', [], { email, password: `pw-${user}-Zx81kLm2` }, 200, {
      token: tokenOf(life, user),
      expiresAt: NOW,
    }),
    make('GET', '/products', bearer, undefined, 200, { items: [{ id: product, name: 'Tea', price: 500 }] }),
    make('POST', '/cart/items', bearer, { productId: product, quantity: 2 }, 201, {
      productId: product,
      quantity: 2,
    }),
    make('GET', '/cart', bearer, undefined, 200, { items: [{ productId: product, quantity: 2 }], total }),
    charge,
    make('POST', '/orders', bearer, { currency: 'EUR' }, 201, {
      id: order,
      number: orderNumber,
      total,
      createdAt: NOW,
    }),
    make('GET', `/orders/${order}`, bearer, undefined, 200, {
      id: order,
      number: orderNumber,
      total,
      createdAt: BEFORE,
    }),
  ];
}

/** RRPairs of `users` users in one life of the shop, users one after another. */
export function recordShop(life: string, users: number, faults: Faults = (exchange) => exchange): RRPair[] {
  const orderOf = (user: number) => (life === 'a' ? 100 + user : 900 - user);
  const exchanges = Array.from({ length: users }, (_, user) =>
    userExchanges(life, user, orderOf(user)),
  ).flat();
  return exchanges.map((exchange, n) => toPair(faults(exchange), life, n));
}

/** The pairs of a second life as the generator's results for the tests of the first. */
export function asResults(recorded: readonly RRPair[], live: readonly RRPair[], replay: string): RRPair[] {
  return live.flatMap((pair, i) =>
    pair.direction === 'IN' ? [{ ...pair, tags: { [TAG.replay]: replay, [TAG.test]: recorded[i]!.id } }] : [],
  );
}

function toPair(exchange: Exchange, life: string, n: number): RRPair {
  const ts = START_US + (life === 'a' ? 0 : 1e9) + n * STEP_US;
  const body = (value: unknown) =>
    storeBody(Buffer.from(value === undefined ? '' : timed(JSON.stringify(value), ts)), '');
  const { direction, method, url, headers, status, answer, durationUs } = exchange;
  return {
    ...{
      v: 1,
      id: uuidV7(ts, Buffer.alloc(10, life)),
      ts,
      durationUs,
      ttfbUs: 1_000,
      direction,
      protocol: 'http/1.1',
    },
    source: {
      cluster: 'c',
      namespace: 'n',
      workload: { kind: 'Deployment', name: 'shop' },
      pod: 'p',
      container: '',
    },
    client: { ip: '127.0.0.1', port: 1, host: null },
    server: { ip: '127.0.0.1', port: 2, host: null },
    ...{
      tls: null,
      connection: { id: `k${n % 3}`, seq: n },
      session: null,
      error: null,
      tags: {},
      redactions: [],
    },
    request: { method, url, headers, body: body(exchange.body) },
    response: { status, headers: JSON_HEADERS, body: body(answer) },
  };
}

function timed(json: string, ts: number): string {
  const iso = (us: number) => new Date(us / 1_000).toISOString();
  return json.replaceAll(NOW, iso(ts + 1_000)).replaceAll(BEFORE, iso(ts - STEP_US + 1_000));
}
