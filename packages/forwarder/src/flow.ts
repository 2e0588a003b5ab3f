// The forwarder's flow as one thing: intake ─▶ spool ─▶ index line ─▶ ship line, put together, flushed, stopped.
import type { ApiClient } from '@echoplane/api';
import { type Clock, type Logger, newId, type ObjectStore } from '@echoplane/runtime';
import { Bell } from './bell.ts';
import type { ForwarderConfig } from './config.ts';
import { IndexLine } from './index-line.ts';
import { Intake } from './intake.ts';
import type { IntakeTls } from './intake-tls.ts';
import { Ledger } from './ledger.ts';
import { openPassThroughBook } from './pass-through-book.ts';
import { ShipLine } from './ship-line.ts';
import { Spool } from './spool.ts';
import type { SpoolFiles, SpoolSegment } from './spool-files.ts';
import { recoverSpool } from './spool-recovery.ts';

export interface FlowOptions {
  config: ForwarderConfig;
  tenant: string;
  files: SpoolFiles;
  store: ObjectStore;
  tls: IntakeTls | null;
  client: ApiClient;
  clock: Clock;
  log: Logger;
}

export interface Flow {
  ledger: Ledger;
  spool: Spool;
  intake: Intake;
  indexLine: IndexLine;
  shipLine: ShipLine;
  /** Closes the open segment; true when everything is shipped, indexed and reported before the deadline. */
  flush(deadlineMs: number): Promise<boolean>;
  /** Stops intake, makes durable what was taken on, and ships it if the control plane answers before the deadline. */
  stop(deadlineMs: number): Promise<void>;
}

/** Recovers the spool and starts both lines; the caller opens the intake's port. */
export async function startFlow(options: FlowOptions): Promise<Flow> {
  const { config, tenant, files, store, tls, client, clock, log } = options;
  const bell = new Bell();
  const ledger = new Ledger(config.service, newId(clock.nowUs()));
  const recovered = await recoverSpool({ files, tenant, ledger, nowUs: clock.nowUs(), log });
  const indexLine = new IndexLine({ client, ledger, clock, log, bell });
  const events = {
    durable(incarnations: string[]) {
      intake.durable(incarnations);
      bell.ring();
    },
    frame: (segment: SpoolSegment, number: number) => indexLine.push(segment, number),
    closed: (segment: SpoolSegment) => shipLine.push(segment),
  };
  const spool = new Spool({ files, tenant, ledger, limits: config, events, clock, log }, recovered);
  const passThrough = await openPassThroughBook({ files, clock, log });
  const intake: Intake = new Intake({ ledger, spool, passThrough, tls, clock, log });
  const shipLine: ShipLine = new ShipLine({ client, ledger, clock, log, bell, store, indexLine, spool });
  for (const segment of recovered) {
    for (const [number, frame] of segment.frames.entries()) {
      if (frame.lines > 0) indexLine.push(segment, number);
    }
    shipLine.push(segment);
  }

  const halt = new AbortController();
  const lines = Promise.all([indexLine.run(halt.signal), shipLine.run(halt.signal)]);
  const settled = async (giveUp: () => boolean, deadlineMs: number) => {
    const timer = AbortSignal.timeout(deadlineMs);
    timer.addEventListener('abort', () => bell.ring(), { once: true });
    await Promise.race([spool.rotate(), onAbort(timer)]);
    while (!(indexLine.isIdle && shipLine.isIdle) && !timer.aborted && !giveUp()) await bell.wait();
    return indexLine.isIdle && shipLine.isIdle;
  };
  return {
    ...{ ledger, spool, intake, indexLine, shipLine },
    flush: (deadlineMs) => settled(() => false, deadlineMs),
    async stop(deadlineMs) {
      intake.stop();
      await settled(() => indexLine.failures > 1, deadlineMs);
      intake.close();
      halt.abort();
      bell.ring();
      spool.halt();
      await lines;
      await passThrough.close();
    },
  };
}

function onAbort(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
