// The way back to the client of one HTTP/1 request that is not answered at once: a reply whole or piece by piece. It must not
// know what is answered.
import type { Duplex } from 'node:stream';
import type { HeaderList } from '@echoplane/traffic';
import { type ParsedRequestHead, parseHead } from '@echoplane/wire';
import type { Http1Asked, Http1Connection } from './http1-connection.ts';
import { chunkBytes, endBytes, headBytes, isChunked, replyBytes } from './http1-reply.ts';
import type { Reply } from './reply.ts';
import type { AskedHead, ReplyStream, Turn } from './turn.ts';

export class Http1Turn implements Turn {
  readonly #asked: Http1Asked;
  readonly #connection: Http1Connection;

  constructor(asked: Http1Asked, connection: Http1Connection) {
    this.#asked = asked;
    this.#connection = connection;
  }

  get left(): AbortSignal {
    return this.#connection.left;
  }

  send(reply: Reply): Promise<boolean> {
    return this.#write(replyBytes(reply, this.#asked.head));
  }

  open(head: Pick<Reply, 'status' | 'reason' | 'headers'>, { endsHere = false } = {}): ReplyStream {
    const shape = this.#asked.head;
    const inChunks = !endsHere && isChunked(head.headers, shape);
    const isBounded =
      endsHere || inChunks || head.headers.some(([name]) => name.toLowerCase() === 'content-length');
    const opened = this.#write(headBytes(head, { ...shape, keepAlive: shape.keepAlive && isBounded }));
    return {
      write: (bytes) => {
        if (bytes.length === 0) return opened;
        return this.#write(inChunks ? chunkBytes(bytes) : bytes);
      },
      end: async (trailers: HeaderList = []) => {
        const isTaken = inChunks ? await this.#write(endBytes(trailers)) : await opened;
        if (!isBounded) this.#connection.finish();
        return isTaken && !this.#connection.left.aborted;
      },
    };
  }

  destroy(): void {
    this.#connection.socket.destroy();
  }

  reset(): void {
    const socket = this.#connection.socket as Duplex & { resetAndDestroy?(): void };
    if (socket.resetAndDestroy) socket.resetAndDestroy();
    else socket.destroy();
  }

  #write(bytes: Buffer): Promise<boolean> {
    return new Promise((resolve) => this.#connection.send(bytes, resolve));
  }
}

/** Line and headers of a request, taken apart. */
export function http1Head({ head, raw }: Http1Asked): AskedHead {
  const { headers } = parseHead(raw) as ParsedRequestHead;
  const host = headers.find(([name]) => name.toLowerCase() === 'host')?.[1];
  return { method: head.method, url: head.target, version: head.version, host, headers };
}
