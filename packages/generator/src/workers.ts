// A load shared by several threads of this process, as several generators would share it: each plays sessions of its own and
// ships their results itself; here they are started together, cancelled together, and their summaries become one. It must not
// know what they play.
import { Worker } from 'node:worker_threads';
import { OperatingError } from '@echoplane/runtime';
import { type GeneratorRun, mergeRuns } from '@echoplane/traffic';
import type { GeneratorConfig } from './config.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { JointCounters } from './joint-counters.ts';
import { addedHistograms, LatencyBook } from './latency-book.ts';
import type { ArtifactFiles } from './run-artifacts.ts';
import type { PartContext, PlayedPart } from './run-part.ts';
import type { Shard } from './shards.ts';
import { threadScript } from './thread-script.ts';

/** What a worker is started with. */
export interface WorkerTask {
  config: GeneratorConfig;
  files: ArtifactFiles;
  worker: Shard;
  counters: SharedArrayBuffer;
  environment: Readonly<Record<string, string | undefined>>;
}

/** What it is told: the start everybody agreed on, µs (null: there was none), or to give up. */
export type WorkerOrder = { begin: number | null } | 'cancel';

/** What it tells; `failed`: an operating error. */
export type WorkerNews =
  | { kind: 'ready'; planned: number }
  | { kind: 'progress'; sent: number }
  | ({ kind: 'ended' } & PlayedPart)
  | { kind: 'failed'; code: string; sentence: string };

type WorkersContext = Pick<PartContext, 'log' | 'signal' | 'environment' | 'begin' | 'progress'> & {
  counters: JointCounters;
};

const PROGRESS_MS = 1_000;

/**
 * Plays a load in so many workers. Throws what the first of them fails with before the start; one that is lost after it ends
 * the run, which is void then.
 */
export async function playInWorkers(
  config: GeneratorConfig,
  { files, workers: count }: { files: ArtifactFiles; workers: number },
  { counters, environment, log, signal, begin, progress }: WorkersContext,
): Promise<PlayedPart> {
  const task = { config, files, counters: counters.memory, environment: { ...environment } };
  const lost = (err: Error) => {
    log.error({ err }, 'a worker was lost; the run is ended');
    cancel();
  };
  const crew = Array.from(
    { length: count },
    (_, index) => new Hand({ ...task, worker: { index, count } }, lost),
  );
  const cancel = () => {
    for (const hand of crew) hand.order('cancel');
  };
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  const sum = (of: (hand: Hand) => number) => crew.reduce((total, hand) => total + of(hand), 0);
  const tell = () =>
    progress(
      sum(({ sent }) => sent),
      sum(({ planned }) => planned),
    );
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.all(crew.map(({ ready }) => ready));
    const idle = crew.filter(({ planned }) => planned === 0).length;
    if (idle > 0)
      log.warn({ idle, workers: count }, 'sessions that share values stay together: some workers have none');
    const startUs = await begin(sum(({ planned }) => planned));
    for (const hand of crew) hand.order({ begin: startUs });
    timer = setInterval(tell, PROGRESS_MS);
    const parts = await Promise.all(crew.map(({ ended }) => ended));
    tell();
    return await merged(parts);
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', cancel);
    await Promise.all(crew.map((hand) => hand.dismiss()));
  }
}

/** One worker, from here. */
class Hand {
  planned = 0;
  sent = 0;
  /** Resolves when it waits for the start; rejects when it cannot come so far. */
  readonly ready: Promise<void>;
  /** Resolves when it is over; null: it was lost. */
  readonly ended: Promise<PlayedPart | null>;
  readonly #thread: Worker;

  constructor(task: WorkerTask, lost: (err: Error) => void) {
    this.#thread = new Worker(threadScript('worker-thread'), { workerData: task });
    const ready = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<PlayedPart | null>();
    [this.ready, this.ended] = [ready.promise, ended.promise];
    let [isReady, isOver] = [false, false];
    const lose = (err: Error) => {
      if (isOver) return;
      isOver = true;
      ready.reject(err);
      ended.resolve(null);
      if (isReady) lost(err);
    };
    this.#thread
      .on('message', (news: WorkerNews) => {
        if (news.kind === 'progress') this.sent = news.sent;
        else if (news.kind === 'failed') lose(new OperatingError(news.code, news.sentence));
        else if (news.kind === 'ready') {
          isReady = true;
          this.planned = news.planned;
          ready.resolve();
        } else {
          isOver = true;
          this.sent = news.run.sent;
          ended.resolve({ run: news.run, notSent: news.notSent });
        }
      })
      .on('error', (err: Error) => lose(reasonOf(err)))
      .on('exit', () =>
        lose(new OperatingError('worker_lost', 'A worker of the generator ended by itself.')),
      );
  }

  order(order: WorkerOrder): void {
    this.#thread.postMessage(order);
  }

  async dismiss(): Promise<void> {
    // What it says while it is ended is of no use; an error that nobody hears would end this process.
    this.#thread.removeAllListeners().on('error', () => {});
    await this.#thread.terminate();
  }
}

function reasonOf(err: Error & { code?: string }): Error {
  if (err.code !== 'ERR_WORKER_OUT_OF_MEMORY') return err;
  const sentence =
    'A worker of the generator ran out of memory. Use fewer (ECHOPLANE_WORKERS), or a lower rate.';
  return new OperatingError('worker_out_of_memory', sentence, { cause: err });
}

async function merged(parts: readonly (PlayedPart | null)[]): Promise<PlayedPart> {
  await LatencyBook.ready();
  const run: GeneratorRun = mergeRuns(
    parts.map((part) => part?.run ?? null),
    'worker',
  );
  const { histograms } = run;
  const notSent: DeadLetter[] = parts.flatMap((part) => part?.notSent ?? []);
  return { run: histograms ? { ...run, histograms: addedHistograms(histograms) } : run, notSent };
}
