// One run of a long-lived command: opens the home, hands out what the command needs, and takes everything down again in
// order, whether the command ended, failed or was interrupted. A second Ctrl-C ends everything at once.
import { rmSync } from 'node:fs';
import { aborted, OperatingError } from '@echoplane/runtime';
import { type Home, openHome } from './home.ts';
import type { Postgres } from './postgres.ts';
import { type Environment, Supervisor } from './supervisor.ts';
import { createTerminal, type Terminal } from './terminal.ts';

export interface Session {
  home: Home;
  supervisor: Supervisor;
  terminal: Terminal;
  /** The user's, from which programs get only what a process needs. */
  environment: Environment;
  signal: AbortSignal;
  /** Told when the embedded database runs, so that it is stopped last. */
  onPostgres(postgres: Postgres): void;
  /** Waits until the user ends the command, or a program that should serve ends by itself (which throws). */
  untilStopped(): Promise<void>;
}

const SETTLE_DEADLINE_MS = 20_000;
const INTERRUPTED = 130;

/** Runs `body` and gives the exit code. `homeDir` null means a temporary home, removed at the end. */
export async function runSession(
  homeDir: string | null,
  environment: Environment,
  body: (session: Session) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  const terminal = createTerminal(process.stdout);
  let home: Home | undefined;
  let supervisor: Supervisor | undefined;
  const databases: Postgres[] = [];
  let ending = false;
  const interrupt = () => {
    if (!controller.signal.aborted) {
      terminal.line();
      terminal.line('Stopping … (again to end everything at once)');
      return controller.abort();
    }
    supervisor?.killAll();
    for (const database of databases) database.kill();
    // With a database the guard removes the folder once it has ended; two removers at once would trip over each other.
    if (home && homeDir === null && databases.length === 0)
      rmSync(home.dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    process.exit(INTERRUPTED);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);
  try {
    home = await openHome(homeDir);
    supervisor = new Supervisor(home.path('logs'), environment);
    const failure = Promise.withResolvers<never>();
    failure.promise.catch(() => {});
    supervisor.onUnexpectedExit((error) => failure.reject(error));
    supervisor.onRestart((name) => terminal.line(`${name} ended by itself and was started again`));
    const { signal } = controller;
    const untilStopped = () => Promise.race([aborted(signal), failure.promise]);
    const onPostgres = (postgres: Postgres) => {
      databases.push(postgres);
      void postgres.ended.then(() => ending || failure.reject(postgresEnded(home!)));
    };
    const running = body({ home, supervisor, terminal, environment, signal, onPostgres, untilStopped });
    running.catch(() => {});
    return await Promise.race([
      running,
      failure.promise,
      aborted(signal).then(() => settle(running, supervisor!)),
    ]);
  } catch (err) {
    // What an interrupted body throws is the interruption's own noise.
    if (controller.signal.aborted) return INTERRUPTED;
    return explain(err, home, homeDir !== null);
  } finally {
    ending = true;
    await supervisor?.stopAll();
    for (const database of databases) await database.stop();
    await home?.release();
  }
}

function postgresEnded(home: Home): OperatingError {
  const log = home.path('postgres.log');
  return new OperatingError(
    'postgres_ended',
    `The embedded PostgreSQL ended by itself; its log is ${log}. Start again to resume.`,
  );
}

/** After an interruption: stops the programs, which ends what the body waits for, and lets it come to its end. */
async function settle(running: Promise<number>, supervisor: Supervisor): Promise<number> {
  await supervisor.stopAll();
  const late = new Promise<number>((resolve) =>
    setTimeout(() => resolve(INTERRUPTED), SETTLE_DEADLINE_MS).unref(),
  );
  return Promise.race([running.catch(() => INTERRUPTED), late]);
}

function explain(err: unknown, home: Home | undefined, kept: boolean): number {
  const known = err instanceof OperatingError;
  process.stderr.write(`${known ? err.message : ((err as Error).stack ?? String(err))}\n`);
  if (!known && home && kept) process.stderr.write(`The logs are in ${home.path('logs')}.\n`);
  return 1;
}
