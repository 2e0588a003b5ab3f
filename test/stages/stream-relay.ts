// A way from senders to a forwarder that can be cut, that can swallow what the forwarder says, and that can send once more
// what a sender sent before, on a second connection beside the first. It must not know the protocol.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { listen } from '@echoplane/runtime';

interface Wire {
  near: Socket;
  far: Socket;
  /** Everything the sender said on it. */
  said: Buffer[];
}

export class StreamRelay {
  readonly port: number;
  /** While true nothing comes back from the forwarder, acknowledgements too. */
  isMute = false;
  /** Bytes that went through, to the forwarder. */
  passedBytes = 0;
  readonly #server: Server;
  readonly #target: number;
  readonly #wires = new Set<Wire>();

  private constructor(server: Server, port: number, target: number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on('connection', (near: Socket) => this.#join(near));
  }

  static async start(target: number): Promise<StreamRelay> {
    const server = createServer();
    return new StreamRelay(server, await listen(server, 0, '127.0.0.1', 'the relay'), target);
  }

  get connections(): number {
    return this.#wires.size;
  }

  /** Breaks every connection that stands. */
  cut(): void {
    for (const { near, far } of this.#wires) {
      near.destroy();
      far.destroy();
    }
  }

  /** Says on a new connection everything that was said on each that stands; resolves when the forwarder has ended it. */
  async replay(): Promise<void> {
    const told = [...this.#wires].map(({ said }) => Buffer.concat(said));
    await Promise.all(
      told.map(async (bytes) => {
        const socket = connect(this.#target, '127.0.0.1');
        socket.on('error', () => {}).resume();
        socket.end(bytes);
        // Reset or not: the forwarder may have enough of it before it has read all.
        await new Promise((resolve) => socket.once('close', resolve));
      }),
    );
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #join(near: Socket): void {
    const far = connect(this.#target, '127.0.0.1');
    const wire: Wire = { near, far, said: [] };
    this.#wires.add(wire);
    near.on('data', (chunk: Buffer) => {
      wire.said.push(chunk);
      this.passedBytes += chunk.length;
      far.write(chunk);
    });
    far.on('data', (chunk: Buffer) => {
      if (!this.isMute) near.write(chunk);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => {
        this.#wires.delete(wire);
        other.destroy();
      });
    }
  }
}
