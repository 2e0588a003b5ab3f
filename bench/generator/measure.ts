// CPU per request of a load tool while it runs steadily: the user and system time of its process tree between two looks,
// over the requests that the upstream served between them. What a tool does at its start and end is not counted.
import { setTimeout as delay } from 'node:timers/promises';
import { cpuUs, processTree, watchMemory } from '../sidecar/process-usage.ts';
import { announced, type Running } from '../sidecar/processes.ts';
import type { Peer, PeerOptions, Started } from './peers.ts';
import type { Upstream } from './stage.ts';

/** A tool has loaded, connected and been compiled when this is over. */
export const WARM_UP_S = 5;
const COOL_DOWN_S = 1;

export interface Cost {
  cpuUs: number;
  requestsPerSecond: number;
  rssMib: number;
  /** Results that arrived at the sink for each request; null for tools that record nothing. */
  recordedShare: number | null;
}

/** One measurement of `seconds`, or why there is none. */
export async function measure(
  startPeer: (options: PeerOptions) => Promise<Started>,
  {
    upstream,
    seconds,
    ...options
  }: Omit<PeerOptions, 'port' | 'seconds'> & { upstream: Upstream; seconds: number },
): Promise<Cost | { because: string }> {
  const runsFor = WARM_UP_S + seconds + COOL_DOWN_S;
  const peer = await startPeer({ ...options, port: upstream.port, seconds: runsFor });
  if ('because' in peer) return peer;
  try {
    return await look(peer, upstream, seconds);
  } finally {
    await peer.program.stop();
    await peer.sink?.stop();
  }
}

async function look({ program, sink }: Peer, upstream: Upstream, seconds: number): Promise<Cost> {
  await delay(WARM_UP_S * 1000);
  const pids = processTree(program.pid);
  const memory = watchMemory(pids);
  const [before, recordedBefore] = [await now(upstream, pids), await recorded(sink)];
  await delay(seconds * 1000);
  const [after, recordedAfter] = [await now(upstream, pids), await recorded(sink)];
  const requests = after.served - before.served;
  return {
    cpuUs: (after.cpuUs - before.cpuUs) / requests,
    requestsPerSecond: requests / ((after.atMs - before.atMs) / 1000),
    rssMib: memory().rssMib,
    recordedShare: sink ? (recordedAfter - recordedBefore) / requests : null,
  };
}

async function now(upstream: Upstream, pids: readonly number[]) {
  const served = await upstream.served();
  return { served, cpuUs: cpuUs(pids), atMs: performance.now() };
}

async function recorded(sink: Running | null): Promise<number> {
  if (!sink) return 0;
  sink.child.stdin.write('\n');
  return (await announced<{ pairs: number }>(sink, 'pairs')).pairs;
}
