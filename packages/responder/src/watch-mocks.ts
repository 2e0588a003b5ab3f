// Notices that the file of the mocks was replaced. The folder is watched, because a file that is renamed over another is a
// new one; several changes in a row are one.
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Logger } from '@echoplane/runtime';

/** A writer that is not done yet writes on within this time. */
const SETTLE_MS = 300;

/** Calls `changed` after each change of the file; gives what ends that. */
export function watchMocks(path: string, changed: () => unknown, log: Logger): () => void {
  const name = basename(path);
  let timer: NodeJS.Timeout | undefined;
  const watcher: FSWatcher = watch(dirname(path), { persistent: false }, (_event, file) => {
    if (file !== name) return;
    clearTimeout(timer);
    timer = setTimeout(changed, SETTLE_MS);
    timer.unref();
  });
  watcher.on('error', (err) => log.warn({ err, path }, 'the file of the mocks is no longer watched'));
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
