// The child process that works on the store: one task, then it ends. It is apart from capture so that reading gigabytes
// and analyzing them can take neither the forwarder's thread nor its memory. It talks to its parent alone:
//
//   parent: task ─▶         ─▶ page, page, null (one for each `next`)     stop ─▶
//   child:          next ─▶                progress ─▶                    result | failure ─▶ (exit)
import { setPriority } from 'node:os';
import type { CommandBody } from '@echoplane/api';
import {
  eraseFromStore,
  makeReportFrom,
  makeSnapshotFiles,
  openStore,
  ReportBasis,
  type SelectionWork,
  type StoreConfig,
  type StoredPosition,
  searchPairs,
  ValueEraser,
} from '@echoplane/archive';
import { compileExpression, exprViewOf, FilterError } from '@echoplane/rules';
import { type ObjectStore, OperatingError } from '@echoplane/runtime';
import { type RRPair, snapshotPrefix } from '@echoplane/traffic';
import { editSnapshot } from './edit-snapshot.ts';

/** What is to be done: a command's body, and for an erasure what is looked for instead of the sealed value. */
export type StoreTaskBody =
  | Extract<CommandBody, { kind: 'make-snapshot' | 'edit-snapshot' | 'make-report' | 'search' }>
  | { kind: 'erase'; erasure: string; after: string; values: readonly string[] };

export interface StoreTask {
  /** Of the command: what it writes lies under it, so that doing it again writes the same. */
  id: string;
  tenant: string;
  store: StoreConfig;
  body: StoreTaskBody;
}

export type ToWorker = { task: StoreTask } | { page: readonly StoredPosition[] | null } | { stop: true };
export type FromWorker =
  | { next: true }
  | { progress: { share: number; message: string } }
  | { result: unknown }
  | { failure: { message: string; code: string | null } };

/** Behind everything that captures. */
const PRIORITY = 10;
const PROGRESS_MS = 200;

/** Does the task. */
async function doTask({ id, tenant, body }: StoreTask, work: Omit<SelectionWork, 'rows'>): Promise<unknown> {
  switch (body.kind) {
    case 'make-snapshot': {
      const { snapshot, name, selection } = body;
      const prefix = `${snapshotPrefix(tenant, snapshot)}${id}/`;
      return makeSnapshotFiles({ ...work, ...selection, id: snapshot, name, prefix });
    }
    case 'edit-snapshot':
      return editSnapshot({ ...work, tenant, command: id, body });
    case 'make-report': {
      const { prefix, selection } = body;
      const basis = ReportBasis.parse(body.input);
      return { report: await makeReportFrom({ ...work, prefix, basis, rows: selection.rows }) };
    }
    case 'search': {
      const { filter, limit, selection } = body;
      const expression = compileExpression(filter);
      const matches = (pair: RRPair) => expression.test(exprViewOf(pair));
      return searchPairs({ ...work, matches, limit, rows: selection.rows, newestFirst: false });
    }
    case 'erase': {
      const { erasure, after } = body;
      return eraseFromStore({ ...work, tenant, erasure, after, eraser: new ValueEraser(body.values) });
    }
  }
}

/** Listens to the parent until the task is done or given up. */
function serveParent(): void {
  const stop = new AbortController();
  let give: (page: readonly StoredPosition[] | null) => void = () => {};
  process.on('message', (message: ToWorker) => {
    if ('task' in message) void run(message.task);
    else if ('page' in message) give(message.page);
    else {
      stop.abort();
      give(null);
    }
  });
  process.on('disconnect', () => process.exit(1));
  const positions = async function* () {
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<readonly StoredPosition[] | null>();
      give = resolve;
      await tell({ next: true });
      const page = await promise;
      stop.signal.throwIfAborted();
      if (page === null) return;
      yield page;
    }
  };
  let lastMs = 0;
  const progress = async (share: number, message: string) => {
    stop.signal.throwIfAborted();
    const nowMs = performance.now();
    if (nowMs - lastMs < PROGRESS_MS) return;
    lastMs = nowMs;
    await tell({ progress: { share, message } });
  };
  const run = async (task: StoreTask) => {
    let last: FromWorker;
    try {
      const store = await storeOf(task);
      const work = { store, positions: positions(), progress, signal: stop.signal };
      last = { result: await doTask(task, work) };
    } catch (err) {
      const code =
        err instanceof OperatingError ? err.code : err instanceof FilterError ? 'bad_filter' : null;
      last = { failure: { message: (err as Error).message, code } };
    }
    await tell(last);
    process.exit(0);
  };
}

async function storeOf({ store: config }: StoreTask): Promise<ObjectStore> {
  const store = await openStore(config);
  if (store) return store;
  throw new OperatingError(
    'no_store',
    'This forwarder has no store of its own: give it a folder or a bucket.',
  );
}

/** Resolves when the parent's pipe has the words, so that pages and progress never pile up here. */
function tell(message: FromWorker): Promise<void> {
  return new Promise((resolve) => process.send!(message, () => resolve()));
}

if (process.send) {
  setPriority(PRIORITY);
  process.umask(0o077);
  serveParent();
}
