// One forwarder for a spool folder: two would take each other's segments for the remains of a former life. The lock is
// the operating system's, by way of SQLite, so it ends with the process however that ends, and holds between containers
// whose process ids say nothing to each other. It must not know what is in the folder.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { OperatingError } from '@echoplane/runtime';

const FILE = 'lock';
const SQLITE_BUSY = 5;

export interface SpoolLock {
  release(): void;
}

/** Takes the folder for this process. Throws OperatingError when another one has it. */
export function lockSpool(dir: string): SpoolLock {
  let file: DatabaseSync | null = null;
  try {
    file = new DatabaseSync(join(dir, FILE));
    // Nothing is ever written, so it needs no disk and leaves no journal.
    file.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    file?.close();
    throw refusal(dir, cause as Error & { errcode?: number });
  }
  const held = file;
  return { release: () => held.close() };
}

function refusal(dir: string, cause: Error & { errcode?: number }): OperatingError {
  if (cause.errcode === SQLITE_BUSY) {
    const sentence = `Another forwarder works in the spool folder ${dir}; give each one a folder of its own.`;
    return new OperatingError('spool_in_use', sentence, { cause });
  }
  const sentence = `The spool folder ${dir} cannot be locked (${cause.message}); its file system must take locks, or remove ${join(dir, FILE)} if something else wrote it.`;
  return new OperatingError('spool_not_lockable', sentence, { cause });
}
