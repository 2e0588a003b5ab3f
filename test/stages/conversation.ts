// A conversation of raw bytes between two ends, played turn by turn: the next begins when the other end has seen the effect
// of the one before, so that cuts and pauses are where they are written and nothing sleeps. What each end saw, and in which
// order, is written down to be compared.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

type Side = 'client' | 'server';

/** What one end does next. */
export interface Turn {
  from: Side;
  act: Buffer | 'end' | 'reset';
}

/** What both ends saw: lines in the order of the turns, and all bytes. */
export interface Seen {
  lines: string[];
  atClient: Buffer;
  atServer: Buffer;
  clientPort: number;
}

const DEADLINE_MS = 30_000;

const bytesOf = (text: string | Buffer) => (typeof text === 'string' ? Buffer.from(text, 'latin1') : text);

/** The client's next bytes; a string is latin1. */
export const c = (text: string | Buffer): Turn => ({ from: 'client', act: bytesOf(text) });
/** The server's next bytes. */
export const s = (text: string | Buffer): Turn => ({ from: 'server', act: bytesOf(text) });
export const cEnds: Turn = { from: 'client', act: 'end' };
export const sEnds: Turn = { from: 'server', act: 'end' };
export const cResets: Turn = { from: 'client', act: 'reset' };
export const sResets: Turn = { from: 'server', act: 'reset' };

/** The same bytes, each on its own. */
export function bytewise({ from, act }: Turn): Turn[] {
  return [...(act as Buffer)].map((byte) => ({ from, act: Buffer.from([byte]) }));
}

/** The same bytes in two pieces, one for each place where they can be cut into two: a conversation per piece. */
export function everyCut({ from, act }: Turn): Turn[][] {
  const whole = act as Buffer;
  return [...whole.keys()].slice(1).map((at) => [
    { from, act: whole.subarray(0, at) },
    { from, act: whole.subarray(at) },
  ]);
}

/** One end of a connection, and what it has seen. */
class End {
  readonly side: Side;
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];
  received = 0;
  /** In their order, since they were taken last. */
  #events: string[] = [];
  hasEnd = false;
  isOver = false;
  isClosed = false;
  #wake = () => {};

  constructor(side: Side, socket: Socket) {
    this.side = side;
    this.socket = socket;
    const seen = (event: string) => {
      this.#events.push(event);
      this.#wake();
    };
    socket
      .on('data', (chunk) => {
        this.chunks.push(chunk);
        this.received += chunk.length;
        this.#wake();
      })
      .on('end', () => {
        this.hasEnd = true;
        seen('end');
      })
      .on('error', (error: NodeJS.ErrnoException) => {
        this.isOver = true;
        seen(error.code === 'EPIPE' ? 'ECONNRESET' : (error.code ?? error.message));
      })
      .on('close', () => {
        this.isClosed = true;
        this.#wake();
      });
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = setTimeout(() => this.#wake(), DEADLINE_MS);
    const startMs = performance.now();
    while (!condition()) {
      if (performance.now() - startMs >= DEADLINE_MS)
        throw new Error(`the ${this.side} waits in vain: ${what}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(deadline);
  }

  takeEvents(): string[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

/** Plays the turns on a connection to `port`; `accepted` gives the server's end of it. Both ends end when nobody did. */
export async function converse(
  port: number,
  accepted: () => Promise<Socket>,
  turns: readonly Turn[],
): Promise<Seen> {
  const client = new End('client', connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }));
  await once(client.socket, 'connect');
  const server = new End('server', await accepted());
  const clientPort = client.socket.localPort!;
  const lines: string[] = [];
  const sent = { client: 0, server: 0 };
  const isEnding = (side: Side) => turns.some(({ from, act }) => from === side && act === 'end');
  const isReset = turns.some(({ act }) => act === 'reset');
  const rest = isReset ? [] : [sEnds, cEnds].filter(({ from }) => !isEnding(from));
  for (const [index, { from, act }] of [...turns, ...rest].entries()) {
    const [self, peer] = from === 'client' ? [client, server] : [server, client];
    const before = { client: client.received, server: server.received };
    const turn = `turn ${index} (${typeof act === 'string' ? act : `${act.length} bytes`} of the ${from})`;
    if (act === 'end') {
      self.socket.end();
      await peer.until(() => peer.hasEnd || peer.isOver, turn);
    } else if (act === 'reset') {
      self.socket.resetAndDestroy();
      await peer.until(() => peer.isOver || peer.isClosed, turn);
    } else {
      sent[from] += act.length;
      self.socket.write(act);
      await peer.until(() => peer.received >= sent[from] || peer.isOver, turn);
    }
    for (const end of [client, server]) {
      const more = end.received - before[end.side];
      const events = [...(more > 0 ? [`${more} bytes`] : []), ...end.takeEvents()];
      if (events.length > 0) lines.push(`${turn}: the ${end.side} sees ${events.join(', ')}`);
    }
  }
  await Promise.all([client, server].map((end) => end.until(() => end.isClosed, 'the close')));
  for (const end of [client, server])
    lines.push(...end.takeEvents().map((event) => `${end.side} at last: ${event}`));
  return {
    lines,
    atClient: Buffer.concat(client.chunks),
    atServer: Buffer.concat(server.chunks),
    clientPort,
  };
}
