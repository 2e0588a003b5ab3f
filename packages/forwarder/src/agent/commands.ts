// Commands from taken to settled: journalled, run in their lane, journalled again, reported until the control plane has
// the outcome. A place in a lane is given back only then, so that no more results are held than run at once.
import { CommandBody, type CommandOutcome } from '@echoplane/api';
import { type Clock, type Logger, OperatingError } from '@echoplane/runtime';
import type { CommandCalls } from './command-calls.ts';
import { type CommandContext, type CommandHandlers, KINDS, type LaneName } from './command-handlers.ts';
import type { CommandRecord, Journal, NewCommand } from './journal.ts';
import { Lane } from './lane.ts';

const MAX_WAITING = 100;
/** A command that was being done whenever the forwarder died may be why. */
const MAX_CRASHES = 3;
const STOP_MS = 3_000;

export interface DispatcherOptions {
  journal: Journal;
  calls: CommandCalls;
  handlers: Partial<CommandHandlers>;
  unseal: CommandContext['unseal'];
  clock: Clock;
  log: Logger;
}

/** What became of an offered command; only `taken` ones will run. */
export type Offered = 'taken' | 'known' | 'full';

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #lanes: Record<LaneName | 'reports', Lane> = {
    fast: new Lane(8, MAX_WAITING),
    ring: new Lane(1, MAX_WAITING),
    heavy: new Lane(1, MAX_WAITING),
    reports: new Lane(4, MAX_WAITING),
  };
  readonly #tasks = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly counts = { succeeded: 0, failed: 0 };

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Goes on with what a former life left behind. */
  recover(): void {
    for (const record of this.#options.journal.unsettled()) {
      const crashes = record.begun - record.paused;
      const message = `interrupted: the data plane went down ${crashes} times while it did this; look at its log before you ask again.`;
      this.#start(record, crashes >= MAX_CRASHES ? message : null);
    }
  }

  /** Takes a command on: resolves when it is in the journal, and it runs later. Rejects when the disk does not take it. */
  async offer(command: NewCommand): Promise<Offered> {
    const { journal } = this.#options;
    const lane = this.#laneOf(command.body.kind);
    if (this.#lanes.reports.isFull && !journal.has(command.id)) return 'full';
    const record = await journal.take(command);
    if (record === 'known' || record === 'full') return record;
    this.#start(
      record,
      lane.isFull ? `The data plane has ${MAX_WAITING} commands waiting; ask again later.` : null,
    );
    return 'taken';
  }

  /** Commands that are being done, wait, or whose outcome was not taken yet. */
  get unsettled(): string[] {
    return this.#options.journal.unsettled().map(({ id }) => id);
  }
  /** Commands by lane. */
  lanes(): Record<string, { running: number; waiting: number }> {
    const entries = Object.entries(this.#lanes);
    return Object.fromEntries(entries.map(([name, { running, waiting }]) => [name, { running, waiting }]));
  }

  /** Aborts what runs and waits a while for it to leave off; the journal remembers what is unfinished. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const done = new AbortController();
    await Promise.race([Promise.all(this.#tasks), this.#options.clock.sleep(STOP_MS, done.signal)]);
    done.abort();
  }

  #laneOf(kind: string): Lane {
    return isKnown(kind) ? this.#lanes[KINDS[kind].lane] : this.#lanes.reports;
  }

  #start(record: CommandRecord, refusal: string | null): void {
    const { log } = this.#options;
    const { signal } = this.#stopping;
    const task = this.#perform(record, refusal)
      .catch((err: unknown) => {
        if (!signal.aborted)
          log.error({ err, command: record.id }, 'a command could not be brought to its end');
      })
      .finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  async #perform(record: CommandRecord, refusal: string | null): Promise<void> {
    const { calls } = this.#options;
    const { signal } = this.#stopping;
    const isDecided = record.outcome !== null || refusal !== null;
    const lane = isDecided ? this.#lanes.reports : this.#laneOf(record.body?.kind ?? '');
    if (refusal !== null && !record.outcome) await this.#conclude(record, failed(refusal));
    await lane.run(async () => {
      if (signal.aborted) return;
      const outcome = record.outcome ?? (await this.#execute(record));
      if (!outcome || signal.aborted) return;
      await calls.report(record.id, outcome, signal);
      await this.#note(record, { settled: true, body: null, outcome: null });
    });
  }

  /** Its outcome, in the journal; null when it was stopped. */
  async #execute(record: CommandRecord): Promise<CommandOutcome | null> {
    const { clock } = this.#options;
    const isResumed = record.begun > 0;
    if (!isResumed && record.beginBy <= clock.nowUs())
      return this.#conclude(record, failed('It expired before its turn came; ask again.'));
    const work = this.#workOf(record, isResumed);
    if (typeof work === 'string') return this.#conclude(record, failed(work));
    if (!(await this.#note(record, { begun: record.begun + 1 })))
      return failed(
        'The disk of the data plane takes no journal, so it was not begun; make room there and ask again.',
      );
    const outcome = await this.#attempt(record, work);
    if (outcome) return this.#conclude(record, outcome);
    await this.#note(record, { paused: record.paused + 1 });
    return null;
  }

  /** The handler with its command; or why there is none. */
  #workOf(
    record: CommandRecord,
    resumed: boolean,
  ): ((progress: CommandContext['progress']) => Promise<unknown>) | string {
    const { handlers, calls, unseal } = this.#options;
    const { kind } = record.body!;
    const handler = isKnown(kind) ? handlers[kind] : undefined;
    if (!handler) return `This data plane is too old for the command ${kind}; upgrade the forwarder.`;
    const body = CommandBody.safeParse(record.body);
    if (!body.success)
      return `This data plane does not understand the command ${kind} as it is; upgrade the forwarder.`;
    const { id } = record;
    const { signal } = this.#stopping;
    const positions = () => calls.positions(id, signal);
    return (progress) => handler(body.data as never, { id, signal, resumed, progress, positions, unseal });
  }

  async #attempt(
    record: CommandRecord,
    work: (progress: CommandContext['progress']) => Promise<unknown>,
  ): Promise<CommandOutcome | null> {
    const { calls, log } = this.#options;
    const progress = calls.progress(record.id, this.#stopping.signal);
    try {
      return { state: 'succeeded', message: null, result: await work(progress.say) };
    } catch (err) {
      if (this.#stopping.signal.aborted) return null;
      log.warn({ err, command: record.id, kind: record.body?.kind }, 'a command failed');
      if (err instanceof OperatingError) return failed(err.message);
      return failed(`The data plane failed at this; its log says why, under command ${record.id}.`);
    } finally {
      await progress.stop();
    }
  }

  /** Journals an outcome, without a result that holds recorded traffic: that of a success is then made again after a crash. */
  async #conclude(record: CommandRecord, outcome: CommandOutcome): Promise<CommandOutcome> {
    this.#options.log.info(
      { command: record.id, kind: record.body?.kind, state: outcome.state },
      'a command ended',
    );
    this.counts[outcome.state]++;
    const kind = record.body?.kind ?? '';
    const isPrivate = outcome.state === 'succeeded' && isKnown(kind) && KINDS[kind].holdsTraffic;
    if (!isPrivate) await this.#note(record, { outcome });
    return outcome;
  }

  /** Whether the disk has it. Where it does not the command goes on from memory, and a crash makes it run again. */
  async #note(record: CommandRecord, change: Parameters<Journal['note']>[1]): Promise<boolean> {
    const { journal, log } = this.#options;
    return journal.note(record, change).then(
      () => true,
      (err: unknown) => {
        log.error({ err, command: record.id }, 'the command journal cannot be written');
        return false;
      },
    );
  }
}

function isKnown(kind: string): kind is keyof typeof KINDS {
  return Object.hasOwn(KINDS, kind);
}

function failed(message: string): CommandOutcome {
  return { state: 'failed', message: message.slice(0, 2_000) };
}
