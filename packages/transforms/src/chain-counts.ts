// How often each chain found what it works on, so that one that never does can be told. Bounded by the chains there are; pure.
import type { CompiledTransforms } from './compile.ts';
import type { ChainPoint } from './document.ts';
import type { TransformResult } from './run-chains.ts';

export interface ChainCount {
  /** Messages in which it found what it works on, and in which it did not; others are not for it. */
  found: number;
  missed: number;
}

export class ChainCounts {
  readonly #counts = new Map<string, ChainCount>();

  /** Of the chains at these points, and of variables that are filled as a user starts. */
  constructor({ at, atStart }: CompiledTransforms, points: readonly ChainPoint[]) {
    for (const { id } of [...atStart, ...points.flatMap((point) => at[point])])
      this.#counts.set(id, { found: 0, missed: 0 });
  }

  add({ applied, missed, findings }: Pick<TransformResult, 'applied' | 'missed' | 'findings'>): void {
    for (const id of applied) this.#count(id, 'found');
    for (const id of missed) this.#count(id, 'missed');
    for (const { chain } of findings) this.#count(chain, 'missed');
  }

  /** From here on. */
  clear(): void {
    for (const id of this.#counts.keys()) this.#counts.set(id, { found: 0, missed: 0 });
  }

  /** By id; undefined when there are no chains. */
  get byChain(): Record<string, ChainCount> | undefined {
    return this.#counts.size === 0 ? undefined : Object.fromEntries(this.#counts);
  }

  #count(id: string, how: keyof ChainCount): void {
    const counted = this.#counts.get(id);
    if (counted) counted[how]++;
  }
}
