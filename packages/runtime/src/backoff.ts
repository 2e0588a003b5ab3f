// Waiting between attempts: exponential with full jitter, as pure arithmetic over an injected random number.

export interface BackoffOptions {
  firstMs: number;
  maxMs: number;
}

/** Milliseconds before attempt `attempt` (from 1): between half and the whole of first × 2^(attempt-1), capped. */
export function backoffMs(attempt: number, options: BackoffOptions, random: number): number {
  const ceiling = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt - 1, 30));
  return ceiling / 2 + (ceiling / 2) * random;
}
