// Serves a proxy client's absolute-form requests. The one place where bytes change on their way: the request line
// becomes origin-form and the proxy's own fields go; bodies and responses pass as they are. One upstream connection at
// a time, reused while the host stays the same; a request for another host waits until the earlier ones are answered.
// What is captured is what the upstream sees.
import type { Socket } from 'node:net';
import type { ConnectionTap } from './capture.ts';
import type { Target } from './dial.ts';
import { clientAddress, tellConnect } from './inbound.ts';
import type { OutboundOptions, ProxyClient } from './outbound.ts';
import { answer, unreachable } from './proxy-answer.ts';
import { connectTarget, type OriginRequest, originRequest } from './proxy-request.ts';
import { type Part, RequestSplitter } from './request-splitter.ts';
import { reset } from './splice.ts';

interface Upstream {
  key: string;
  socket: Socket;
  tap: ConnectionTap;
  isConnected: boolean;
  failed: boolean;
}

type Head = Extract<Part, { type: 'head' }>;

const NOTHING = Buffer.alloc(0);

/** One proxy client until it closes or asks for a tunnel. */
export class AbsoluteFormRelay {
  readonly #client: Socket;
  readonly #options: Pick<OutboundOptions, 'dial' | 'capture' | 'metrics'>;
  readonly #onConnect: (target: Target, early: Buffer) => void;
  readonly #splitter = new RequestSplitter();
  readonly #listeners: [string, (chunk: Buffer) => void][];
  #pending: Buffer = NOTHING;
  #upstream: Upstream | null = null;
  /** A request for another host, while the present one still answers. */
  #waiting: OriginRequest | null = null;
  /** After a request to upgrade, what the client sends is no longer HTTP/1.1. */
  #isRaw = false;
  #isOver = false;

  /** `onConnect` takes the client over, with the bytes read beyond its CONNECT. */
  constructor(
    client: ProxyClient,
    options: Pick<OutboundOptions, 'dial' | 'capture' | 'metrics'>,
    onConnect: (target: Target, early: Buffer) => void,
  ) {
    this.#client = client.socket;
    this.#options = options;
    this.#onConnect = onConnect;
    client.accepted.isQuiet = () => this.#upstream?.tap.isQuiet ?? this.#pending.length === 0;
    this.#listeners = [
      ['data', (chunk) => this.#onData(chunk)],
      ['end', () => this.#onEnd()],
      ['drain', () => this.#upstream?.socket.resume()],
      ['close', () => this.#onClose()],
    ];
  }

  start(): void {
    for (const [event, listener] of this.#listeners) this.#client.on(event, listener);
  }

  #detach(): void {
    this.#isOver = true;
    for (const [event, listener] of this.#listeners) this.#client.off(event, listener);
  }

  #onData(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pump();
  }

  #pump(): void {
    while (this.#pending.length > 0 && !this.#waiting && !this.#isOver) {
      const chunk = this.#pending;
      this.#pending = NOTHING;
      if (this.#isRaw) this.#send(chunk);
      else this.#onPart(this.#splitter.take(chunk));
    }
  }

  #onPart(part: Part): void {
    if (part.type === 'more') return;
    if (part.type === 'refused') {
      this.#refuse(400, `The sidecar cannot forward this request (${part.reason}).`);
      return;
    }
    this.#pending = part.rest;
    if (part.type === 'body') this.#send(part.bytes);
    else if (part.method === 'CONNECT') this.#handOver(part);
    else this.#onHead(part);
  }

  #onHead(head: Head): void {
    const request = originRequest(head.raw, head.method, head.url);
    if (!request) {
      this.#refuse(400, 'This is a forward proxy: it takes CONNECT host:port and http:// URLs.');
      return;
    }
    this.#isRaw = head.upgrade;
    const isSame = this.#upstream?.key === keyOf(request.target);
    if (!isSame && this.#upstream && !this.#upstream.tap.isQuiet) {
      this.#waiting = request;
      this.#client.pause();
      return;
    }
    this.#forward(request);
  }

  #forward({ target, head }: OriginRequest): void {
    if (this.#upstream?.key !== keyOf(target)) {
      this.#upstream?.socket.end();
      this.#upstream = this.#open(target);
    }
    this.#send(head);
  }

