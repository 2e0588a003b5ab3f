// Owns one customer's visit to the shop: which requests, in which order, with which choices.
// The choices come from the seed and the session's number alone; only e-mail address and password are random.
// Must not know how many sessions there are or where results go.
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const REQUEST_TIMEOUT_MS = 15_000;
const CURRENCIES = ['EUR', 'USD', 'GBP'] as const;

const login = z.object({ token: z.string() });
const productList = z.object({
  items: z.array(z.object({ id: z.string() })).min(1),
  next: z.string().nullable(),
});
const placedOrder = z.object({ id: z.string() });

/** An answer the session did not expect; status 0 when there was none. It ends the session. */
export class UnexpectedAnswer extends Error {
  readonly request: string;
  readonly expected: number;
  readonly status: number;

  constructor(request: string, expected: number, status: number, options?: ErrorOptions) {
    super(`${request} gave ${status} instead of ${expected}`, options);
    this.name = 'UnexpectedAnswer';
    this.request = request;
    this.expected = expected;
    this.status = status;
  }
}

/** What a visit needs; `onRequest` is called once for each request that is sent. */
export type Visit = {
  baseUrl: string;
  number: number;
  seed: number;
  thinkMs: number;
  signal: AbortSignal;
  onRequest(): void;
};

/** Makes one visit, from registration to profile; throws UnexpectedAnswer or, when stopped, the abort reason. */
export async function runSession(visit: Visit): Promise<void> {
  const shop = new ShopCalls(visit);
  const random = seededRandom(visit.seed, visit.number);
  const curious = visit.number % 4 === 0;
  const currency = CURRENCIES[visit.number % CURRENCIES.length]!;

  await shop.register(curious);
  if (curious) await shop.send('POST', '/orders', 409, { currency });
  const products = await shop.browse();
  const [first, second, third] = pick(products, 3, random) as [string, string, string];
  await shop.send('GET', `/products/${first}?currency=USD`, 200);
  await shop.send('GET', `/products/${second}?currency=GBP`, 200);
  await shop.send('GET', `/products/${third}?currency=${random() < 0.5 ? 'USD' : 'GBP'}`, 200);

  const chosen = curious || random() < 0.5 ? [first, second, third] : [first, second];
  for (const productId of chosen) {
    await shop.send('POST', '/cart/items', 201, { productId, quantity: 1 + Math.floor(random() * 3) });
  }
  if (curious) await shop.send('DELETE', `/cart/items/${first}`, 204);
  await shop.send('PATCH', `/cart/items/${chosen.at(-1)}`, 200, { quantity: 2 + Math.floor(random() * 3) });
  await shop.send('GET', '/cart', 200);

  const note = random() < 0.3 ? { note: 'Please leave it at the door.' } : {};
  const order = placedOrder.parse(await shop.send('POST', '/orders', 201, { currency, ...note }));
  await shop.send('GET', `/orders/${order.id}`, 200);
  await shop.send('GET', '/orders', 200);
  await shop.send('GET', `/orders/${order.id}`, 200);
  await shop.send('GET', '/me', 200);
}

/** The shop as one browser sees it: keeps the token and the cookie, thinks before every request but the first. */
class ShopCalls {
  readonly #visit: Visit;
  readonly #headers: Record<string, string> = { accept: 'application/json' };
  #thinks = false;

  constructor(visit: Visit) {
    this.#visit = visit;
  }

  async register(mistypes: boolean): Promise<void> {
    const email = `${randomUUID()}@customers.example`;
    const password = randomBytes(15).toString('base64url');
    await this.send('POST', '/register', 201, { email, password, name: `Customer ${this.#visit.number}` });
    if (mistypes) await this.send('POST', '/login', 401, { email, password: `${password}x` });
    const { token } = login.parse(await this.send('POST', '/login', 200, { email, password }));
    this.#headers.authorization = `Bearer ${token}`;
  }

  async browse(): Promise<string[]> {
    const page1 = productList.parse(await this.send('GET', '/products?page=1&perPage=8', 200));
    if (page1.next === null) return page1.items.map(({ id }) => id);
    const page2 = productList.parse(await this.send('GET', page1.next, 200));
    return [...page1.items, ...page2.items].map(({ id }) => id);
  }

  async send(method: string, path: string, expected: number, body?: unknown): Promise<unknown> {
    const { baseUrl, thinkMs, signal, onRequest } = this.#visit;
    if (this.#thinks) await sleep(thinkMs, undefined, { signal });
    this.#thinks = true;
    onRequest();
    const headers =
      body === undefined ? this.#headers : { ...this.#headers, 'content-type': 'application/json' };
    const { response, text } = await fetchText(new URL(path, baseUrl), {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    }).catch((cause) => {
      if (signal.aborted) throw signal.reason;
      throw new UnexpectedAnswer(`${method} ${path}`, expected, 0, { cause });
    });
    if (response.status !== expected)
      throw new UnexpectedAnswer(`${method} ${path}`, expected, response.status);
    const cookie = response.headers.getSetCookie()[0]?.split(';')[0];
    if (cookie !== undefined) this.#headers.cookie = cookie;
    return text === '' ? undefined : JSON.parse(text);
  }
}

async function fetchText(url: URL, init: RequestInit): Promise<{ response: Response; text: string }> {
  const response = await fetch(url, init);
  return { response, text: await response.text() };
}

/** Different members of a list, in an order the random source decides. */
function pick<T>(list: readonly T[], count: number, random: () => number): T[] {
  const rest = [...list];
  return Array.from({ length: count }, () => rest.splice(Math.floor(random() * rest.length), 1)[0]!);
}

/** Numbers in [0, 1) that depend on seed and stream only (mulberry32). */
export function seededRandom(seed: number, stream: number): () => number {
  let state = (seed ^ Math.imul(stream + 1, 0x9e3779b1)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
