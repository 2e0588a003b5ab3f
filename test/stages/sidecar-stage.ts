// A sidecar as a real process with a forwarder's stand-in behind it, and real programs beside it. For tests only; what is
// done to it and what must hold then is the test's.
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { CapturedPair } from '@echoplane/wire';
import { freePort } from '../ports.ts';
import { type Ended, type Program, ProgramStage, until } from '../program-stage.ts';
import { ForwarderStandIn } from './forwarder-stand-in.ts';

const PATH = process.env.PATH ?? '';
const MAIN = new URL('../../packages/sidecar/src/main.ts', import.meta.url).pathname;

/** A running sidecar. */
export interface RunningSidecar {
  program: Program;
  inPort: number;
  outPort: number;
  /** The sum of a metric's values, by its name without prefix; `labels`: what a line must hold. */
  metric(name: string, labels?: string): Promise<number>;
  /** What was captured, and what became of it. */
  account(): Promise<Account>;
  /** Anonymous memory, bytes. */
  memory(): number;
}

export interface Account {
  captured: number;
  delivered: number;
  withheld: number;
  dropped: number;
}

/** One sidecar and its surroundings; `close()` leaves nothing. */
export class SidecarStage {
  readonly programs: ProgramStage;
  readonly forwarder = new ForwarderStandIn();
  forwarderPort = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(programs: ProgramStage) {
    this.programs = programs;
  }

  static async open(): Promise<SidecarStage> {
    const stage = new SidecarStage(await ProgramStage.open());
    // A port that nobody takes while the stand-in is away.
    stage.forwarderPort = await stage.forwarder.listen(await freePort());
    return stage;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.forwarder.stop();
    await this.programs.close();
  }

  /** Listens on a free port; what it accepts is closed with the stage. */
  serve(server: Server): Promise<number> {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    });
    return this.programs.serve(server);
  }

  /** Starts a sidecar; `env` without its prefix, `more` as it is. */
  async sidecar(
    env: Record<string, string | number>,
    more: Record<string, string> = {},
  ): Promise<RunningSidecar> {
    const settings = {
      WORKLOAD: 'shop',
      MODE: 'reverse',
      IN_PORT: 0,
      OUT_PORT: 0,
      ADMIN_PORT: 0,
      DIAGNOSTICS_PORT: 0,
      DRAIN_DEADLINE: 0,
      FORWARDER_PORT: this.forwarderPort,
      ...env,
    };
    const prefixed = Object.entries(settings).map(([name, value]) => [`ECHOPLANE_${name}`, String(value)]);
    const program = this.programs.run(process.execPath, [MAIN], {
      PATH,
      ...more,
      ...Object.fromEntries(prefixed),
    });
    const ready = await program.event('ready');
    const metrics = () => fetch(`http://127.0.0.1:${ready.adminPort}/metrics`).then((page) => page.text());
    const metric = async (name: string, labels = '') => sumOf(await metrics(), name, labels);
    return {
      program,
      metric,
      inPort: ready.inPort as number,
      outPort: ready.outPort as number,
      memory: () => anonymousMemory(program.child.pid!),
      async account() {
        const page = await metrics();
        const total = (what: string) => sumOf(page, `pairs_${what}_total`, '');
        return {
          captured: total('captured'),
          delivered: total('delivered'),
          withheld: total('withheld'),
          dropped: total('dropped'),
        };
      },
    };
  }

  /** Starts a real program. */
  start(command: string, ...args: string[]): Program {
    return this.programs.run(command, args, { PATH, HOME: this.programs.folder });
  }

  /** Runs a real program to its end. */
  tool(command: string, ...args: string[]): Promise<Ended> {
    return this.start(command, ...args).ended;
  }

  /** The pairs that have arrived, in the order of their requests, once there are `count`. */
  async pairs(count: number): Promise<CapturedPair[]> {
    const { pairs } = this.forwarder;
    await until(() => pairs.length >= count).catch(() => {
      throw new Error(`${pairs.length} pairs instead of ${count}: ${pairs.map(pairLine).join(', ')}`);
    });
    return pairs.toSorted((a, b) => a.tsUs - b.tsUs);
  }
}

/** A pair in one line: what was asked, what came back, what is wrong with it. */
export function pairLine({ protocol, request, response, gapReason, error, messages }: CapturedPair): string {
  const lines = (head: Uint8Array | undefined) =>
    Buffer.from(head ?? [])
      .toString('latin1')
      .split('\r\n');
  const asked = protocol === 'opaque' || protocol === 'websocket' ? protocol : askedBy(lines(request?.head));
  const [, status = ''] = lines(response?.head)[0]!.split(' ');
  const said = messages?.length ? `${messages.length} messages` : '';
  return [asked, status, said, gapReason, error].filter((word) => word !== '').join(' ');
}

/** Method and target, of a request line or of pseudo-headers. */
function askedBy(lines: readonly string[]): string {
  const pseudo = (name: string) => lines.find((line) => line.startsWith(`:${name}: `))?.split(' ')[1];
  const [method = '', target = ''] = lines[0]!.split(' ');
  return pseudo('method') ? `${pseudo('method')} ${pseudo('path')}` : `${method} ${target}`;
}

/** A server of plain TCP that leaves both halves of a connection to the test. */
export function tcpServer(onConnection: (socket: Socket) => void): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
}

export function anonymousMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) * 1024;
}

function sumOf(page: string, name: string, labels: string): number {
  const lines = page.split('\n').filter((line) => /^[a-z]/.test(line) && line.includes(labels));
  const values = lines
    .filter((line) => line.split(/[ {]/, 1)[0] === `echoplane_${name}`)
    .map((line) => Number(line.split(' ').at(-1)));
  return values.reduce((sum, value) => sum + value, 0);
}
