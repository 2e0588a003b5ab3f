// HTTP to one API server: pooled connections, a deadline on everything that is to end, a bound on every answer. Connections
// are pooled by what they were made with (node:https does that), so new credentials get new ones and the old run out.
// Streams have a pool of their own: a watch holds its connection for minutes, and no call may wait for one.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { OperatingError } from '@echoplane/runtime';
import type { Access } from './access.ts';

export interface HttpRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  body?: string | undefined;
  signal?: AbortSignal | undefined;
}
export interface HttpAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface TransportLimits {
  /** For a call from start to end, and for the head of a stream. */
  timeoutMs: number;
  maxAnswerBytes: number;
  maxSockets: number;
  maxStreams: number;
}

const IDLE_SOCKET_MS = 60_000;
const PROBE_MS = 15_000;

export class Transport {
  readonly #access: Access;
  readonly #limits: TransportLimits;
  readonly #url: URL;
  readonly #calls: HttpAgent;
  readonly #streams: HttpAgent;

  constructor(access: Access, limits: TransportLimits) {
    this.#access = access;
    this.#limits = limits;
    this.#url = new URL(access.server);
    const Agent = this.#url.protocol === 'http:' ? HttpAgent : HttpsAgent;
    const { maxSockets, maxStreams } = limits;
    // The keep-alive of streams is TCP's: a peer that is gone is noticed.
    this.#calls = new Agent({
      keepAlive: true,
      keepAliveMsecs: PROBE_MS,
      maxSockets,
      timeout: IDLE_SOCKET_MS,
    });
    this.#streams = new Agent({
      keepAlive: true,
      keepAliveMsecs: PROBE_MS,
      maxSockets: maxStreams,
      maxFreeSockets: 0,
    });
  }

  /** One exchange, with the whole answer whatever its status. Rejects with OperatingError, or the signal's reason. */
  async exchange(request: HttpRequest): Promise<HttpAnswer> {
    const life = new Life(request.signal, this.#limits.timeoutMs);
    try {
      const response = await this.#open(request, this.#calls, life.signal);
      const body = await this.read(response);
      return { status: response.statusCode ?? 0, headers: response.headers, body };
    } catch (err) {
      throw this.#explain(err, request, life);
    } finally {
      life.end();
    }
  }

  /** An answer whose head is there; its body has no deadline, and ends when the signal aborts. */
  async stream(request: HttpRequest): Promise<IncomingMessage> {
    const life = new Life(request.signal, this.#limits.timeoutMs);
    try {
      const response = await this.#open(request, this.#streams, life.signal);
      life.disarm();
      // Whoever reads it sees the error too; without this one, an abort between two readers would end the process.
      response.once('close', () => life.end()).on('error', () => {});
      return response;
    } catch (err) {
      life.end();
      throw this.#explain(err, request, life);
    }
  }

  /** The whole body as text, within the bound. */
  async read(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > this.#limits.maxAnswerBytes) {
        response.destroy();
        const sentence = `An answer of ${this.#access.server} is over ${this.#limits.maxAnswerBytes} bytes; ask for less of it.`;
        throw new OperatingError('kube_answer_too_large', sentence);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  close(): void {
    this.#calls.destroy();
    this.#streams.destroy();
  }

  async #open(request: HttpRequest, agent: HttpAgent, signal: AbortSignal): Promise<IncomingMessage> {
    const { headers, tls, agent: own } = await this.#access.credentials();
    signal.throwIfAborted();
    const { protocol, hostname, port, pathname } = this.#url;
    const send = protocol === 'http:' ? httpRequest : httpsRequest;
    return new Promise((resolve, reject) => {
      send({
        ...tls,
        method: request.method,
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port,
        path: pathname.replace(/\/+$/, '') + request.path,
        headers: { ...headers, ...request.headers },
        agent: own ?? agent,
        signal,
      })
        .once('response', resolve)
        .on('error', reject)
        .end(request.body);
    });
  }

  #explain(err: unknown, { method, path, signal }: HttpRequest, life: Life): unknown {
    if (signal?.aborted) return signal.reason;
    if (err instanceof OperatingError) return err;
    const { server } = this.#access;
    if (life.timedOut) {
      const sentence = `The API server at ${server} did not answer ${method} ${path.split('?')[0]} in ${this.#limits.timeoutMs} ms.`;
      return new OperatingError('kube_timeout', sentence, { cause: err });
    }
    const { code, message } = err as NodeJS.ErrnoException;
    const sentence = `The API server at ${server} cannot be reached: ${message || code}`;
    return new OperatingError('kube_unreachable', sentence, { cause: err });
  }
}

/** The end of a request: the caller's signal, or the deadline while it is armed. Holds no listener after `end`. */
class Life {
  timedOut = false;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #abort = () => this.#controller.abort();

  constructor(outer: AbortSignal | undefined, timeoutMs: number) {
    this.#outer = outer;
    if (outer?.aborted) this.#abort();
    outer?.addEventListener('abort', this.#abort, { once: true });
    this.#timer = setTimeout(() => {
      this.timedOut = true;
      this.#abort();
    }, timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  disarm(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.disarm();
    this.#outer?.removeEventListener('abort', this.#abort);
  }
}
