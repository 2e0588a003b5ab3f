// An HTTP proxy that breaks things on purpose, put in front of a store or a delivery stream. What it does to each request
// is drawn from a seed, so that a run can be repeated, and counted, so that a test can say that the fault really came. A
// request that is let through is answered by the real thing behind.
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { listen } from '@echoplane/runtime';

export const FAULTS = [
  /** The connection is cut in the middle of the request's body. */
  'cut-request',
  /** The request is done, and the connection cut in the middle of the answer. */
  'cut-answer',
  /** The request is done, and nothing is said. */
  'drop-answer',
  /** The request is done twice. */
  'twice',
  'error-500',
  'slow-down',
  /** Firehose's way to say 503. */
  'throttled',
  /** The request is forwarded in small pieces. */
  'slow-bytes',
  /** Some records of a PutRecordBatch are refused, and not forwarded. */
  'partial-batch',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultyProxyOptions {
  /** Port on this machine of the real thing. */
  upstreamPort: number;
  seed: number;
  /** Share of requests, 0 to 1, that meet each fault. */
  shares: Partial<Record<Fault, number>>;
}

const PIECE_BYTES = 16 << 10;
const SLOW_PIECES = 8;

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class FaultyProxy {
  readonly port: number;
  /** How often each fault came. */
  readonly counts = new Map<Fault, number>();
  /** Requests that were let through unharmed. */
  passed = 0;
  /** Runs at each request before anything else, for a test that wants to act in the middle. */
  onRequest: (number: number) => void = () => {};
  readonly #server: Server;
  readonly #options: FaultyProxyOptions;
  readonly #random: () => number;
  #requests = 0;

  private constructor(server: Server, port: number, options: FaultyProxyOptions) {
    this.#server = server;
    this.port = port;
    this.#options = options;
    this.#random = seeded(options.seed);
    server.on('request', (incoming, answer) => {
      this.#serve(incoming, answer).catch(() => answer.destroy());
    });
  }

  static async start(options: FaultyProxyOptions): Promise<FaultyProxy> {
    const server = createServer({ keepAliveTimeout: 1_000 });
    const port = await listen(server, 0, '127.0.0.1', 'the faulty proxy');
    return new FaultyProxy(server, port, options);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #draw(incoming: IncomingMessage): Fault | null {
    const isBatch = String(incoming.headers['x-amz-target'] ?? '').endsWith('.PutRecordBatch');
    let left = this.#random();
    for (const fault of FAULTS) {
      const share = this.#options.shares[fault] ?? 0;
      if (left < share && (isBatch || fault !== 'partial-batch')) return fault;
      left -= share;
    }
    return null;
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    this.onRequest(++this.#requests);
    const fault = this.#draw(incoming);
    if (fault) this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    else this.passed++;
    if (fault === 'cut-request') return this.#cutRequest(incoming, answer);
    if (incoming.headers.expect === '100-continue') answer.writeContinue();
    const body = await bytesOf(incoming);
    if (fault === 'error-500') return refuse(answer, 500, 'InternalError');
    if (fault === 'slow-down') return refuse(answer, 503, 'SlowDown');
    if (fault === 'throttled') return refuse(answer, 503, 'ServiceUnavailableException');
    if (fault === 'partial-batch') return this.#partialBatch(incoming, body, answer);
    if (fault === 'twice') await this.#forward(incoming, body);
    const real = await this.#forward(incoming, body, fault === 'slow-bytes');
    if (fault === 'drop-answer') return void answer.destroy();
    answer.writeHead(real.status, real.headers);
    if (fault !== 'cut-answer') return void answer.end(real.body);
    answer.write(real.body.subarray(0, real.body.length / 2), () => answer.destroy());
  }

  /** Half of the body reaches the real thing, then both connections are gone. */
  async #cutRequest(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const length = Number(incoming.headers['content-length'] ?? 0);
    const upstream = this.#upstream(incoming, incoming.headers);
    upstream.on('error', () => {});
    let sent = 0;
    for await (const chunk of incoming) {
      upstream.write(chunk);
      sent += (chunk as Buffer).length;
      if (sent >= length / 2) break;
    }
    upstream.destroy();
    answer.destroy();
  }

  async #partialBatch(incoming: IncomingMessage, body: Buffer, answer: ServerResponse): Promise<void> {
    const batch = JSON.parse(body.toString('utf8')) as { Records: unknown[] };
    // At least one of a larger batch is taken, and one refused.
    const isRefused = batch.Records.map((_, i) => i === 0 || (i > 1 && this.#random() < 0.3));
    const taken = batch.Records.filter((_, i) => !isRefused[i]);
    const records: unknown[] = [];
    if (taken.length > 0) {
      const real = await this.#forward(incoming, Buffer.from(JSON.stringify({ ...batch, Records: taken })));
      records.push(
        ...(JSON.parse(real.body.toString('utf8')) as { RequestResponses: unknown[] }).RequestResponses,
      );
    }
    const refusal = { ErrorCode: 'ServiceUnavailableException', ErrorMessage: 'Slow down.' };
    const answers = isRefused.map((refused) => (refused ? refusal : records.shift()));
    const failed = isRefused.filter(Boolean).length;
    answer.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
    answer.end(JSON.stringify({ FailedPutCount: failed, Encrypted: false, RequestResponses: answers }));
  }

  async #forward(
    incoming: IncomingMessage,
    body: Buffer,
    isSlow = false,
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
    const headers = { ...incoming.headers, 'content-length': String(body.length) };
    const upstream = this.#upstream(incoming, headers);
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      upstream.on('response', resolve).on('error', reject);
    });
    if (isSlow) await writeSlowly(upstream, body);
    upstream.end(isSlow ? undefined : body);
    const real = await answered;
    // HEAD tells a length and has no body.
    const { connection: _, 'transfer-encoding': __, ...kept } = real.headers;
    return { status: real.statusCode!, headers: kept, body: await bytesOf(real) };
  }

  #upstream(incoming: IncomingMessage, { expect: _, ...headers }: IncomingMessage['headers']) {
    const { method = 'GET', url: path = '/' } = incoming;
    return request({
      host: '127.0.0.1',
      port: this.#options.upstreamPort,
      method,
      path,
      headers,
      agent: false,
    });
  }
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function writeSlowly(upstream: ReturnType<typeof request>, body: Buffer): Promise<void> {
  for (let piece = 0; piece < SLOW_PIECES && piece * PIECE_BYTES < body.length; piece++) {
    const from = piece * PIECE_BYTES;
    const to = piece === SLOW_PIECES - 1 ? body.length : from + PIECE_BYTES;
    await new Promise<void>((resolve, reject) =>
      upstream.write(body.subarray(from, to), (err) => (err ? reject(err) : setImmediate(resolve))),
    );
  }
}

function refuse(answer: ServerResponse, status: number, code: string): void {
  answer.writeHead(status, { 'x-amzn-errortype': code });
  answer.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>Try again.</Message></Error>`);
}
