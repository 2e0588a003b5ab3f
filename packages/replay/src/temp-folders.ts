// Paths below a folder for temporary files, where each start of a service may have one of its own: what is above the first part
// that both paths share at their end is one folder, another one in each run, and the same wherever it is named. Pure.
import type { Comparing, Judgement } from './comparing.ts';
import type { Scalar } from './kinds.ts';

const PATH = /(?<![\w/.-])\/(?:private\/)?(?:tmp|var\/tmp|var\/folders)(?:\/[\w.@+-]+)+/g;
const MAX_CHARS = 4_096;

/** How two texts agree that differ in such folders alone; null: they do not. */
export function judgeTempFolders(comparing: Comparing, recorded: Scalar, live: Scalar): Judgement | null {
  if (typeof recorded !== 'string' || typeof live !== 'string') return null;
  if (recorded.length > MAX_CHARS || live.length > MAX_CHARS || !recorded.includes('/')) return null;
  const was = recorded.match(PATH) ?? [];
  const is = live.match(PATH) ?? [];
  if (was.length === 0 || was.length !== is.length) return null;
  if (recorded.replaceAll(PATH, '/') !== live.replaceAll(PATH, '/')) return null;
  let hasNew = false;
  for (const [i, path] of was.entries()) {
    const due = knownPath(comparing, path);
    if (path === is[i] || due === is[i]) continue;
    const folders = due === undefined ? foldersOf(path, is[i]!) : null;
    if (folders === null || isTaken(comparing, folders[1])) return null;
    comparing.observe('seen', ...folders);
    hasNew = true;
  }
  return hasNew ? { kind: 'token' } : 'strict';
}

/** The live path below the nearest folder whose counterpart is known. */
function knownPath(comparing: Comparing, path: string): string | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const folder = path.slice(0, end);
    const due = comparing.observed('seen', folder) ?? comparing.values.seen(folder)?.live;
    if (due !== undefined) return due + path.slice(end);
  }
  return undefined;
}

function isTaken(comparing: Comparing, folder: string): boolean {
  return (comparing.observedOf('seen', folder) ?? comparing.values.recordedOf(folder, null)) !== undefined;
}

/** Both paths up to the last part in which they differ; null where that is a file, or they are not as deep. */
function foldersOf(path: string, live: string): [string, string] | null {
  const [was, is] = [path.split('/'), live.split('/')];
  if (was.length !== is.length) return null;
  const last = was.findLastIndex((part, i) => part !== is[i]);
  if (last === was.length - 1 && `${was[last]}${is[last]}`.includes('.')) return null;
  return [was.slice(0, last + 1).join('/'), is.slice(0, last + 1).join('/')];
}
