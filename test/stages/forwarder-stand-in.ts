// A forwarder's stand-in that can be as bad as a forwarder can be: one that never reads, one that reads a byte at a time, one
// that is gone, one that comes back. What it acknowledged it remembers over its deaths, as a real one does.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type CapturedPair, CaptureFrameDecoder, encodeCaptureFrame } from '@echoplane/wire';

/** `takes`: reads and acknowledges. `deaf`: accepts and never reads. `dribbles`: greets, then reads a byte a second. */
export type Temper = 'takes' | 'deaf' | 'dribbles';

export class ForwarderStandIn {
  temper: Temper = 'takes';
  /** In the order of their arrival; only when `keepsPairs`. */
  readonly pairs: CapturedPair[] = [];
  keepsPairs = true;
  /** How often each pair was taken, by its id. */
  readonly taken = new Map<string, number>();
  /** Bytes read while dribbling. */
  dribbled = 0;
  connections = 0;
  readonly #sockets = new Set<Socket>();
  /** The last batch taken of each incarnation. */
  readonly #last = new Map<string, number>();
  #server: Server | null = null;

  async listen(port: number): Promise<number> {
    // Not reading while deaf must reach the sender: nothing is read ahead.
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#serve(socket));
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** As a crash does: connections are reset and the port is closed. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await once(server, 'close');
  }

  /** Breaks all connections; new ones are served. */
  interrupt(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #serve(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    if (this.temper === 'deaf') return;
    const decoder = new CaptureFrameDecoder({ preface: true });
    let incarnation = '';
    const take = (bytes: Buffer) => {
      for (const message of decoder.feed(bytes)) {
        if (message.type === 'hello') {
          incarnation = message.value.incarnation;
          const lastBatch = this.#last.get(incarnation) ?? 0;
          socket.write(encodeCaptureFrame({ type: 'welcome', value: { lastBatch, windowBytes: 8 << 20 } }));
        } else if (message.type === 'batch') {
          this.#take(incarnation, message.value.seq, message.value.pairs);
          socket.write(encodeCaptureFrame({ type: 'ack', value: { batch: message.value.seq } }));
        }
      }
    };
    if (this.temper === 'dribbles') this.#dribble(socket, take, () => incarnation !== '');
    else socket.on('data', take).resume();
  }

  #take(incarnation: string, seq: number, pairs: readonly CapturedPair[]): void {
    if (seq <= (this.#last.get(incarnation) ?? 0)) return;
    this.#last.set(incarnation, seq);
    for (const pair of pairs) this.taken.set(pair.id, (this.taken.get(pair.id) ?? 0) + 1);
    if (this.keepsPairs) this.pairs.push(...pairs);
  }

  /** Greets, and from then on reads one byte a second. */
  #dribble(socket: Socket, take: (bytes: Buffer) => void, isGreeted: () => boolean): void {
    const read = () => {
      const bytes = socket.read(isGreeted() ? 1 : undefined) as Buffer | null;
      if (!bytes) return;
      if (isGreeted()) this.dribbled++;
      take(bytes);
    };
    const timer = setInterval(read, 1_000);
    socket.on('readable', () => isGreeted() || read()).on('close', () => clearInterval(timer));
  }
}
