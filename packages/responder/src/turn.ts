// One request's way back to its client, alike for HTTP/1 and HTTP/2: a reply whole or piece by piece, and whether it was
// taken. Here that of HTTP/2; that of HTTP/1 is its connection's. It must not know what is answered or why.
import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import type { HeaderList } from '@echoplane/traffic';
import type { Channel } from './channel.ts';
import type { Reply } from './reply.ts';

/** A request's line and headers; HTTP/2 has its pseudo-headers in `method`, `url` and `host` alone. */
export interface AskedHead {
  method: string;
  url: string;
  /** `1.1`, `1.0`, `2.0`. */
  version: string;
  /** As the client named it, in Host or `:authority`. */
  host: string | undefined;
  headers: HeaderList;
}

/** A request on an HTTP/2 stream, of which nothing was read yet. */
export interface Http2Asked {
  stream: ServerHttp2Stream;
  head: AskedHead;
  channel: Channel;
  seq: number;
  /** µs since the epoch. */
  startedUs: number;
}

/** A reply that is written piece by piece. */
export interface ReplyStream {
  /** Resolves when the client can take more; false: it left. */
  write(bytes: Buffer): Promise<boolean>;
  /** Whether all of it was taken. Of HTTP/1 only a chunked reply has trailers. */
  end(trailers?: HeaderList): Promise<boolean>;
}

export interface Turn {
  /** Writes a reply; false when the client left before all of it was taken. */
  send(reply: Reply): Promise<boolean>;
  /** Writes the head at once; `endsHere`: no body follows. */
  open(head: Pick<Reply, 'status' | 'reason' | 'headers'>, options?: { endsHere?: boolean }): ReplyStream;
  /** Aborts when the client leaves. */
  readonly left: AbortSignal;
  /** Closes the connection (of HTTP/2 the stream) as it stands. */
  destroy(): void;
  /** The same so that the client sees a reset. */
  reset(): void;
}

const TAKEN = Promise.resolve(true);

/** The turn of an HTTP/2 stream. */
export class Http2Turn implements Turn {
  readonly #stream: ServerHttp2Stream;
  readonly #left = new AbortController();
  #trailers: HeaderList = [];

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    stream.once('close', () => this.#left.abort());
  }

  get left(): AbortSignal {
    return this.#left.signal;
  }

  async send({ trailers, body, ...head }: Reply): Promise<boolean> {
    const stream = this.open(head, { endsHere: body.length === 0 && trailers.length === 0 });
    if (body.length > 0) void stream.write(body);
    return stream.end(trailers);
  }

  open(
    { status, headers }: Pick<Reply, 'status' | 'headers'>,
    { endsHere = false }: { endsHere?: boolean } = {},
  ): ReplyStream {
    const stream = this.#stream;
    if (!stream.destroyed) {
      stream.respond(
        { ':status': status, ...fields(headers) },
        { endStream: endsHere, waitForTrailers: !endsHere },
      );
      if (!endsHere) stream.once('wantTrailers', () => this.#sendTrailers());
    }
    return {
      write: async (bytes) => {
        if (stream.destroyed) return false;
        if (stream.write(bytes)) return TAKEN;
        await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => {});
        return !stream.destroyed;
      },
      end: async (trailers = []) => {
        this.#trailers = trailers;
        if (!endsHere) stream.end();
        if (!stream.closed) await once(stream, 'close').catch(() => {});
        return stream.rstCode === constants.NGHTTP2_NO_ERROR;
      },
    };
  }

  destroy(): void {
    // Destroyed without a code it would end like a whole answer.
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  reset(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  #sendTrailers(): void {
    // Without any an empty DATA frame ends the stream; closing it here would reset it, and clients end the connection on that.
    if (!this.#stream.closed) this.#stream.sendTrailers(fields(this.#trailers));
  }
}

/** The head of an HTTP/2 request, from its raw headers. */
export function http2Head(rawHeaders: readonly string[]): AskedHead {
  const all = Array.from({ length: rawHeaders.length / 2 }, (_, i): [string, string] => [
    rawHeaders[i * 2]!,
    rawHeaders[i * 2 + 1]!,
  ]);
  const pseudo = new Map(all.filter(([name]) => name.startsWith(':')));
  const headers = all.filter(([name]) => !name.startsWith(':'));
  const host = pseudo.get(':authority') ?? headers.find(([name]) => name === 'host')?.[1];
  const method = pseudo.get(':method') ?? '';
  return { method, url: pseudo.get(':path') ?? '/', version: '2.0', host, headers };
}

/** What HTTP/2 forbids of connections is left out (RFC 9113 section 8.2.2); repeated fields stay apart. */
function fields(headers: HeaderList): OutgoingHttpHeaders {
  const byName = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (lower !== 'transfer-encoding') byName.set(lower, [...(byName.get(lower) ?? []), value]);
  }
  return Object.fromEntries(
    [...byName].map(([name, values]) => [name, values.length > 1 ? values : values[0]!]),
  );
}
