// A way to the control plane that meets each call as the test wants it: passed on, kept back before it is done, done while
// its answer is kept back, done and cut off. Everything is decided by the path and the test, nothing by chance. It must
// not know what the calls mean.
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { listen } from '@echoplane/runtime';

/**
 * `away`: cut off at once; `before`: the call waits until its client is gone; `after`: it is done, then the same; `lose`:
 * done, and cut off.
 */
export type Treatment = 'pass' | 'away' | 'before' | 'after' | 'lose';

export class CallProxy {
  readonly port: number;
  /** Chosen for each call by its path. */
  treat: (path: string) => Treatment = () => 'pass';
  /** Calls that were not simply passed on, by path: those kept back count as soon as they stand. */
  readonly met = new Map<string, number>();
  readonly #server: Server;
  readonly #upstreamPort: number;

  private constructor(server: Server, port: number, upstreamPort: number) {
    this.#server = server;
    this.port = port;
    this.#upstreamPort = upstreamPort;
    server.on('request', (incoming, answer) => {
      this.#serve(incoming, answer).catch(() => answer.destroy());
    });
  }

  static async start(upstreamPort: number): Promise<CallProxy> {
    const server = createServer();
    return new CallProxy(server, await listen(server, 0, '127.0.0.1', 'the call proxy'), upstreamPort);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many calls of this path met something. */
  count(path: string): number {
    return this.met.get(path) ?? 0;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const path = incoming.url!.replace(/\?.*/, '');
    const how = this.treat(path);
    if (how === 'before' || how === 'away') {
      this.#note(path);
      if (how === 'away') answer.destroy();
      return;
    }
    const upstream = request({
      ...{ host: '127.0.0.1', port: this.#upstreamPort, method: incoming.method, path: incoming.url },
      ...{ headers: incoming.headers, agent: false },
    });
    answer.on('close', () => upstream.destroy());
    const real = await new Promise<IncomingMessage>((resolve, reject) => {
      upstream.on('response', resolve).on('error', reject);
      incoming.pipe(upstream);
    });
    if (how === 'pass') {
      answer.writeHead(real.statusCode!, real.headers).flushHeaders();
      real.on('error', () => answer.destroy());
      real.pipe(answer);
      return;
    }
    // Whatever is said by now, it was done before.
    for await (const _ of real.resume());
    this.#note(path);
    if (how === 'lose') answer.destroy();
  }

  #note(path: string): void {
    this.met.set(path, this.count(path) + 1);
  }
}
