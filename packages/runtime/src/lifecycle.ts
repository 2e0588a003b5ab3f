// The life of a process: signals become one AbortSignal, everything started is stopped in reverse order with a
// deadline, and every end has an exit code: 0 done, 1 an operating error (one sentence), 64 a bad configuration.
import { ConfigError } from './config.ts';
import type { Logger } from './log.ts';

/** An operating error with a stable code and a message that says what to do; it ends a program without a stack trace. */
export class OperatingError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Things to release, in reverse order of `add`. */
export class Stopper {
  readonly #steps: { name: string; stop: () => Promise<void> | void }[] = [];
  /** What all steps together may take, in ms; then the process exits without the rest. */
  deadlineMs = 10_000;
  add(name: string, stop: () => Promise<void> | void): void {
    this.#steps.push({ name, stop });
  }
  /** Runs every step once, last added first; a failing step is logged and does not keep the others from running. */
  async stop(log: Logger): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step.stop();
      } catch (err) {
        log.warn({ err, step: step.name }, 'a step of the shutdown failed');
      }
    }
  }
}

export interface ProgramContext {
  /** Aborts on SIGTERM, SIGINT, or when the supervising parent is gone. */
  signal: AbortSignal;
  stopper: Stopper;
}

/**
 * Runs a program's `main` to its end and exits the process. `main` starts things, registers how to stop them, and
 * returns when it is done or `signal` aborts. `supervised`: stdin is a pipe held by the parent; its end is a SIGTERM.
 */
export async function runProgram(
  log: Logger,
  options: { supervised: boolean },
  main: (context: ProgramContext) => Promise<void>,
): Promise<never> {
  const controller = new AbortController();
  const stopper = new Stopper();
  const abort = () => {
    if (controller.signal.aborted) return;
    controller.abort();
    setTimeout(() => {
      log.error({ deadlineMs: stopper.deadlineMs }, 'shutdown took too long, exiting');
      process.exit(1);
    }, stopper.deadlineMs).unref();
  };
  process.on('SIGTERM', abort);
  process.on('SIGINT', abort);
  if (options.supervised) process.stdin.on('end', abort).on('error', abort).resume();
  let code = 0;
  try {
    await main({ signal: controller.signal, stopper });
  } catch (err) {
    code = exitCodeOf(err, log);
  }
  abort();
  await stopper.stop(log);
  process.exit(code);
}

/** Writes what a person must read of a failed start to stderr, and gives the exit code for it. */
export function exitCodeOf(err: unknown, log: Logger): number {
  if (err instanceof ConfigError) {
    for (const problem of err.problems) process.stderr.write(`${problem}\n`);
    return 64;
  }
  process.stderr.write(`${(err as Error).message}\n`);
  if (!(err instanceof OperatingError)) log.fatal({ err }, 'the program failed');
  return 1;
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The line by which a supervisor learns that a program serves: `ready` and where. */
export function announceReady(log: Logger, fields: Record<string, unknown>): void {
  log.info({ event: 'ready', ...fields }, 'ready');
}
