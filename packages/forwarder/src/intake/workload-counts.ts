// How many RRPairs the sidecars of each workload have brought in each direction since this process first heard of it: what
// tells a workload whose calls go past its sidecar. Pure; it must not know what becomes of the pairs.
import { MAX_COUNTED_WORKLOADS, type WorkloadCount } from '@echoplane/resources';
import type { RRPair } from '@echoplane/traffic';
import type { Hello } from '@echoplane/wire';
import { workloadOf } from './pass-through-book.ts';

type Counted = Omit<WorkloadCount, 'knownMs'> & { sinceUs: number };

export class WorkloadCounts {
  /** In the order in which they were last heard of. */
  readonly #counts = new Map<string, Counted>();

  /** A stream of it is open. */
  heard(hello: Hello, nowUs: number): void {
    if (hello.hop !== 'sidecar') return;
    const key = workloadOf(hello);
    const { namespace, workloadKind: kind, workload: name } = hello;
    const known = this.#counts.get(key) ?? { namespace, kind, name, inbound: 0, outbound: 0, sinceUs: nowUs };
    this.#counts.delete(key);
    this.#counts.set(key, known);
    if (this.#counts.size > MAX_COUNTED_WORKLOADS) this.#counts.delete(this.#counts.keys().next().value!);
  }

  /** A pair of it came. */
  count(hello: Hello, direction: RRPair['direction']): void {
    const known = hello.hop === 'sidecar' ? this.#counts.get(workloadOf(hello)) : undefined;
    if (known) known[direction === 'IN' ? 'inbound' : 'outbound']++;
  }

  list(nowUs: number): WorkloadCount[] {
    return [...this.#counts.values()].map(({ sinceUs, ...counts }) => ({
      ...counts,
      knownMs: Math.max(0, Math.round((nowUs - sinceUs) / 1_000)),
    }));
  }
}
