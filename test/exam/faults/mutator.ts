// Stands between the generator and a service and puts faults into its answers, one at each endpoint that a round names. What
// it has no fault for passes byte by byte. It knows nothing of how faults are found.
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import type { HeaderList } from '@echoplane/traffic';
import { type Answer, headerOf, withHeader } from './answer.ts';
import type { Asked, Seen } from './fault.ts';
import type { Change, Sown } from './judging.ts';
import { userOf } from './places.ts';
import { differs, type Seed } from './plan.ts';
import type { Routes } from './routes.ts';
import { isWire, SLOW_MS } from './wire-faults.ts';

const MAX_EARLIER = 200;
const MAX_CHANGES = 500;

/** A seed in a running mutator. */
export class Planted implements Sown {
  readonly seed: Seed;
  /** Answers of the unchanged service, of which a lost write gives the next one. */
  readonly usual: readonly Answer[];
  readonly earlier: Seen[] = [];
  touched = 0;
  firstUs: number | null = null;
  /** Of the first ones. */
  readonly changes: Change[] = [];
  #asked = 0;

  constructor(seed: Seed, usual: readonly Answer[]) {
    this.seed = seed;
    this.usual = usual;
  }

  get wire() {
    return isWire(this.seed.fault) ? this.seed.fault.wire : undefined;
  }

  nextUsual(): Answer | undefined {
    return this.usual[this.#asked++];
  }

  /** One more answer is another one than the service gave, or one more part of the answer told last. */
  touch(change?: Change, isSameAnswer = false): void {
    this.firstUs ??= Date.now() * 1000;
    if (!isSameAnswer) this.touched++;
    if (change && this.changes.length < MAX_CHANGES) this.changes.push(change);
  }

  /** The answer with the fault; the same one when it changes nothing. An answer in parts is seen `earlier` by one of them. */
  apply(asked: Asked, answer: Answer, isSeen = true): Answer {
    const { fault, target } = this.seed;
    const earlier = isSeen ? this.earlier : [];
    const changed = fault.change(answer, target, { random: 0, earlier, request: asked });
    if (isSeen) this.earlier.push({ ...asked, answer, writes: 0 });
    if (this.earlier.length > MAX_EARLIER) this.earlier.shift();
    return changed && differs(changed, answer) ? changed : answer;
  }
}

export interface Mutator {
  url: string;
  close(): Promise<void>;
}

/** For HTTP/1.1. `planted`: by name of the place. */
export async function startMutator(
  targetUrl: string,
  routes: Routes,
  planted: ReadonlyMap<string, Planted>,
): Promise<Mutator> {
  const { hostname, port } = new URL(targetUrl);
  // A connection for each request: one that is kept may be closed by the service while a request is on its way.
  const agent = new Agent({ keepAlive: false, maxSockets: 256 });
  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, out) => {
    pass(incoming, out).catch(() => out.destroy());
  });

  async function pass(incoming: IncomingMessage, out: ServerResponse): Promise<void> {
    const body = await bytesOf(incoming);
    const [method, target] = [incoming.method!, incoming.url!];
    const headers = pairsOf(incoming.rawHeaders);
    const plant = planted.get(routes(method, target, body) ?? '');
    const usual = plant?.wire === 'lost' ? plant.nextUsual() : undefined;
    if (plant && usual) {
      plant.touch();
      return send(out, method, '', usual);
    }
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { hostname, port, method, path: target, headers: headers.flat(), agent };
      request(options as never, resolve)
        .on('error', reject)
        .end(body.length > 0 ? body : undefined);
    });
    const bytes = await bytesOf(answer);
    const reason = answer.statusMessage ?? '';
    const raw = {
      status: answer.statusCode!,
      headers: pairsOf(answer.rawHeaders),
      trailers: [],
      body: bytes,
    };
    if (!plant || plant.wire === 'lost') return send(out, method, reason, raw);
    if (plant.wire) return disturb(plant, out, method, reason, raw);
    const before = plain(raw);
    const changed = plant.apply({ target, user: userOf(headers) }, before);
    if (changed !== before) plant.touch({ before, after: changed });
    send(
      out,
      method,
      changed.status === raw.status ? reason : '',
      changed.body.equals(before.body) ? { ...changed, body: raw.body } : packed(changed),
    );
  }

  const hangUp = passConversations(server, hostname, Number(port));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      agent.destroy();
      hangUp();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** WebSockets pass as they are; what is returned ends them. */
function passConversations(server: Server, hostname: string, port: number): () => void {
  const sockets = new Set<Duplex>();
  server.on('upgrade', (incoming, socket: Duplex, head: Buffer) => {
    const upstream = connect(port, hostname);
    const lines = pairsOf(incoming.rawHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
    upstream.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
    upstream.write(head);
    const pass = (from: Duplex, to: Duplex) => {
      sockets.add(from);
      from.on('error', () => to.destroy()).on('close', () => sockets.delete(from));
      from.pipe(to);
    };
    pass(socket, upstream);
    pass(upstream, socket);
  });
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

async function disturb(
  plant: Planted,
  out: ServerResponse,
  method: string,
  reason: string,
  answer: Answer,
): Promise<void> {
  plant.touch();
  if (plant.wire === 'cut-off') return void out.socket?.resetAndDestroy();
  if (plant.wire === 'slow') await delay(SLOW_MS);
  if (plant.wire !== 'short') return send(out, method, reason, answer);
  const headers = unframed(answer.headers);
  out.writeHead(answer.status, [...headers, ['content-length', String(answer.body.length)]].flat());
  out.write(answer.body.subarray(0, answer.body.length >> 1), () => out.socket?.destroy());
}

const unframed = (headers: HeaderList): HeaderList =>
  headers.filter(([name]) => !/^(transfer-encoding|content-length|connection|keep-alive)$/i.test(name));

/** With the framing that it came with: a length where there was one, chunks elsewhere. */
function send(out: ServerResponse, method: string, reason: string, answer: Answer): void {
  const hasLength = headerOf(answer, 'content-length') !== undefined;
  const isBodiless = method === 'HEAD' || answer.status === 204 || answer.status === 304;
  const headers = isBodiless
    ? withHeader(answer, 'transfer-encoding', undefined).headers
    : [...unframed(answer.headers), ...(hasLength ? [['content-length', String(answer.body.length)]] : [])];
  out.sendDate = false;
  if (reason === '') out.writeHead(answer.status, headers.flat());
  else out.writeHead(answer.status, reason, headers.flat());
  out.end(isBodiless ? undefined : answer.body);
}

/** Without its content coding. */
function plain(answer: Answer): Answer {
  const coding = headerOf(answer, 'content-encoding');
  if (answer.body.length === 0 || coding === undefined) return answer;
  if (coding === 'gzip') return { ...answer, body: gunzipSync(answer.body) };
  if (coding === 'br') return { ...answer, body: brotliDecompressSync(answer.body) };
  return coding === 'deflate' ? { ...answer, body: inflateSync(answer.body) } : answer;
}

/** Under the coding that its header names. */
function packed(answer: Answer): Answer {
  const coding = headerOf(answer, 'content-encoding');
  if (coding === undefined || answer.body.length === 0) return answer;
  return { ...withHeader(answer, 'content-encoding', 'gzip'), body: gzipSync(answer.body) };
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function pairsOf(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, i): [string, string][] => (i % 2 === 0 ? [[name, raw[i + 1]!]] : []));
}
