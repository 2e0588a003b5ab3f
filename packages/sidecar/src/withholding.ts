// The one question about a request that is captured or not: is it held back on purpose, and why? Pure.
import { createProbes } from './probes.ts';
import { createSampler } from './sampling.ts';

/** Why a pair is held back, as it stands in the counters of the capture stream. */
export type WithholdingReason = 'sampled' | 'probe';

export interface WithholdingFacts {
  direction: 'IN' | 'OUT';
  /** Id of the connection. */
  connection: string;
  /** Port of the server of the request. */
  serverPort: number;
}

/** Why the request of a raw head block is held back, or null when it is captured. */
export type Withholding = (requestHead: Buffer, facts: WithholdingFacts) => WithholdingReason | null;

/** What the settings `sample` and `probes` ask for; null when they ask for nothing, so that nothing need be asked. */
export function createWithholding(settings: {
  sample: number;
  probes: readonly string[];
}): Withholding | null {
  const isProbe = settings.probes.length > 0 ? createProbes(settings.probes) : null;
  const sampler = settings.sample < 1 ? createSampler(settings.sample) : null;
  if (!isProbe && !sampler) return null;
  return (head, { direction, connection, serverPort }) => {
    if (direction === 'IN' && isProbe?.(head, serverPort)) return 'probe';
    return sampler && !sampler.keeps(head, connection) ? 'sampled' : null;
  };
}