  #send(bytes: Buffer): void {
    const upstream = this.#upstream!;
    const atUs = upstream.tap.nowUs();
    if (!upstream.socket.write(bytes)) this.#client.pause();
    upstream.tap.fromClient(bytes, atUs);
  }

  #handOver(head: Head): void {
    const target = connectTarget(head.url);
    if (!target) {
      this.#refuse(400, 'CONNECT takes host:port.');
      return;
    }
    this.#upstream?.socket.end();
    this.#upstream = null;
    this.#client.pause();
    this.#detach();
    this.#onConnect(target, this.#pending);
  }

  #open(target: Target): Upstream {
    const socket = this.#options.dial(target);
    const tap = this.#options.capture.open({
      direction: 'OUT',
      scheme: 'http',
      client: clientAddress(this.#client),
      server: { ip: '', port: target.port, host: target.host },
      tls: null,
    });
    const upstream: Upstream = { key: keyOf(target), socket, tap, isConnected: false, failed: false };
    tellConnect(socket, tap);
    socket
      .on('connect', () => {
        upstream.isConnected = true;
      })
      .on('data', (chunk) => this.#onAnswer(upstream, chunk))
      .on('drain', () => this.#resumeClient())
      .on('end', () => this.#onUpstreamEnd(upstream))
      .on('error', (error) => this.#onUpstreamError(upstream, target, error))
      .on('close', () => {
        tap.closed(upstream.failed);
        this.#leave(upstream);
      });
    return upstream;
  }

  #onAnswer(upstream: Upstream, chunk: Buffer): void {
    if (upstream !== this.#upstream || this.#isOver) return;
    const atUs = upstream.tap.nowUs();
    if (!this.#client.write(chunk)) upstream.socket.pause();
    upstream.tap.fromServer(chunk, atUs);
    if (this.#waiting && upstream.tap.isQuiet) this.#goOn();
  }

  #resumeClient(): void {
    if (!this.#waiting && !this.#isOver) this.#client.resume();
  }

  #goOn(): void {
    const request = this.#waiting!;
    this.#waiting = null;
    this.#forward(request);
    this.#pump();
    this.#resumeClient();
  }

  #onUpstreamEnd(upstream: Upstream): void {
    upstream.tap.serverEnded();
    if (upstream !== this.#upstream || this.#isOver || this.#waiting) return;
    this.#client.end();
  }

  #onUpstreamError(upstream: Upstream, { host, port }: Target, error: NodeJS.ErrnoException): void {
    if (upstream.socket.readableEnded) return;
    upstream.failed = true;
    if (upstream !== this.#upstream || this.#isOver) return;
    if (upstream.isConnected) reset(this.#client);
    else this.#refuse(502, unreachable(host, port, error));
  }

  /** The upstream is gone: a waiting request may go on, else the client's connection has no other use. */
  #leave(upstream: Upstream): void {
    if (upstream !== this.#upstream || this.#isOver) return;
    this.#upstream = null;
    if (this.#waiting) this.#goOn();
    else this.#client.destroySoon();
  }

  #onEnd(): void {
    this.#upstream?.tap.clientEnded();
    (this.#upstream?.socket ?? this.#client).end();
  }

  #onClose(): void {
    this.#isOver = true;
    const upstream = this.#upstream;
    if (!upstream || upstream.socket.destroyed) return;
    if (this.#client.readableEnded) {
      upstream.socket.destroySoon();
      return;
    }
    upstream.failed = true;
    reset(upstream.socket);
  }

  #refuse(status: 400 | 502, text: string): void {
    this.#detach();
    if (this.#upstream && !this.#upstream.socket.destroyed) this.#upstream.socket.destroySoon();
    answer(this.#client, status, text, this.#options.metrics);
  }
}

function keyOf({ host, port }: Target): string {
  return `${host.toLowerCase()}:${port}`;
}
