// The connections of one client: of a recorded session, or of a virtual user. They are kept alive between its requests; one
// more is opened when all are busy, because the recorded client had as many requests under way.
import { newId } from '@echoplane/runtime';
import type { Channel, ReplayedProtocol } from './channel.ts';
import { dial, factsOf } from './dial.ts';
import { Http1Connection } from './http1-connection.ts';
import { Http2Channel, type Http2Options } from './http2-channel.ts';
import { WebSocketChannel } from './websocket-channel.ts';

/** Idle connections kept; more than a browser opens to one host. */
const MAX_IDLE = 8;

export type ClientOptions = Http2Options;

export class Client {
  readonly #options: ClientOptions;
  readonly #idle: Http1Connection[] = [];
  #shared: Promise<Http2Channel> | null = null;
  #isClosed = false;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Dials ahead of the first request; a failure is that request's to meet. */
  async connect(protocol: ReplayedProtocol): Promise<void> {
    if (protocol === 'websocket') return;
    const channel = await this.acquire(protocol);
    if (channel) this.release(channel);
  }

  /** What carries one request, dialled once if there is nothing idle; null when it cannot be had. Give it back by `release`. */
  acquire(protocol: ReplayedProtocol): Channel | Promise<Channel | null> {
    if (protocol === 'http/1.1')
      for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) if (idle.isOpen) return idle;
    return this.#open(protocol).catch(() => null);
  }

  release(channel: Channel): void {
    if (!channel.isOpen) channel.close();
    else if (this.#isClosed) channel.close();
    else if (channel instanceof Http1Connection) {
      if (this.#idle.length >= MAX_IDLE) channel.close();
      else this.#idle.push(channel);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
    this.#shared?.then((channel) => channel.close()).catch(() => {});
  }

  async #open(protocol: ReplayedProtocol): Promise<Channel> {
    if (protocol === 'websocket') return WebSocketChannel.open(this.#options);
    if (protocol !== 'http/1.1') return this.#openShared();
    const dialled = await dial(this.#options);
    const facts = factsOf(newId(this.#options.clock.nowUs()), dialled.socket);
    return new Http1Connection(dialled, facts, this.#options);
  }

  /** One HTTP/2 connection at a time, also when several requests ask for it at once. */
  async #openShared(): Promise<Http2Channel> {
    const known = await this.#shared?.catch(() => null);
    if (known?.isOpen) return known;
    this.#shared = Http2Channel.open(this.#options);
    return this.#shared;
  }
}
