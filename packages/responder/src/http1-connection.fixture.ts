// A connection whose client is a test: bytes go in by any cut, what comes back is text. For tests only.
import { Duplex } from 'node:stream';
import type { Channel } from './channel.ts';
import { type Http1Asked, Http1Connection, type Http1Limits, type Http1Owner } from './http1-connection.ts';

export const LIMITS: Http1Limits = { headMs: 10, requestMs: 100, idleMs: 1_000, stallMs: 500 };

/** What a request is answered with: it repeats what was understood of it. */
export function echo({ head, body, sizeBytes, seq }: Http1Asked): string {
  const said = `${seq} ${head.method} ${head.target} ${sizeBytes} ${body.toString('latin1')}`;
  return `HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\n\r\n${said}`;
}

export class ClientStage {
  /** All that came back. */
  text = '';
  /** Whether the connection was ended by the server. */
  hasEnded = false;
  isClosed = false;
  nowUs = 1_000_000;
  readonly refused: string[] = [];
  readonly connection: Http1Connection;
  readonly socket: Duplex;
  readonly channel: Channel = {
    ...{ connection: 'c', scheme: 'http', authority: null, tls: null, seq: 0 },
    client: { ip: '127.0.0.1', port: 1, host: '' },
  };

  constructor(owner: Partial<Http1Owner> = {}) {
    this.socket = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.text += chunk.toString('latin1');
        done();
      },
      final: (done) => {
        this.hasEnded = true;
        done();
      },
    });
    this.connection = new Http1Connection(
      this.socket,
      this.channel,
      {
        nowUs: () => this.nowUs,
        again: () => null,
        answer: (asked, connection) => void connection.send(Buffer.from(echo(asked), 'latin1')),
        connect: () => {},
        upgrade: () => false,
        refused: (reason) => void this.refused.push(reason),
        closed: () => {
          this.isClosed = true;
        },
        ...owner,
      },
      LIMITS,
    );
  }

  /** Sends bytes, in pieces of the sizes given and the rest whole. */
  async say(text: string | Buffer, cuts: readonly number[] = []): Promise<this> {
    const bytes = Buffer.from(text as string, 'latin1');
    let at = 0;
    for (const size of cuts) {
      if (at < bytes.length) this.socket.push(bytes.subarray(at, at + size));
      at += size;
    }
    if (at < bytes.length) this.socket.push(bytes.subarray(at));
    return this.settled();
  }

  /** The client's end. */
  async leave(): Promise<this> {
    this.socket.push(null);
    return this.settled();
  }

  async settled(): Promise<this> {
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
    return this;
  }
}
