// The parent's side of the store worker: one child process for one task, with a bound on its memory; it is given pages of
// positions as it asks for them, and is gone when the signal aborts.
import { type ChildProcess, fork } from 'node:child_process';
import { extname, join } from 'node:path';
import type { PositionPages, StoredPosition } from '@echoplane/archive';
import {
  ANALYSIS_FLAGS,
  type Environment,
  OperatingError,
  REPORT_FLAGS,
  STORE_WORK_ENVIRONMENT,
} from '@echoplane/runtime';
import type { FromWorker, StoreTask, ToWorker } from './store-worker.ts';

const ANALYZES = new Set<string>(['make-snapshot', 'edit-snapshot']);
/** What a child that was told to stop has to remove what it began to write. */
const STOP_GRACE_MS = 5_000;
/** Beside this file, in the sources and in a bundle. */
const ENTRY = join(import.meta.dirname, `store-worker${extname(import.meta.filename)}`);

export interface StoreTaskCall {
  signal: AbortSignal;
  progress(share: number, message: string): void;
  positions(): PositionPages;
  /** Variables that the process gets. */
  environment: Environment;
}

/** Does a task in a process of its own. Throws OperatingError with the child's words, or why it ended without any. */
export async function runStoreTask(
  task: StoreTask,
  call: StoreTaskCall,
  flags = ANALYZES.has(task.body.kind) ? ANALYSIS_FLAGS : REPORT_FLAGS,
): Promise<unknown> {
  call.signal.throwIfAborted();
  const child = fork(ENTRY, [], {
    execArgv: [...flags],
    env: { ...call.environment, ...STORE_WORK_ENVIRONMENT },
    // Not the forwarder's own stdin, which may be what its supervisor holds it by.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const stop = () => {
    send(child, { stop: true });
    setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS).unref();
  };
  call.signal.addEventListener('abort', stop, { once: true });
  const pages = call.positions()[Symbol.asyncIterator]();
  try {
    return await converse(child, task, { ...call, pages });
  } finally {
    await pages.return?.();
    call.signal.removeEventListener('abort', stop);
    if (!call.signal.aborted) child.kill('SIGKILL');
  }
}

function converse(
  child: ChildProcess,
  task: StoreTask,
  call: StoreTaskCall & { pages: AsyncIterator<readonly StoredPosition[]> },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let last: FromWorker | null = null;
    const nextPage = async () => {
      const { value, done } = await call.pages.next();
      send(child, { page: done ? null : value });
    };
    child.on('message', (message: FromWorker) => {
      if ('next' in message) nextPage().catch(reject);
      else if ('progress' in message) {
        const { share, message: words } = message.progress;
        call.progress(share, words);
      } else last = message;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (call.signal.aborted) reject(call.signal.reason);
      else if (last && 'result' in last) resolve(last.result);
      else reject(failureOf(last, code, signal));
    });
    send(child, { task });
  });
}

/** Only an OperatingError's sentence is for people: another error's message may quote recorded traffic. */
function failureOf(last: FromWorker | null, code: number | null, signal: string | null): Error {
  if (last && 'failure' in last) {
    const { code: known, message } = last.failure;
    return known === null ? new Error(message) : new OperatingError(known, message);
  }
  return new OperatingError(
    'store_worker_ended',
    `The process that worked on the store ended by itself (${signal ?? code}), which happens when it needs more memory than it may take; narrow the selection.`,
  );
}

/** A child that is gone already says so by its `exit`. */
function send(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => {});
}
