// What a process tree used, from /proc: CPU time to the nanosecond where the kernel says so (schedstat), and memory,
// sampled while something runs.
import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MS = 50;
const TICK_US = 10_000;
/** Fields of schedstat. */
const RAN = 0;
const WAITED = 1;

/** Peaks over the samples of a span. */
export interface Memory {
  rssMib: number;
  anonymousMib: number;
}

/** A process and its descendants; fixed for the programs measured here once they listen. */
export function processTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statOf(Number(name));
    if (fields) parents.set(Number(name), Number(fields[1]));
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

/** CPU time of the processes so far, in µs. Threads that ended count for the processes without schedstat only. */
export function cpuUs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (scheduledUs(pid) ?? tickedUs(pid)), 0);
}

/** Time in which they were ready to run and something else ran, in µs; 0 without schedstat. */
export function waitedUs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (scheduledUs(pid, WAITED) ?? 0), 0);
}

function scheduledUs(pid: number, field = RAN): number | null {
  try {
    let sum = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[field]);
    }
    return sum > 0 ? sum / 1000 : null;
  } catch {
    return null;
  }
}

function tickedUs(pid: number): number {
  const fields = statOf(pid);
  return fields ? (Number(fields[11]) + Number(fields[12])) * TICK_US : 0;
}

/** The fields of /proc/PID/stat after the name: state is the first, the parent the second. */
function statOf(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** Memory of the processes now. */
export function memoryOf(pids: readonly number[]): Memory {
  let rssKib = 0;
  let anonymousKib = 0;
  for (const pid of pids) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      rssKib += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
      anonymousKib += Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0);
    } catch {
      // It ended between two looks.
    }
  }
  return { rssMib: rssKib / 1024, anonymousMib: anonymousKib / 1024 };
}

/** Samples until the returned function is called, which gives the peaks. */
export function watchMemory(pids: readonly number[]): () => Memory {
  const peak = memoryOf(pids);
  const sample = () => {
    const now = memoryOf(pids);
    peak.rssMib = Math.max(peak.rssMib, now.rssMib);
    peak.anonymousMib = Math.max(peak.anonymousMib, now.anonymousMib);
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    sample();
    return peak;
  };
}
