// A script's client: `fetch` with a bearer token and the cookies it was given.
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

export class Reader {
  readonly #baseUrl: string;
  readonly #cookies = new Map<string, string>();
  #token: string | null = null;

  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl;
  }

  bearer(token: string): void {
    this.#token = token;
  }

  // biome-ignore lint/suspicious/noExplicitAny: the answers of services have no types here.
  get(path: string): Promise<any> {
    return this.send('GET', path, undefined, 200);
  }
  // biome-ignore lint/suspicious/noExplicitAny: the answers of services have no types here.
  post(path: string, body: unknown, status = 201): Promise<any> {
    return this.send('POST', path, body, status);
  }
  async expect(status: number, method: string, path: string, body?: unknown, other = status): Promise<void> {
    await this.send(method, path, body, status, other);
  }
  async text(path: string): Promise<string> {
    return (await this.#fetch('GET', path, undefined)).text();
  }

  // biome-ignore lint/suspicious/noExplicitAny: the answers of services have no types here.
  async send(method: string, path: string, body: unknown, ...statuses: number[]): Promise<any> {
    const response = await this.#fetch(method, path, body);
    const text = await response.text();
    if (!statuses.includes(response.status))
      throw new Error(
        `${method} ${path}: expected ${statuses[0]}, got ${response.status}: ${text.slice(0, 500)}`,
      );
    return /json/.test(response.headers.get('content-type') ?? '') && text ? JSON.parse(text) : text;
  }

  async #fetch(method: string, path: string, body: unknown): Promise<Response> {
    await delay(randomInt(1, 20));
    const headers: Record<string, string> = {};
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    if (this.#cookies.size > 0)
      headers.cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const isForm = body instanceof FormData;
    if (body !== undefined && !isForm) headers['content-type'] = 'application/json';
    const sent = body === undefined ? null : isForm ? body : JSON.stringify(body);
    const response = await fetch(this.#baseUrl + path, { method, headers, body: sent, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
}
