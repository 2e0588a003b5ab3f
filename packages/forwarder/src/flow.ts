// The forwarder's flow as one thing, put together, flushed, stopped:
//
//   intake ─▶ refinery (decode, filter, redact, fold) ─▶ spool ─▶ index line ─▶ ship line ─▶ ring
//                                                   └─▶ ring (what is held back)
import type { ApiClient } from '@echoplane/api';
import type { FoundCredential, Sighting } from '@echoplane/rules';
import { type Clock, type Logger, newId } from '@echoplane/runtime';
import type { RRPair } from '@echoplane/traffic';
import type { ForwarderConfig } from './config.ts';
import { type Identify, Intake } from './intake/intake.ts';
import { openPassThroughBook, type PassThroughBook } from './intake/pass-through-book.ts';
import { Refinery } from './intake/refinery.ts';
import { Bell } from './lines/bell.ts';
import { CatchUp } from './lines/catch-up.ts';
import { Gate } from './lines/gate.ts';
import { IndexLine } from './lines/index-line.ts';
import { ShipLine } from './lines/ship-line.ts';
import type { RulesSource } from './rules-source.ts';
import type { ServerTls } from './server-tls.ts';
import type { SegmentSink } from './sinks/segment-sink.ts';
import { lineOf, type SpoolBatch } from './spool/frame-buffer.ts';
import { Ledger } from './spool/ledger.ts';
import { Ring } from './spool/ring.ts';
import { type FreshFrame, Spool, type SpoolEvents } from './spool/spool.ts';
import { releaseReserve, type SpoolFiles, type SpoolSegment, takeReserve } from './spool/spool-files.ts';
import { recoverSpool } from './spool/spool-recovery.ts';

/** What looks on; none of them may throw or wait. */
export interface FlowHooks {
  seen(pair: RRPair, sighting: Sighting): void;
  sealed(credential: FoundCredential): void;
  /** Gives the server of a pair a name, where nobody else did. */
  name?: ((pair: RRPair) => void) | undefined;
  /** Every pair before redaction, for an export with rules of its own. */
  raw?: ((pair: RRPair) => void) | undefined;
  /** Every pair that is shipped, redacted. */
  shipped?: ((pair: RRPair) => void) | undefined;
  /** Every frame as it was written. */
  written(ndjson: Buffer, place: { segment: string; frame: number }): void;
}

export interface FlowOptions {
  config: ForwarderConfig;
  tenant: string;
  /** Id under which the control plane finds us. */
  agent: string;
  files: SpoolFiles;
  sink: SegmentSink;
  rules: RulesSource;
  key: Uint8Array;
  hooks: FlowHooks;
  tls: ServerTls | null;
  /** Null: senders are believed, see `Intake`. */
  identify: Identify | null;
  client: ApiClient;
  clock: Clock;
  log: Logger;
}

export interface Flow {
  ledger: Ledger;
  spool: Spool;
  ring: Ring;
  refinery: Refinery;
  intake: Intake;
  indexLine: IndexLine;
  shipLine: ShipLine;
  /** Shut while the organisation is suspended. */
  gate: Gate;
  /** Puts pairs into the spool as if they came now; resolves when they are durable. */
  store(batch: SpoolBatch): Promise<void>;
  /** What is to be done every now and then: segments of age, the ring's lines, senders that are gone. */
  tick(): Promise<void>;
  /** Closes the open segment; true when everything is shipped, indexed and reported before the deadline. */
  flush(deadlineMs: number): Promise<boolean>;
  /** Stops intake, makes durable what was taken on, and ships it if the control plane answers before the deadline. */
  stop(deadlineMs: number): Promise<void>;
}

