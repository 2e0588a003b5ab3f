// A client as a front end or a script has one: keeps cookies and a token, sends the usual headers, thinks between requests.
// Services outside this folder need not use it: a driver may be any client.
import { randomBytes, randomInt } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface Answer {
  status: number;
  headers: Headers;
  /** Parsed where the answer is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: the answers of services have no types here.
  json: any;
  text: string;
}

export interface ClientOptions {
  userAgent?: string;
  headers?: Record<string, string>;
  /** Longest pause before a request, in ms. */
  thinkMs?: number;
}

export class Client {
  readonly #baseUrl: string;
  readonly #options: ClientOptions;
  /** Connections of this client alone, kept open. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #cookies = new Map<string, string>();
  /** Sent with each request, changeable between them. */
  readonly headers: Record<string, string>;

  constructor(baseUrl: string, options: ClientOptions = {}) {
    this.#baseUrl = baseUrl;
    this.#options = options;
    this.headers = {
      'user-agent': options.userAgent ?? USER_AGENTS[randomInt(USER_AGENTS.length)]!,
      ...options.headers,
    };
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.send('GET', path, undefined, headers);
  }
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.send('POST', path, body, headers);
  }
  put(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.send('PUT', path, body, headers);
  }
  patch(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.send('PATCH', path, body, headers);
  }
  delete(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.send('DELETE', path, body, headers);
  }

  /** `body`: an object is sent as JSON, a string, bytes or a form as they are. */
  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    await delay(randomInt(1, this.#options.thinkMs ?? 15));
    const [bytes, type] = await encoded(body);
    const response = await this.#request(method, path, bytes, {
      accept: 'application/json, text/plain, */*',
      ...(this.#cookies.size > 0 ? { cookie: this.#cookieHeader() } : {}),
      ...(type === null ? {} : { 'content-type': type }),
      ...(bytes === null ? {} : { 'content-length': String(bytes.length) }),
      ...this.headers,
      ...headers,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const answered = new Headers();
    for (const [name, values] of Object.entries(response.headersDistinct))
      for (const value of values ?? []) answered.append(name, value);
    for (const line of answered.getSetCookie()) this.#keep(line);
    const text = Buffer.concat(chunks).toString();
    const isJson = /json/.test(answered.get('content-type') ?? '') && text !== '';
    return { status: response.statusCode!, headers: answered, text, json: isJson ? JSON.parse(text) : null };
  }

  #request(
    method: string,
    path: string,
    bytes: Buffer | null,
    headers: Record<string, string>,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const url = new URL(path, this.#baseUrl);
      const sent = request(url, { method, headers, agent: this.#agent, timeout: TIMEOUT_MS }, resolve);
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.on('error', reject);
      sent.end(bytes ?? undefined);
    });
  }

  #cookieHeader(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
    if (/max-age=0|expires=thu, 01 jan 1970/i.test(line) || value === '') this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}

/** Bytes and content type of a body. */
async function encoded(body: unknown): Promise<[Buffer | null, string | null]> {
  if (body === undefined) return [null, null];
  if (typeof body === 'string' || body instanceof Uint8Array) return [Buffer.from(body), null];
  if (body instanceof URLSearchParams)
    return [Buffer.from(body.toString()), 'application/x-www-form-urlencoded'];
  if (!(body instanceof FormData)) return [Buffer.from(JSON.stringify(body)), 'application/json'];
  const form = new Response(body);
  return [Buffer.from(await form.arrayBuffer()), form.headers.get('content-type')];
}

const TIMEOUT_MS = 60_000;
const USER_AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'python-requests/2.32.3',
];

/** The answer, if it has one of these statuses. Throws with what it was otherwise. */
export function expectStatus(answer: Answer, ...statuses: number[]): Answer {
  if (statuses.includes(answer.status)) return answer;
  throw new Error(`expected ${statuses.join(' or ')}, got ${answer.status}: ${answer.text.slice(0, 500)}`);
}

const WORDS =
  'amber birch canyon delta ember fjord grove harbor island juniper kettle lantern meadow nectar orchard pebble quarry river summit timber umbra valley willow yonder zephyr'.split(
    ' ',
  );
const FIRST = 'Ada Bela Carla Dmitri Elif Farid Greta Hana Ivo Jasmin Kofi Lena Miro Nadia Oskar Priya'.split(
  ' ',
);
const LAST =
  'Abel Brandt Costa Duarte Engel Fischer Garcia Haas Ito Jensen Kowalski Lopez Meyer Novak Okafor'.split(
    ' ',
  );

export const pick = <T>(items: readonly T[]): T => items[randomInt(items.length)]!;
/** `n` random words. */
export const words = (n: number): string => Array.from({ length: n }, () => pick(WORDS)).join(' ');
export const sentence = (): string => {
  const text = words(randomInt(4, 11));
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
};
export const number = (from: number, to: number): number => randomInt(from, to + 1);
/** A person with an address that nobody else has. */
export function person(): { first: string; last: string; email: string; username: string; password: string } {
  const [first, last] = [pick(FIRST), pick(LAST)];
  const username = `${first}.${last}.${randomBytes(3).toString('hex')}`.toLowerCase();
  return {
    first,
    last,
    username,
    email: `${username}@example.com`,
    password: randomBytes(9).toString('base64url'),
  };
}
/** `n` random hex digits. */
export const hex = (n: number): string =>
  randomBytes(Math.ceil(n / 2))
    .toString('hex')
    .slice(0, n);
