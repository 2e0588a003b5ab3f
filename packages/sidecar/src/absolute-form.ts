// Serves a proxy client's absolute-form requests. The one place where bytes change on their way: the request line
// becomes origin-form, Host the target's, and the proxy's own fields go; bodies and responses pass as they are. One
// upstream connection at a time, reused while the host stays the same. What is for another host waits until the earlier
// requests are answered, and what follows a request to upgrade until that is; when nobody can tell, the client is
// closed. What is captured is what the upstream sees, and nothing here waits for the capture.
import type { Socket } from 'node:net';
import { AnswersOwed } from './answers-owed.ts';
import type { ConnectionTap } from './capture.ts';
import type { Target } from './dial.ts';
import { clientAddress, tellConnect } from './inbound.ts';
import type { OutboundOptions, ProxyClient } from './outbound-options.ts';
import { answer, unreachable } from './proxy-answer.ts';
import { connectTarget, originRequest } from './proxy-request.ts';
import { type Part, RequestSplitter } from './request-splitter.ts';
import { reset } from './splice.ts';

interface Upstream {
  key: string;
  socket: Socket;
  tap: ConnectionTap;
  answers: AnswersOwed;
  isConnected: boolean;
  failed: boolean;
}

type RelayOptions = Pick<OutboundOptions, 'dial' | 'capture' | 'metrics' | 'names' | 'replay'>;
type Head = Extract<Part, { type: 'head' }>;

const NOTHING = Buffer.alloc(0);

/** One proxy client until it closes or asks for a tunnel. */
export class AbsoluteFormRelay {
  readonly #client: Socket;
  readonly #options: RelayOptions;
  readonly #onConnect: (target: Target, early: Buffer) => void;
  readonly #splitter = new RequestSplitter();
  readonly #listeners: [string, (chunk: Buffer) => void][];
  #pending: Buffer = NOTHING;
  #upstream: Upstream | null = null;
  /** What the client asked for last, while the upstream still answers what it asked before. */
  #waiting: (() => void) | null = null;
  #isOver = false;

  /** `onConnect` takes the client over, with the bytes read beyond its CONNECT. */
  constructor(
    client: ProxyClient,
    options: RelayOptions,
    onConnect: (target: Target, early: Buffer) => void,
  ) {
    this.#client = client.socket;
    this.#options = options;
    this.#onConnect = onConnect;
    client.accepted.isQuiet = () => this.#isQuiet;
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
    while (this.#pending.length > 0 && !this.#isOver && !this.#mustWait) {
      const chunk = this.#pending;
      this.#pending = NOTHING;
      if (this.#upstream?.answers.state === 'upgraded') this.#send(chunk);
      else this.#onPart(this.#splitter.take(chunk));
    }
    if (this.#isHolding && !this.#isOver) this.#client.pause();
  }

  get #mustWait(): boolean {
    if (this.#waiting) return true;
    return this.#splitter.isBetween && this.#upstream?.answers.comesFirst === true;
  }

  /** Whether something of the client's is held; nothing more is read meanwhile, and that is its bound. */
  get #isHolding(): boolean {
    return this.#waiting !== null || this.#pending.length > 0;
  }

  get #isQuiet(): boolean {
    const state = this.#upstream?.answers.state ?? 'idle';
    return state === 'idle' && this.#splitter.isBetween && !this.#isHolding;
  }

