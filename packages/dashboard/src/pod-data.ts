// What pods did during a replay, from single observations: columns of CPU and memory to draw, Events told once, and which
// containers restarted or ran out of memory. Pure.
import { formatCount } from './format.ts';
import type { Seen } from './observation-queries.ts';

type Metric = Seen<'metric'>;
type KubeEvent = Seen<'event'>;
/** `undefined`: another container was read at that moment; a line goes on across it. */
type Column = (number | null | undefined)[];

export interface ContainerUse {
  namespace: string;
  pod: string;
  container: string;
  /** Thousandths of a core. */
  cpu: Column;
  memory: Column;
  /** Null when no reading had a figure. */
  peakCpu: number | null;
  peakMemory: number;
}

export interface PodUse {
  /** s since the epoch. */
  times: number[];
  /** What used most memory first. */
  containers: ContainerUse[];
}

export function podUse(metrics: readonly Metric[]): PodUse {
  const moments = [...new Set(metrics.map(({ ts }) => ts))].sort((a, b) => a - b);
  const indexOf = new Map(moments.map((ts, index) => [ts, index]));
  const byContainer = Map.groupBy(metrics, containerKey);
  const containers = [...byContainer.values()].map((readings): ContainerUse => {
    const { namespace, pod, container } = readings[0]!;
    const cpu: Column = new Array(moments.length).fill(undefined);
    const memory: Column = new Array(moments.length).fill(undefined);
    let [peakCpu, peakMemory]: [number | null, number] = [null, 0];
    for (const { ts, cpuMillicores, memoryBytes } of readings) {
      const index = indexOf.get(ts)!;
      cpu[index] = cpuMillicores;
      memory[index] = memoryBytes;
      if (cpuMillicores !== null) peakCpu = Math.max(peakCpu ?? 0, cpuMillicores);
      peakMemory = Math.max(peakMemory, memoryBytes);
    }
    return { namespace, pod, container, cpu, memory, peakCpu, peakMemory };
  });
  containers.sort((a, b) => b.peakMemory - a.peakMemory);
  return { times: moments.map((ts) => ts / 1e6), containers };
}

/** The last figure of a column up to an index; null when there is none. */
export function valueAt(column: Column, index: number): number | null {
  for (let i = index; i >= 0; i--) if (typeof column[i] === 'number') return column[i]!;
  return null;
}

/** `shop/cart-7d9f4/cart`. */
export function containerKey(of: { namespace: string; pod: string; container: string }): string {
  return `${of.namespace}/${of.pod}/${of.container}`;
}

/** Each Event once, as it was seen last, newest first: Kubernetes tells a repeated one again with a higher count. */
export function lastOfEach(events: readonly KubeEvent[]): KubeEvent[] {
  const last = new Map<string, KubeEvent>();
  for (const event of events) {
    const key = eventKey(event);
    const known = last.get(key);
    if (!known || event.ts >= known.ts)
      last.set(key, { ...event, count: Math.max(event.count, known?.count ?? 0) });
  }
  return [...last.values()].sort((a, b) => b.ts - a.ts);
}

export function eventKey({ namespace, object, type, reason, message }: KubeEvent): string {
  return JSON.stringify([namespace, object.kind, object.name, type, reason, message]);
}

/** Sentences on pods whose containers restarted or were killed for memory, from Events told once. */
export function podTroubles(events: readonly KubeEvent[]): string[] {
  const byPod = Map.groupBy(events, ({ namespace, object }) => `${namespace}/${object.name}`);
  return [...byPod].flatMap(([pod, own]) => {
    const restarts = own
      .filter(({ reason }) => reason === 'Started')
      .reduce((all, { count }) => all + count - 1, 0);
    const isBackingOff = own.some(({ reason, message }) => reason === 'BackOff' && /restart/i.test(message));
    const isOutOfMemory = own.some(({ reason, message }) => /\bOOM/.test(`${reason} ${message}`));
    return [
      ...(isOutOfMemory ? [`${pod} ran out of memory; give it a higher memory limit.`] : []),
      ...(restarts > 0
        ? [`${pod} restarted a container ${formatCount(restarts)} ${restarts === 1 ? 'time' : 'times'}.`]
        : []),
      ...(restarts === 0 && isBackingOff ? [`${pod} keeps ending after it is started.`] : []),
    ];
  });
}
