// Which results are shipped: all up to a budget for each endpoint, then every failure up to a bound, and of the others a
// sample that thins out by endpoint, outcome and latency, so that rare ones stay. Counts are kept elsewhere and stay exact.

/** Failures kept of an endpoint; more of them say nothing new and would stop everything else. */
const MAX_FAILURES = 10_000;
const MAX_STRATA = 10_000;

/** What decides on a result. */
export interface ResultTraits {
  endpoint: object;
  hasFailed: boolean;
  status: number;
  latencyUs: number;
}

interface Endpoint {
  kept: number;
  failures: number;
  /** Results past the budget by outcome and latency (in powers of two). */
  strata: Map<number, number>;
}

export class ResultKeeper {
  readonly #budget: number;
  readonly #endpoints = new Map<object, Endpoint>();
  #kept = 0;
  #of = 0;

  /** `budget`: results kept of each endpoint; null: all. */
  constructor(budget: number | null) {
    this.#budget = budget ?? Number.POSITIVE_INFINITY;
  }

  get counts(): { kept: number; of: number } {
    return { kept: this.#kept, of: this.#of };
  }

  /** Whether to keep a result; it is counted. */
  keeps(traits: ResultTraits): boolean {
    this.#of++;
    const isKept = this.#budget === Number.POSITIVE_INFINITY || this.#isWithin(traits);
    if (isKept) this.#kept++;
    return isKept;
  }

  #isWithin(traits: ResultTraits): boolean {
    const endpoint = this.#endpoints.get(traits.endpoint) ?? { kept: 0, failures: 0, strata: new Map() };
    this.#endpoints.set(traits.endpoint, endpoint);
    if (endpoint.kept < this.#budget) {
      endpoint.kept++;
      return true;
    }
    if (traits.hasFailed && endpoint.failures < MAX_FAILURES) {
      endpoint.failures++;
      return true;
    }
    return isSampled(endpoint.strata, traits);
  }
}

/** The first, second, fourth, eighth, … of each stratum. */
function isSampled(strata: Map<number, number>, { status, latencyUs, hasFailed }: ResultTraits): boolean {
  const bucket = 31 - Math.clz32(Math.max(1, latencyUs));
  const stratum = (status * 32 + bucket) * 2 + (hasFailed ? 1 : 0);
  const count = (strata.get(stratum) ?? 0) + 1;
  if (strata.size >= MAX_STRATA && count === 1) return false;
  strata.set(stratum, count);
  return Number.isInteger(Math.log2(count));
}