  #onPart(part: Part): void {
    if (part.type === 'more') return;
    if (part.type === 'refused') {
      this.#refuse(400, `The sidecar cannot forward this request (${part.reason}).`);
      return;
    }
    this.#pending = part.rest;
    if (part.type === 'body') this.#send(part.bytes);
    else if (part.method === 'CONNECT') this.#onTunnel(part);
    else this.#onHead(part);
  }

  #onTunnel(head: Head): void {
    const target = connectTarget(head.url);
    if (target) this.#afterAnswers(() => this.#handOver(target));
    else this.#refuse(400, 'CONNECT takes host:port.');
  }

  #onHead(head: Head): void {
    const request = originRequest(head.raw, head.method, head.url);
    if (!request) {
      this.#refuse(400, 'This is a forward proxy: it takes CONNECT host:port and http:// URLs.');
      return;
    }
    const forward = () => {
      this.#upstream!.answers.add(head);
      this.#send(request.head);
    };
    const change = () => {
      this.#release();
      this.#upstream = this.#open(request.target);
      forward();
    };
    if (this.#upstream?.key === keyOf(request.target)) forward();
    else this.#afterAnswers(change);
  }

  /** Does `step` as soon as the present upstream owes nothing: answers come in the order of their requests. */
  #afterAnswers(step: () => void): void {
    const state = this.#upstream?.answers.state ?? 'idle';
    this.#waiting = state === 'owing' ? step : null;
    if (state === 'idle') step();
    else if (state !== 'owing') this.#giveUp();
  }

  #send(bytes: Buffer): void {
    const upstream = this.#upstream!;
    const atUs = upstream.tap.nowUs();
    if (!upstream.socket.write(bytes)) this.#client.pause();
    upstream.tap.fromClient(bytes, atUs);
  }

  #handOver(target: Target): void {
    this.#release();
    this.#client.pause();
    this.#detach();
    this.#onConnect(target, this.#pending);
  }

  /** Ends the present upstream's connection, which owes nothing any more; read on, or its end is never seen. */
  #release(): void {
    this.#upstream?.socket.resume().end();
    this.#upstream = null;
  }

  #open(target: Target): Upstream {
    const { capture, names } = this.#options;
    const { socket, isMocked } = this.#dial(target);
    const host = names.nameFor(target.host, target.host);
    const tap = capture.open({
      direction: 'OUT',
      scheme: 'http',
      client: clientAddress(this.#client),
      server: { ip: '', port: target.port, host },
      tls: null,
    });
    const upstream: Upstream = {
      key: keyOf(target),
      socket,
      tap,
      answers: new AnswersOwed(),
      isConnected: false,
      failed: false,
    };
    tellConnect(socket, tap, isMocked ? target : null);
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

  #dial(target: Target): { socket: Socket; isMocked: boolean } {
    const { dial, replay } = this.#options;
    if (!replay?.covers(target)) return { socket: dial(target), isMocked: false };
    const client = clientAddress(this.#client);
    return { socket: replay.connect({ client, target, named: target.host, tls: null }), isMocked: true };
  }

  #onAnswer(upstream: Upstream, chunk: Buffer): void {
    if (upstream !== this.#upstream || this.#isOver) return;
    const atUs = upstream.tap.nowUs();
    if (!this.#client.write(chunk)) upstream.socket.pause();
    upstream.tap.fromServer(chunk, atUs);
    upstream.answers.take(chunk);
    if (this.#isHolding) this.#goOn();
  }

  #resumeClient(): void {
    if (!this.#isHolding && !this.#isOver) this.#client.resume();
  }

  #goOn(): void {
    if (this.#waiting) this.#afterAnswers(this.#waiting);
    this.#pump();
    this.#resumeClient();
  }

  #onUpstreamEnd(upstream: Upstream): void {
    upstream.tap.serverEnded();
    upstream.answers.end();
    if (upstream !== this.#upstream || this.#isOver) return;
    // What is held would be answered in place of what this upstream has left unanswered.
    if (this.#isHolding) this.#giveUp();
    else this.#client.end();
  }

  #onUpstreamError(upstream: Upstream, { host, port }: Target, error: NodeJS.ErrnoException): void {
    if (upstream.socket.readableEnded) return;
    upstream.failed = true;
    if (upstream !== this.#upstream || this.#isOver) return;
    if (upstream.isConnected) reset(this.#client);
    else this.#refuse(502, unreachable(host, port, error));
  }

  /** The upstream is gone, and with it the use of the client's connection. */
  #leave(upstream: Upstream): void {
    if (upstream === this.#upstream && !this.#isOver) this.#giveUp();
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

  /** Closes the client when everything it was sent is out: it may ask again on a new connection. */
  #giveUp(): void {
    this.#stop();
    this.#client.destroySoon();
  }

  #stop(): void {
    this.#detach();
    if (this.#upstream && !this.#upstream.socket.destroyed) this.#upstream.socket.destroySoon();
  }

  #refuse(status: 400 | 502, text: string): void {
    this.#stop();
    answer(this.#client, status, text, this.#options.metrics);
  }
}

function keyOf({ host, port }: Target): string {
  return `${host.toLowerCase()}:${port}`;
}
