// A run from its artifacts to its summary: check the target ─▶ sessions over virtual users ─▶ drain the results ─▶
// GeneratorRun. It must not read the environment, and it prints nothing but progress.
import { type CaptureSender, type Clock, type Logger, OperatingError, openVault } from '@echoplane/runtime';
import { count, type GeneratorRun } from '@echoplane/traffic';
import type { CapturedPair } from '@echoplane/wire';
import { readTokens, type SessionTests, TestFile } from './artifacts.ts';
import type { GeneratorConfig } from './config.ts';
import { Credentials } from './credentials.ts';
import { SelfWatch, voidReasons } from './self-watch.ts';
import { runSession, type Stage } from './session.ts';
import { openConnection } from './session-connection.ts';

const PROGRESS_MS = 1_000;
const DIAL_PAUSE_MS = 200;
/** A cancelled run must leave room for the process's own shutdown deadline. */
const CANCELLED_DRAIN_MS = 5_000;

export interface GeneratorContext {
  sender: Pick<CaptureSender, 'offer' | 'drain' | 'shedBodyBytes'>;
  clock: Clock;
  log: Logger;
  /** Aborting it cancels the run: no further request leaves, what is under way is given up, results are drained. */
  signal: AbortSignal;
}

/** Replays the tests once. Throws OperatingError when artifacts cannot be read or the target cannot be reached at all. */
export async function generate(config: GeneratorConfig, context: GeneratorContext): Promise<GeneratorRun> {
  const { clock, log, signal, sender } = context;
  const tests = await TestFile.open(config.testsFile);
  try {
    const tokens = await readTokens(config.tokensFile);
    const credentials = new Credentials(await vaultOf(config));
    await awaitTarget(config, context);
    let sent = 0;
    const result = (pair: CapturedPair) => {
      sent++;
      sender.offer(pair);
    };
    const progress = () => log.info({ event: 'progress', sent, planned: tests.planned }, 'progress');
    const watch = new SelfWatch();
    const timer = setInterval(progress, PROGRESS_MS);
    const startedAt = clock.nowUs();
    try {
      await runSessions(tests.sessions(), config.concurrency, {
        ...config,
        target: config.targetUrl,
        tokens,
        credentials,
        clock,
        signal,
        result,
      });
    } finally {
      clearInterval(timer);
    }
    const finishedAt = clock.nowUs();
    const lag = watch.stop();
    progress();
    const { delivered } = await sender.drain(signal.aborted ? CANCELLED_DRAIN_MS : config.drainMs);
    const notSent: Record<string, number> = {};
    if (sent < tests.planned) count(notSent, 'cancelled', tests.planned - sent);
    return {
      ...{ startedAt, finishedAt, testsPlanned: tests.planned, sent, resultsDelivered: delivered, notSent },
      maxEventLoopLagMs: Math.round(lag.maxMs * 1000) / 1000,
      ...counted(credentials),
      voidReasons: voidReasons({ lag, undelivered: sent - delivered, shedBytes: sender.shedBodyBytes }),
    };
  } finally {
    await tests.close();
  }
}

async function vaultOf({ vaultDir, vaultKeyFile }: GeneratorConfig): Promise<ReadonlyMap<string, string>> {
  return vaultDir === undefined ? new Map() : openVault(vaultDir, vaultKeyFile);
}

function counted({ counts }: Credentials): Pick<GeneratorRun, 'credentials'> {
  const isNone = [counts.fromVault, counts.missing].every((places) => Object.keys(places).length === 0);
  return isNone ? {} : { credentials: counts };
}

/** Sessions in parallel over virtual users; each user takes the next session when it is done with one. */
async function runSessions(sessions: Iterator<SessionTests>, users: number, stage: Stage): Promise<void> {
  const user = async () => {
    for (let next = sessions.next(); !next.done && !stage.signal.aborted; next = sessions.next()) {
      await runSession(next.value, stage);
    }
  };
  await Promise.all(Array.from({ length: users }, user));
}

/** A target that refuses is given some time: it may just be starting. */
async function awaitTarget(config: GeneratorConfig, { clock, log, signal }: GeneratorContext): Promise<void> {
  const { targetUrl, startTimeoutMs, timeoutMs, bodyLimitBytes } = config;
  const giveUpUs = clock.nowUs() + startTimeoutMs * 1000;
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      (await openConnection(targetUrl, { id: 'probe', clock, timeoutMs, bodyLimitBytes, signal })).close();
      return;
    } catch (cause) {
      if (signal.aborted) return;
      if (clock.nowUs() >= giveUpUs) throw unreachable(config, cause as Error);
      if (attempt === 1)
        log.info({ event: 'waiting', target: targetUrl.host }, 'the target does not answer yet');
    }
    await clock.sleep(DIAL_PAUSE_MS, signal);
  }
}

function unreachable({ targetUrl, startTimeoutMs }: GeneratorConfig, cause: Error): OperatingError {
  const what = `The service under test at http://${targetUrl.host} cannot be reached`;
  const why = `it was tried for ${startTimeoutMs} ms, the last time: ${cause.message}`;
  const message = `${what}; ${why}. Start it or correct ECHOPLANE_TARGET_URL.`;
  return new OperatingError('target_unreachable', message, { cause });
}
