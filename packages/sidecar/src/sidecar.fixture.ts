// What the sidecar's integration tests stand on: a receiver for the capture stream, a sidecar on free ports, raw TCP
// conversations and real client processes. Everything started here is closed by `closeAll`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { loadConfig, silentLogger } from '@echoplane/runtime';
import { type CapturedPair, CaptureFrameDecoder, encodeCaptureFrame } from '@echoplane/wire';
import { COMPILE_CACHE } from '../../../test/compile-cache.ts';
import { type Sidecar, startSidecar } from './app.ts';
import { sidecarConfig } from './config.ts';

/** Ends what hangs, and does not judge how fast the machine is: a JRE that compiles beside other tests takes its time. */
const DEADLINE_MS = 120_000;
const closers: (() => Promise<void> | void)[] = [];

/** Closes everything that was started, last first. */
export async function closeAll(): Promise<void> {
  for (let close = closers.pop(); close; close = closers.pop()) await close();
}

/** Registers a further thing to close. */
export function atEnd(close: () => Promise<void> | void): void {
  closers.push(close);
}

/** Polls until `condition` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Listens on 127.0.0.1, on a free port unless one is given; open connections end with it. */
export async function listening(server: Server, port = 0): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** A forwarder that acknowledges everything and keeps the pairs. */
export async function startReceiver(): Promise<{ port: number; pairs: CapturedPair[] }> {
  const pairs: CapturedPair[] = [];
  const port = await listening(
    createServer((socket) => {
      const decoder = new CaptureFrameDecoder({ preface: true });
      socket.on('data', (chunk) => {
        for (const message of decoder.feed(chunk)) {
          if (message.type === 'hello') {
            socket.write(
              encodeCaptureFrame({ type: 'welcome', value: { lastBatch: 0, windowBytes: 8 << 20 } }),
            );
          } else if (message.type === 'batch') {
            pairs.push(...message.value.pairs);
            socket.write(encodeCaptureFrame({ type: 'ack', value: { batch: message.value.seq } }));
          }
        }
      });
    }),
  );
  return { port, pairs };
}

export interface TestSidecar extends Sidecar {
  pairs: CapturedPair[];
  /** The first `count` pairs, once they are there. */
  captured(count: number): Promise<CapturedPair[]>;
}

/** A sidecar on free ports; `env` without its prefix. */
export async function startTestSidecar(env: Record<string, string | number>): Promise<TestSidecar> {
  const receiver = await startReceiver();
  const settings = {
    WORKLOAD: 'shop',
    IN_PORT: 0,
    OUT_PORT: 0,
    ADMIN_PORT: 0,
    DIAGNOSTICS_PORT: 0,
    DRAIN_DEADLINE: 0,
    FORWARDER_PORT: receiver.port,
    ...env,
  };
  const prefixed = Object.entries(settings).map(([name, value]) => [`ECHOPLANE_${name}`, String(value)]);
  const sidecar = await startSidecar(loadConfig(sidecarConfig, Object.fromEntries(prefixed)), silentLogger());
  atEnd(() => sidecar.stop());
  const { pairs } = receiver;
  return {
    ...sidecar,
    pairs,
    async captured(count) {
      await until(() => pairs.length >= count, `${count} pairs (there are ${pairs.length})`);
      return pairs.toSorted((a, b) => a.tsUs - b.tsUs);
    },
  };
}

export interface Conversation {
  received: Buffer;
  error: string | null;
}

/** Sends the pieces one after the other and reads until the other side ends; `halfClose` ends our side after the last. */
export async function converse(
  port: number,
  pieces: readonly (string | Buffer)[],
  options: { halfClose?: boolean } = {},
): Promise<Conversation> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const chunks: Buffer[] = [];
  let error: string | null = null;
  socket
    .on('data', (chunk) => chunks.push(chunk))
    .on('error', (cause: NodeJS.ErrnoException) => {
      error = cause.code ?? cause.message;
    })
    .on('end', () => socket.end());
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (options.halfClose) socket.end();
  await closed;
  return { received: Buffer.concat(chunks), error };
}

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a real client to its end. */
export async function run(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Finished> {
  const path = { PATH: process.env.PATH ?? '' };
  const child = spawn(command, args, {
    env: { ...path, ...COMPILE_CACHE, ...env },
    timeout: DEADLINE_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** The head of a half of a pair, as text. */
export function headOf(half: CapturedPair['request']): string {
  return Buffer.from(half?.head ?? []).toString('latin1');
}

/** The kept body of a half of a pair, as text. */
export function bodyOf(half: CapturedPair['request']): string {
  return Buffer.from(half?.body ?? []).toString('latin1');
}
