// What integration tests of programs stand on: a temporary folder, programs as real processes with their JSON lines, a
// receiver in the forwarder's place, and the end of all of them. For tests only; it must not know what is tested.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CapturedPair, CaptureFrameDecoder, encodeCaptureFrame, type Hello } from '@echoplane/wire';
import { COMPILE_CACHE } from './compile-cache.ts';

/** Ends what hangs; it is no judgement of how fast the machine is. */
const DEADLINE_MS = 120_000;
const PACKAGES = fileURLToPath(new URL('../packages/', import.meta.url));

export type JsonLine = Record<string, unknown>;

/** What a program left behind. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  /** The whole lines of its stdout, parsed. */
  readonly lines: JsonLine[];
}

/** A program that runs, or ran. */
export interface Program {
  child: ChildProcess;
  /** Settles when it is gone. */
  ended: Promise<Ended>;
  /** Its first line with this `event`. */
  event(name: string): Promise<JsonLine>;
  /** What it has written to stdout so far. */
  stdout(): string;
  /** What it has written to stderr so far. */
  stderr(): string;
}

/** A forwarder that keeps what it is sent and acknowledges every batch. */
export interface Receiver {
  port: number;
  hellos: Hello[];
  pairs: CapturedPair[];
}

/** One temporary world; `close()` leaves no process, no socket and no file. */
export class ProgramStage {
  readonly folder: string;
  readonly #children: ChildProcess[] = [];
  readonly #servers: Server[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<ProgramStage> {
    return new ProgramStage(await mkdtemp(join(tmpdir(), 'echoplane-test-')));
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    for (const server of this.#servers) server.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Writes a file into the folder and returns its path. */
  async file(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  /** Starts `packages/NAME/src/main.ts` in an environment of its own. */
  start(name: string, env: Record<string, string>): Program {
    return this.run(process.execPath, [join(PACKAGES, name, 'src/main.ts')], env);
  }

  /** Starts any command in an environment of its own. */
  run(command: string, args: string[], env: Record<string, string>): Program {
    const child = spawn(command, args, {
      env: { ...COMPILE_CACHE, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    const left = {
      code: null as number | null,
      stdout: '',
      stderr: '',
      get lines(): JsonLine[] {
        const whole = this.stdout.split('\n').slice(0, -1);
        return whole.map((line) => JSON.parse(line));
      },
    };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      left.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      left.stderr += text;
    });
    // Its exit may be known before the last of what it wrote was read: only then is it over.
    let isOver = false;
    const ended = once(child, 'close').then(([code]) => {
      left.code = code;
      isOver = true;
      return left;
    });
    const event = async (wanted: string) => {
      const seen = () => left.lines.find((line) => line.event === wanted);
      await until(() => {
        if (!seen() && isOver)
          throw new Error(`it ended (${child.exitCode ?? child.signalCode}): ${left.stderr}`);
        return seen() !== undefined;
      });
      return seen()!;
    };
    return { child, ended, event, stdout: () => left.stdout, stderr: () => left.stderr };
  }

  /** A forwarder's stand-in on a free port. */
  async receiver(): Promise<Receiver> {
    const hellos: Hello[] = [];
    const pairs: CapturedPair[] = [];
    const port = await this.serve(
      createServer((socket) => {
        const decoder = new CaptureFrameDecoder({ preface: true });
        socket.on('error', () => {});
        socket.on('data', (chunk) => {
          for (const message of decoder.feed(chunk)) {
            if (message.type === 'hello') {
              hellos.push(message.value);
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
    return { port, hellos, pairs };
  }

  /** Listens on a port of the loopback, any free one if none is named; closed with the stage. */
  async serve(server: Server, port = 0): Promise<number> {
    this.#servers.push(server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
}

/** Polls a condition until it holds; throws after the deadline. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${condition}`);
    await delay(20);
  }
}
