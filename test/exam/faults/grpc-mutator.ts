// The mutator for gRPC: HTTP/2 without TLS, message by message, so that streams of both directions keep flowing.
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { grpcFrames } from '@echoplane/traffic';
import type { Answer } from './answer.ts';
import type { Asked } from './fault.ts';
import type { Mutator, Planted } from './mutator.ts';
import { differs } from './plan.ts';
import type { Routes } from './routes.ts';
import { SLOW_MS } from './wire-faults.ts';

export async function startGrpcMutator(
  targetUrl: string,
  routes: Routes,
  planted: ReadonlyMap<string, Planted>,
): Promise<Mutator> {
  const server = createServer();
  const upstreams = new Map<ServerHttp2Session, ClientHttp2Session>();
  server.on('session', (session) => {
    const upstream = connect(targetUrl);
    upstream.on('error', () => session.destroy());
    upstreams.set(session, upstream);
    session.on('error', () => {});
    session.on('close', () => {
      upstream.close();
      upstreams.delete(session);
    });
  });
  server.on('stream', (stream, headers) => {
    const upstream = upstreams.get(stream.session as ServerHttp2Session);
    const place = routes(headers[':method']!, headers[':path']!, Buffer.alloc(0));
    if (upstream) relay(stream, headers, upstream, planted.get(place ?? ''));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const [session, upstream] of upstreams) {
        session.destroy();
        upstream.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Part = 'head' | 'message' | 'trailers';

/** One answer under a fault, as its parts come by; it counts once, however many of them are changed. */
class Parts {
  readonly #plant: Planted;
  readonly #asked: Asked;
  #isTouched = false;

  constructor(plant: Planted, headers: IncomingHttpHeaders) {
    this.#plant = plant;
    this.#asked = { target: headers[':path']!, user: String(headers.authorization ?? '') };
  }

  changed(part: Part, before: Answer): Answer {
    if (this.#plant.wire) return before;
    const made = this.#plant.apply(this.#asked, before, part === 'message');
    const { status, headers, trailers, body } = made;
    const after = {
      ...before,
      ...{ head: { status, headers }, message: { body }, trailers: { trailers } }[part],
    };
    if (!differs(after, before)) return before;
    this.#plant.touch({ before, after }, this.#isTouched);
    this.#isTouched = true;
    return after;
  }
}

function relay(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  upstream: ClientHttp2Session,
  plant: Planted | undefined,
): void {
  const asked = upstream.request(headers, { endStream: stream.readableEnded });
  stream.pipe(asked);
  stream.on('error', () => asked.close());
  asked.on('error', () => stream.close());
  stream.on('close', () => asked.close());
  const parts = plant && new Parts(plant, headers);
  const of = (part: Part, answer: Answer) => parts?.changed(part, answer) ?? answer;
  let head: Answer = { status: 200, headers: [], trailers: [], body: Buffer.alloc(0) };
  let trailers: IncomingHttpHeaders = {};
  let rest: Buffer = Buffer.alloc(0);
  let writing: Promise<void> = Promise.resolve();
  /** In order, each thing after what came before it. */
  const then = (work: () => void | Promise<void>) => {
    writing = writing.then(work).catch(() => stream.close());
  };
  asked.on('response', (answered, flags) => {
    const isOnly = (flags & 1) !== 0;
    then(async () => {
      if (plant?.wire === 'slow') {
        plant.touch();
        await delay(SLOW_MS);
      }
      if (isOnly)
        return stream.respond(fromPairs(of('trailers', trailerAnswer(answered)).trailers, answered), {
          endStream: true,
        });
      head = { ...head, headers: pairs(answered) };
      const changed = of('head', head);
      stream.respond(
        { ...Object.fromEntries(changed.headers), ':status': changed.status },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => {
        const changed = of('trailers', trailerAnswer(trailers));
        stream.sendTrailers(Object.fromEntries(changed.trailers));
      });
    });
  });
  asked.on('trailers', (read) => {
    trailers = read;
  });
  asked.on('data', (chunk: Buffer) => {
    const { frames, rest: left } = grpcFrames(Buffer.concat([rest, chunk]));
    rest = left;
    for (const frame of frames) then(() => void stream.write(of('message', { ...head, body: frame }).body));
  });
  asked.on('end', () => then(() => void stream.end()));
}

const pairs = (headers: IncomingHttpHeaders): [string, string][] =>
  Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    name.startsWith(':') || value === undefined ? [] : [[name, String(value)]],
  );

const trailerAnswer = (headers: IncomingHttpHeaders): Answer => ({
  ...{ status: 200, headers: [], body: Buffer.alloc(0) },
  trailers: pairs(headers),
});

function fromPairs(list: Answer['trailers'], head: IncomingHttpHeaders): IncomingHttpHeaders {
  return { ':status': head[':status'] ?? 200, ...Object.fromEntries(list) } as IncomingHttpHeaders;
}
