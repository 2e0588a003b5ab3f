// Connections to real hosts over HTTP/2, one per origin, for what came in over it (gRPC speaks nothing else). It must not know
// which hosts may be asked, beyond the look-up it is given.
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectPlain, type LookupFunction } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { HeaderList } from '@echoplane/traffic';
import type { Destination } from './alias-listener.ts';
import type { Origin } from './channel.ts';
import { destinationOf, headersOf, type RealAnswer } from './real-answer.ts';

const MAX_SESSIONS = 100;
const IDLE_MS = 60_000;
const CONNECT_MS = 10_000;
/** Without a byte for so long the real host is given up. */
const SILENCE_MS = 120_000;

type Answered = [Record<string, number>, number, string[]];

export interface Http2Question {
  origin: Origin;
  /** Where the origin is to be found. */
  dialled: Destination;
  method: string;
  headers: HeaderList;
  body: Buffer;
}

export class Http2Hosts {
  readonly #sessions = new Map<string, ClientHttp2Session>();
  readonly #lookup: LookupFunction;

  constructor(lookup: LookupFunction) {
    this.#lookup = lookup;
  }

  /** Rejects when the host is not reached, or resets the stream before its answer. */
  async ask(
    { origin, dialled, method, headers, body }: Http2Question,
    signal: AbortSignal,
  ): Promise<RealAnswer> {
    const fields: OutgoingHttpHeaders = {};
    for (const [name, value] of headers) {
      const lower = name.toLowerCase();
      const before = fields[lower];
      fields[lower] = before === undefined ? value : [before, value].flat().map(String);
    }
    const { scheme, host, target } = origin;
    const pseudo = { ':method': method, ':path': target, ':scheme': scheme, ':authority': host };
    // gRPC servers refuse a call without it; of TE only this may pass.
    const te = String(fields['content-type'] ?? '').startsWith('application/grpc') ? { te: 'trailers' } : {};
    const endStream = body.length === 0;
    const stream = this.#sessionTo(origin, dialled).request(
      { ...pseudo, ...fields, ...te },
      { signal, endStream },
    );
    // What fails is told below; later errors are seen as the body's end.
    stream.on('error', () => {});
    let trailers: HeaderList = [];
    stream.on('trailers', (_, __, raw) => {
      trailers = headersOf(raw as unknown as string[]);
    });
    if (!endStream) stream.end(body);
    stream.setTimeout(SILENCE_MS, () => stream.destroy(new Error(`nothing came for ${SILENCE_MS} ms`)));
    const closed = once(stream, 'close').then(() => {
      throw new Error('the stream was closed without an answer');
    });
    closed.catch(() => {});
    const [response, , raw] = (await Promise.race([once(stream, 'response'), closed])) as Answered;
    const all = headersOf(raw).filter(([name]) => !name.startsWith(':'));
    return {
      ...{ status: response[':status']!, reason: '', headers: all, body: stream },
      // A reset looks like an end to who reads.
      isWhole: () => stream.rstCode === constants.NGHTTP2_NO_ERROR,
      trailers: () => trailers,
    };
  }

  close(): void {
    for (const session of this.#sessions.values()) session.destroy();
    this.#sessions.clear();
  }

  #sessionTo(origin: Origin, { host, port }: Destination): ClientHttp2Session {
    const key = `${origin.scheme}://${origin.host}`;
    const known = this.#sessions.get(key);
    if (known && !known.closed && !known.destroyed) return known;
    const dial = { host, port, lookup: this.#lookup };
    const session = connect(key, {
      createConnection: () =>
        origin.scheme === 'https'
          ? connectTls({ ...dial, servername: destinationOf(origin).host, ALPNProtocols: ['h2'] })
          : connectPlain(dial),
    });
    const connecting = setTimeout(
      () => session.destroy(new Error(`no connection within ${CONNECT_MS} ms`)),
      CONNECT_MS,
    );
    session.once('connect', () => clearTimeout(connecting));
    // A stream that was asked for is told on its own.
    session.on('error', () => {});
    session.once('close', () => {
      clearTimeout(connecting);
      if (this.#sessions.get(key) === session) this.#sessions.delete(key);
    });
    session.setTimeout(IDLE_MS, () => session.close(() => {}));
    if (this.#sessions.size >= MAX_SESSIONS) {
      const [oldest, oldestSession] = this.#sessions.entries().next().value!;
      this.#sessions.delete(oldest);
      oldestSession.close();
    }
    this.#sessions.set(key, session);
    return session;
  }
}
