// Lives of an agent for tests: started on a spool folder, stopped in order, or killed: then the next life finds the folder
// as it lay on the disk at that moment.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { type CommandKind, createClient } from '@echoplane/api';
import { silentLogger } from '@echoplane/runtime';
import { type Cleanup, KEY, TENANT, temporaryHome } from '../forwarder.fixture.ts';
import { type AgentHandle, type AgentOptions, startAgent } from './agent.ts';
import type { CommandContext, CommandHandlers } from './command-handlers.ts';
import { StandInControlPlane } from './stand-in-control-plane.fixture.ts';
import { SteppedClock } from './stepped-clock.fixture.ts';

const POLLS = 3_000;
const STEP_MS = 200;

export interface Run {
  id: string;
  kind: CommandKind;
  context: CommandContext;
  /** Ends the command; without a result it fails with the error. */
  end: (result: unknown) => void;
  fail: (err: Error) => void;
}

/** Everything around an agent; each test has its own. */
export class Stage {
  readonly clock = new SteppedClock();
  readonly plane = new StandInControlPlane(this.clock);
  /** Rules that were offered, by version. */
  readonly offered: string[] = [];
  readonly suspensions: boolean[] = [];
  /** What ran, in every life, in the order it began. */
  readonly runs: Run[] = [];
  readonly logged: unknown[] = [];
  /** Result that every command ends with at once; undefined: a test ends it. */
  result: unknown;
  #cleanup: Cleanup;
  #origin: string | null = null;

  constructor(cleanup: Cleanup) {
    this.#cleanup = cleanup;
  }

  /** Waits for a condition, while the clock runs. */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let poll = 0; poll < POLLS; poll++) {
      if (await condition()) return;
      this.clock.advance(STEP_MS);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`never came: ${what}`);
  }

  async start(dir?: string, options: Partial<AgentOptions> = {}): Promise<Life> {
    this.#origin ??= await this.plane.serve(this.#cleanup);
    const life = new Life(this, dir ?? (await temporaryHome(this.#cleanup)), this.#origin);
    await life.begin(options);
    this.#cleanup.add(() => life.stop());
    return life;
  }

  /** Starts an agent and waits until its stream is open. */
  async connected(dir?: string, options: Partial<AgentOptions> = {}): Promise<Life> {
    const before = this.plane.streams.length;
    const life = await this.start(dir, options);
    await this.until('a stream', () => this.plane.streams.length > before && life.state === 'connected');
    return life;
  }

  /** A folder with what is on the disk of another one. */
  async copyOf(dir: string): Promise<string> {
    const copy = join(await temporaryHome(this.#cleanup), 'spool');
    await cp(dir, copy, { recursive: true });
    return copy;
  }

  handler(kind: CommandKind) {
    return (_body: unknown, context: CommandContext) =>
      new Promise<never>((resolve, reject) => {
        const end = resolve as (result: unknown) => void;
        this.runs.push({ id: context.id, kind, context, end, fail: reject });
        context.signal.addEventListener('abort', () => reject(context.signal.reason), { once: true });
        if (this.result !== undefined) end(this.result);
      });
  }
}

export class Life {
  readonly dir: string;
  readonly #stage: Stage;
  readonly #origin: string;
  readonly #stopping = new AbortController();
  #isDead = false;
  #agent: AgentHandle | null = null;

  constructor(stage: Stage, dir: string, origin: string) {
    this.#stage = stage;
    this.dir = dir;
    this.#origin = origin;
  }

  async begin(options: Partial<AgentOptions>): Promise<void> {
    const { clock, offered, suspensions, handler } = this.#stage;
    const reach: typeof fetch = (...request) =>
      this.#isDead ? Promise.reject(new TypeError('dead')) : fetch(...request);
    const headers = () => ({ authorization: `Bearer ${KEY}` });
    const rules = {
      offer: (document: unknown) => void offered.push((document as { version: string }).version),
      get version() {
        return offered.at(-1) ?? 'default-1';
      },
      error: null,
    };
    const kinds: CommandKind[] = [
      'fetch-pair',
      'flush',
      'recall',
      'search',
      'erase',
      'make-snapshot',
      'edit-snapshot',
      'make-report',
    ];
    this.#agent = await startAgent(
      {
        client: createClient({ baseUrl: this.#origin, fetch: reach, headers }),
        files: { dir: this.dir, fsync: false },
        tenant: { id: TENANT, name: 'acme' },
        clock,
        log: silentLogger(),
        random: () => 0.5,
        registration: { name: 'pod-1', cluster: 'local', version: '1.2.3', storeAccess: 'private' },
        handlers: Object.fromEntries(
          kinds.map((kind) => [kind, handler.call(this.#stage, kind)]),
        ) as Partial<CommandHandlers>,
        rules,
        state: () => ({
          spoolBytes: 1,
          ringBytes: 2,
          ringFrom: 3,
          lagFrames: 4,
          lagSegments: 5,
          alarms: 6,
          discoveries: [],
        }),
        onSuspend: (suspended) => void suspensions.push(suspended),
        ...options,
      },
      this.#stopping.signal,
    );
  }

  get agent(): AgentHandle {
    return this.#agent!;
  }
  get state(): string {
    return this.agent.status().state;
  }
  get refused(): Record<string, number> {
    return this.agent.status().refused;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#agent?.done;
  }

  /** kill -9: nothing is said or written any more; gives the folder for the next life. */
  async kill(): Promise<string> {
    this.#isDead = true;
    const left = await this.#stage.copyOf(this.dir);
    await this.stop();
    return left;
  }
}