/** Recovers the spool and starts both lines; the caller opens the intake's port. */
export async function startFlow(options: FlowOptions): Promise<Flow> {
  const { config, tenant, agent, files, sink, rules, key, hooks, client, clock, log } = options;
  const { tls, identify } = options;
  const bell = new Bell();
  const ledger = new Ledger(config.service, newId(clock.nowUs()));
  const ring = new Ring({ files, tenant, maxBytes: config.ringMaxBytes, clock, log });
  // On a full disk the books of the recovery have this much room.
  await releaseReserve(files);
  const recovered = await recoverSpool({ files, tenant, ledger, nowUs: clock.nowUs(), log });
  // After it: what had left the spool is the ring's.
  await ring.start();
  await takeReserve(files).catch(() => {});
  const gate = new Gate(bell);
  const catchUp = new CatchUp(clock, config.catchUpBytesPerS);
  const line = { client, ledger, clock, log, bell, agent, catchUp, gate };
  const indexLine = new IndexLine(line);
  const { seen, sealed } = hooks;
  const refinery = new Refinery({
    rules,
    key,
    seen,
    sealed,
    ...given('raw', hooks.raw),
    ...given('name', hooks.name),
  });
  const events: SpoolEvents = {
    durable(incarnations: string[]) {
      intake.durable(incarnations);
      bell.ring();
    },
    frame(segment: SpoolSegment, number: number, { rows, rollups, ndjson }: FreshFrame) {
      indexLine.push(segment, number, { rows, rollups });
      hooks.written(ndjson, { segment: segment.id, frame: number });
    },
    closed: (segment) => shipLine.push(segment),
    yieldRing: () => ring.yield(),
    surrender() {
      const segment = shipLine.surrender();
      if (segment) indexLine.forget(segment);
      return segment;
    },
    left: (segment) => ring.adopt(segment),
  };
  const spool = new Spool({ files, tenant, ledger, limits: config, events, clock, log }, recovered);
  const passThrough = await openPassThroughBook({ files, clock, log });
  const destination = {
    add: (batch: SpoolBatch) => take(spool, ring, hooks, batch),
    pending: () => spool.pendingBytes,
  };
  const end = { passThrough, tls, identify, clock, log };
  const intake: Intake = new Intake({ ledger, refinery, spool: destination, ...end });
  const shipLine: ShipLine = new ShipLine({ ...line, sink, indexLine, spool });
  for (const segment of recovered) requeue(segment, indexLine, shipLine);

  const parts = { ledger, spool, ring, refinery, intake, indexLine, shipLine, gate };
  return running(parts, { bell, clock, passThrough, senderGoneUs: config.senderGoneMs * 1000 });
}

type Parts = Pick<
  Flow,
  'ledger' | 'spool' | 'ring' | 'refinery' | 'intake' | 'indexLine' | 'shipLine' | 'gate'
>;

/** The flow with its lines at work, and how it is flushed and stopped. */
function running(
  parts: Parts,
  about: { bell: Bell; clock: Clock; passThrough: PassThroughBook; senderGoneUs: number },
): Flow {
  const { ledger, spool, ring, intake, indexLine, shipLine, gate } = parts;
  const { bell, clock, passThrough, senderGoneUs } = about;
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
    ...parts,
    async store(batch) {
      spool.add(batch);
      await spool.flush();
    },
    async tick() {
      const { version } = ledger;
      ledger.settleGone(clock.nowUs() - senderGoneUs);
      if (ledger.version !== version) bell.ring();
      await Promise.all([spool.rotateByAge(), ring.flush()]);
    },
    flush: (deadlineMs) => settled(() => false, deadlineMs),
    async stop(deadlineMs) {
      intake.stop();
      await settled(() => indexLine.failures > 1 || !gate.isOpen, deadlineMs);
      intake.close();
      halt.abort();
      bell.ring();
      // The lines wait for the spool, and the spool may be writing what they gave it last.
      void spool.halt();
      await lines;
      await spool.halt();
      await Promise.all([passThrough.close(), ring.close()]);
    },
  };
}

/** A batch that is decoded: to the spool, and to the ring what the spool does not keep. */
function take(spool: Spool, ring: Ring, hooks: FlowHooks, batch: SpoolBatch): void {
  for (const { pair, fate } of batch.refined) {
    if (fate !== 'ship') ring.hold(lineOf(pair));
    else hooks.shipped?.(pair);
  }
  spool.add(batch);
}

function requeue(segment: SpoolSegment, indexLine: IndexLine, shipLine: ShipLine): void {
  for (const [number, frame] of segment.frames.entries()) {
    if (frame.lines === 0 && !frame.folded) continue;
    segment.unsettled++;
    indexLine.push(segment, number);
  }
  shipLine.push(segment);
}

const given = <K extends string>(key: K, hook: ((pair: RRPair) => void) | undefined) =>
  (hook ? { [key]: hook } : {}) as { [P in K]?: (pair: RRPair) => void };

function onAbort(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
