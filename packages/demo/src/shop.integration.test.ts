// The demo as it is deployed: real processes, a real Postgres, payments over TLS with a certificate that only
// NODE_EXTRA_CA_CERTS makes trusted.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Env, Stage } from './integration-stage.ts';

// Generous, for a busy machine: each test starts up to four processes.
vi.setConfig({ testTimeout: 120_000 });

const API_KEY = 'key-of-the-shop';
const PASSWORD = 'correct horse battery';

let stage: Stage;
let ratesUrl: string;
let paymentsUrl: string;
let shopUrl: string;

async function shopEnv(database: string, more: Env = {}): Promise<Env> {
  return {
    DATABASE_URL: await stage.createDatabase(database),
    PAYMENTS_URL: paymentsUrl,
    RATES_URL: ratesUrl,
    PAYMENTS_API_KEY: API_KEY,
    JWT_SECRET: 'a secret of thirty-two characters',
    NODE_EXTRA_CA_CERTS: stage.certFile,
    ...more,
  };
}

async function startShop(database: string, more: Env = {}): Promise<string> {
  const { port } = await stage.serve('shop', await shopEnv(database, more));
  return `http://127.0.0.1:${port}`;
}

beforeAll(async () => {
  stage = await Stage.open();
  const tls = { TLS_CERT_FILE: stage.certFile, TLS_KEY_FILE: stage.keyFile };
  const [rates, payments] = await Promise.all([
    stage.serve('rates', {}),
    stage.serve('payments', { ...tls, API_KEY }),
  ]);
  ratesUrl = `http://127.0.0.1:${rates.port}`;
  paymentsUrl = `https://localhost:${payments.port}`;
  shopUrl = await startShop('main');
}, 120_000);

afterAll(() => stage.close(), 60_000);

// biome-ignore lint/suspicious/noExplicitAny: bodies are read by many assertions; a wrong shape fails them.
type Answer = { status: number; headers: Headers; body: any };
type Send = (method: string, path: string, body?: unknown, headers?: Env) => Promise<Answer>;

const sender = (base: string, authorization?: string): Send => {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(base + path, {
      method,
      headers: {
        ...(authorization ? { authorization } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? null : JSON.parse(text),
    };
  };
};

async function newCustomer(
  base: string,
): Promise<{ send: Send; email: string; registered: Answer; login: Answer }> {
  const email = `${randomUUID()}@customers.example`;
  const registered = await sender(base)('POST', '/register', { email, password: PASSWORD, name: 'Ada' });
  const login = await sender(base)('POST', '/login', { email, password: PASSWORD });
  return { send: sender(base, `Bearer ${login.body.token}`), email, registered, login };
}

/** Calls payments directly, trusting its certificate as the shop does. */
async function callPayments(
  method: string,
  path: string,
  headers: Env,
  body?: unknown,
): Promise<Omit<Answer, 'headers'>> {
  const ca = await readFile(stage.certFile);
  return new Promise((resolve, reject) => {
    const options = {
      method,
      ca,
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
    } as const;
    request(paymentsUrl + path, options, async (response) => {
      const chunks = await response.toArray();
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) });
    })
      .on('error', reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** One walk over every endpoint, as a map from request to answer; what differs from run to run is masked. */
async function walk(base: string): Promise<{ answers: Record<string, unknown>; chargedAmount: number }> {
  const { send, registered, login } = await newCustomer(base);
  const list = await sender(base)('GET', '/products?page=2&perPage=5');
  const [first, second] = list.body.items;
  const answers: Record<string, Answer> = {
    'GET /healthz': await send('GET', '/healthz'),
    'POST /register': registered,
    'POST /login': login,
    'GET /products': list,
    'GET /products/:id': await send('GET', `/products/${first.id}?currency=USD`),
    'POST /cart/items': await send('POST', '/cart/items', { productId: first.id, quantity: 2 }),
    'POST /cart/items 2': await send('POST', '/cart/items', { productId: second.id, quantity: 1 }),
    'PATCH /cart/items/:id': await send('PATCH', `/cart/items/${second.id}`, { quantity: 3 }),
    'GET /cart': await send('GET', '/cart'),
  };
  const placed = await send('POST', '/orders', { currency: 'GBP', note: 'Ring twice' });
  answers['POST /orders'] = placed;
  answers['GET /orders/:id'] = await send('GET', `/orders/${placed.body.id}`);
  answers['GET /orders'] = await send('GET', '/orders');
  answers['GET /me'] = await send('GET', '/me');
  answers['DELETE /cart/items/:id'] = await send('DELETE', `/cart/items/${first.id}`);
  const authorization = `Bearer ${API_KEY}`;
  const charge = await callPayments('GET', `/v1/charges/${placed.body.charge.id}`, { authorization });
  const masked = Object.entries(answers).map(([name, { status, body }]) => [
    name,
    { status, body: mask(body) },
  ]);
  return { answers: Object.fromEntries(masked), chargedAmount: charge.body.amount };
}

function mask(body: unknown): unknown {
  const text = JSON.stringify(body)
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<date>')
    .replace(/ch_\w{24}/g, '<charge>')
    .replace(/"eyJ[\w.-]+"/g, '"<token>"');
  return JSON.parse(text);
}

describe('the client', () => {
  it('meets nothing unexpected in its sessions and makes the same requests for the same seed', async () => {
    const env = { BASE_URL: shopUrl, SESSIONS: '4', CONCURRENCY: '2', SEED: '5', THINK_MS: '0' };
    const first = await stage.start('client', env).ended;
    const second = await stage.start('client', env).ended;
    const done = first.events.at(-1);
    expect(first.stderr).toBe('');
    expect(first.code).toBe(0);
    expect(first.events.filter(({ event }) => event === 'session')).toHaveLength(4);
    expect(done).toMatchObject({ event: 'done', sessions: 4, unexpected: 0 });
    expect(done?.requests).toBeGreaterThanOrEqual(4 * 12);
    expect(second.events.at(-1)).toEqual(done);
  });

  it('exits 1 and says which answers were unexpected', async () => {
    const env = { BASE_URL: ratesUrl, SESSIONS: '2', THINK_MS: '0' };
    const { code, events } = await stage.start('client', env).ended;
    expect(code).toBe(1);
    expect(events).toContainEqual({
      event: 'unexpected',
      session: 0,
      request: 'POST /register',
      expected: 201,
      status: 404,
    });
    expect(events.at(-1)).toEqual({ event: 'done', sessions: 2, requests: 2, unexpected: 2 });
  });

  it('exits 0 when it is told to stop', async () => {
    const env = { BASE_URL: shopUrl, SESSIONS: '1000', THINK_MS: '5' };
    const { child, ended, firstEvent } = stage.start('client', env);
    await firstEvent;
    child.kill('SIGTERM');
    const { code, events } = await ended;
    expect(code).toBe(0);
    expect(events.at(-1)).toMatchObject({ event: 'stopped', unexpected: 0 });
  });
});

describe('the two builds of the shop', () => {
  it('differ in the cart total, the type of the order number and the slow profile, and in nothing else', async () => {
    const [v1Url, v2Url] = await Promise.all([startShop('v1'), startShop('v2', { BUILD: 'v2' })]);
    const [v1, v2] = [await walk(v1Url), await walk(v2Url)];
    const cart = v1.answers['GET /cart'] as Answer;
    const [, last] = cart.body.items;
    const order = v1.answers['GET /orders/:id'] as Answer;
    expect(cart.body.total).toBe(cart.body.items[0].lineTotal + last.lineTotal);
    expect(order.body.number).toBe(1);

    expect(v2.answers).toEqual({
      ...v1.answers,
      'GET /cart': { status: 200, body: { ...cart.body, total: cart.body.total - 2 * last.unitPrice } },
      'GET /orders/:id': { status: 200, body: { ...order.body, number: '1' } },
    });
    expect(v2.chargedAmount).toBe(v1.chargedAmount);
    expect(v1.chargedAmount).toBe(order.body.total);

    // A floor, not a speed: the profile of v2 cannot come before its wait is over (a timer may fire 1 ms early).
    const { send } = await newCustomer(v2Url);
    const startedAt = performance.now();
    await send('GET', '/me');
    expect(performance.now() - startedAt).toBeGreaterThan(298);
  });

  it('are the same to the client: v2 stops no session', async () => {
    const url = await startShop('v2-client', { BUILD: 'v2' });
    const { code, events } = await stage.start('client', { BASE_URL: url, SESSIONS: '2', THINK_MS: '0' })
      .ended;
    expect(code).toBe(0);
    expect(events.at(-1)).toMatchObject({ event: 'done', unexpected: 0 });
  });
});

describe('the shop', () => {
  it("hides a customer's orders and cart from another", async () => {
    const [ada, bob] = [await newCustomer(shopUrl), await newCustomer(shopUrl)];
    const { body: products } = await ada.send('GET', '/products');
    await ada.send('POST', '/cart/items', { productId: products.items[0].id, quantity: 1 });
    expect((await bob.send('GET', '/cart')).body.items).toEqual([]);
    const { body: order, headers } = await ada.send('POST', '/orders', { currency: 'EUR' });
    expect(headers.get('location')).toBe(`/orders/${order.id}`);

    expect((await ada.send('GET', `/orders/${order.id}`)).body).toEqual(order);
    expect((await ada.send('GET', '/orders')).body).toMatchObject({ items: [{ id: order.id }], total: 1 });
    expect((await bob.send('GET', `/orders/${order.id}`)).status).toBe(404);
    expect((await bob.send('GET', '/orders')).body).toMatchObject({ items: [], total: 0, next: null });
  });

  it('pages through 24 products in the order of their names, and by category', async () => {
    const send = sender(shopUrl);
    const names: string[] = [];
    for (let path = '/products?page=1&perPage=10'; path !== null; ) {
      const { body } = await send('GET', path);
      expect(body.total).toBe(24);
      names.push(...body.items.map(({ name }: { name: string }) => name));
      path = body.next;
    }
    expect(names).toHaveLength(24);
    expect(names).toEqual(names.toSorted());
    const tea = (await send('GET', '/products?category=tea&perPage=4')).body;
    expect(tea).toMatchObject({ total: 6, next: '/products?page=2&perPage=4&category=tea' });
    expect(tea.items.every(({ category }: { category: string }) => category === 'tea')).toBe(true);
  });

  it('lists orders newest first, a page at a time', async () => {
    const { send } = await newCustomer(shopUrl);
    const { body: products } = await send('GET', '/products');
    const ids: string[] = [];
    for (const { id } of products.items.slice(0, 3)) {
      await send('POST', '/cart/items', { productId: id, quantity: 1 });
      ids.unshift((await send('POST', '/orders', { currency: 'EUR' })).body.id);
    }
    const page1 = (await send('GET', '/orders?perPage=2')).body;
    const page2 = (await send('GET', page1.next)).body;
    expect([...page1.items, ...page2.items].map(({ id }) => id)).toEqual(ids);
    expect(page2.next).toBeNull();
  });

  it('charges a cart once even when two orders are sent at the same time', async () => {
    const { send } = await newCustomer(shopUrl);
    const { body: products } = await send('GET', '/products');
    await send('POST', '/cart/items', { productId: products.items[0].id, quantity: 1 });
    const answers = await Promise.all([1, 2].map(() => send('POST', '/orders', { currency: 'EUR' })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409]);
  });

  it('keeps the cart when the card is declined', async () => {
    const { send } = await newCustomer(shopUrl);
    const { body: lamps } = await send('GET', '/products?category=desk');
    const lamp = lamps.items.find(({ price }: { price: number }) => price * 99 > 500_000);
    await send('POST', '/cart/items', { productId: lamp.id, quantity: 99 });
    expect(await send('POST', '/orders', { currency: 'EUR' })).toMatchObject({
      status: 402,
      body: { code: 'payment_declined' },
    });
    expect((await send('GET', '/cart')).body.itemCount).toBe(99);
  });

  it('names the dependency it cannot reach', async () => {
    const url = await startShop('alone', {
      PAYMENTS_URL: 'https://127.0.0.1:1',
      RATES_URL: 'http://127.0.0.1:1',
    });
    const { send } = await newCustomer(url);
    const { body: products } = await send('GET', '/products');
    const [{ id }] = products.items;
    await send('POST', '/cart/items', { productId: id, quantity: 1 });
    const unreachable = (dependency: string) => ({
      status: 502,
      body: { code: 'dependency_unreachable', dependency },
    });
    expect(await send('POST', '/orders', { currency: 'EUR' })).toMatchObject(unreachable('payments'));
    expect(await send('GET', `/products/${id}?currency=USD`)).toMatchObject(unreachable('rates'));
  });

  const missing = '00000000-0000-4000-8000-000000000000';
  it.each<[number, string, string, string, unknown?, string?]>([
    [400, 'field of a body', 'POST', '/cart/items', { productId: missing, quantity: 0 }, 'quantity'],
    [400, 'missing body', 'POST', '/orders', undefined, 'body'],
    [400, 'page', 'GET', '/products?page=0', undefined, 'page'],
    [400, 'id', 'GET', '/orders/7', undefined, 'id'],
    [404, 'unknown product', 'GET', `/products/${missing}`],
    [404, 'item not in the cart', 'DELETE', `/cart/items/${missing}`],
    [404, 'unknown path', 'GET', '/nowhere'],
    [409, 'empty cart', 'POST', '/orders', { currency: 'EUR' }],
  ])('answers %i to a wrong request: %s', async (status, _what, method, path, body, field) => {
    const { send } = await newCustomer(shopUrl);
    const answer = await send(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
    expect(answer.body).toEqual({
      code: expect.any(String),
      message: expect.any(String),
      ...(field ? { field } : {}),
    });
  });

  it('refuses a currency without a rate as bad input', async () => {
    const { body: products } = await sender(shopUrl)('GET', '/products');
    const answer = await sender(shopUrl)('GET', `/products/${products.items[0].id}?currency=XXX`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'unknown_currency', field: 'currency' } });
  });

  it('refuses a taken e-mail address, a wrong password, and a request without a good token', async () => {
    const { email, login } = await newCustomer(shopUrl);
    const send = sender(shopUrl);
    expect(login.headers.get('set-cookie')).toMatch(/^shop_session=[\w-]{24}; HttpOnly; Path=\/$/);
    const again = { email: email.toUpperCase(), password: PASSWORD, name: 'Eve' };
    expect((await send('POST', '/register', again)).status).toBe(409);
    expect((await send('POST', '/login', { email, password: 'not the password' })).status).toBe(401);
    for (const path of ['/me', '/cart', '/orders', `/orders/${missing}`]) {
      expect((await send('GET', path)).status).toBe(401);
      expect((await sender(shopUrl, `Bearer ${login.body.token}x`)('GET', path)).status).toBe(401);
    }
  });
});

describe('payments', () => {
  const charge = { amount: 1_250, currency: 'EUR', reference: 'order-1', description: 'Shop order' };
  const headers = { authorization: `Bearer ${API_KEY}`, 'idempotency-key': randomUUID() };

  it('gives the same charge for the same idempotency key, and another for another', async () => {
    const first = await callPayments('POST', '/v1/charges', headers, charge);
    const again = await callPayments('POST', '/v1/charges', headers, charge);
    const other = { ...headers, 'idempotency-key': randomUUID() };
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      id: expect.stringMatching(/^ch_[0-9A-Za-z]{24}$/),
      status: 'succeeded',
    });
    expect(first.body.receiptUrl).toContain(first.body.id);
    expect(again).toEqual(first);
    expect((await callPayments('POST', '/v1/charges', other, charge)).body.id).not.toBe(first.body.id);
  });

  it('refuses a wrong key, an amount over the limit, a missing idempotency key and an unknown charge', async () => {
    const { authorization } = headers;
    const fresh = { authorization, 'idempotency-key': randomUUID() };
    const statuses = [
      await callPayments('POST', '/v1/charges', { ...fresh, authorization: 'Bearer nobody' }, charge),
      await callPayments('POST', '/v1/charges', fresh, { ...charge, amount: 500_001 }),
      await callPayments('POST', '/v1/charges', { authorization }, charge),
      await callPayments('GET', '/v1/charges/ch_none', { authorization }),
    ].map(({ status, body }) => [status, body.code]);
    expect(statuses).toEqual([
      [401, 'invalid_api_key'],
      [402, 'card_declined'],
      [400, 'invalid_input'],
      [404, 'unknown_charge'],
    ]);
  });
});
