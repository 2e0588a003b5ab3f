// What the service under test asked of its dependencies: how the responder answered, what found no mock, what chaos did, and
// which test was under way then. Told in the order in which exchanges ended. Bounded; pure.
import {
  type ChainCount,
  endpointOf,
  type Finding,
  type Report,
  type RRPair,
  requestLine,
  TAG,
  traceOf,
} from '@echoplane/traffic';
import { countChains } from './chain-notes.ts';
import { findingId, MAX_EXAMPLES, MAX_FINDINGS } from './finding-book.ts';

/** How long an incident may be part of a test that is still under way, and how many are kept for that. */
const MEMORY_US = 900_000_000;
const MAX_INCIDENTS = 10_000;

/** A miss or a touch of chaos, at a time. */
export interface Incident {
  kind: 'miss' | 'chaos';
  /** Id of the finding, or the names of the rules. */
  what: string;
  atUs: number;
  endUs: number;
  traceId: string | null;
}

type MockCounts = Pick<Report['counts'], 'mockExact' | 'mockVolatile' | 'mockMiss' | 'mockOther'>;

export class Outbound {
  readonly #counts = { exact: 0, volatile: 0, miss: 0 };
  readonly #other: Record<string, number> = {};
  readonly #chaos: Record<string, number> = {};
  readonly #misses = new Map<string, Finding>();
  #incidents: Incident[] = [];
  #all = 0;
  /** What the responder's chains found, by id. */
  readonly chains: Record<string, ChainCount> = {};

  add(pair: RRPair): void {
    this.#all++;
    countChains(this.chains, pair);
    const chaos = pair.tags[TAG.chaos];
    const kind = pair.tags[TAG.match] ?? '';
    if (chaos !== undefined) {
      for (const rule of chaos.split(',')) this.#chaos[rule] = (this.#chaos[rule] ?? 0) + 1;
      this.#remember(pair, 'chaos', chaos);
    } else if (kind === 'exact' || kind === 'volatile' || kind === 'miss') {
      this.#counts[kind]++;
      if (kind === 'miss' && pair.request) this.#remember(pair, 'miss', this.#miss(pair));
    } else if (kind !== '') this.#other[kind] = (this.#other[kind] ?? 0) + 1;
  }

  /** What happened while a test was under way: of its own trace where requests carry one, else at that time. */
  during({ ts, durationUs, request }: RRPair): Incident[] {
    const traceId = request ? (traceOf(request.headers)?.traceId ?? null) : null;
    const found: Incident[] = [];
    for (let at = this.#incidents.length - 1; at >= 0; at--) {
      const incident = this.#incidents[at]!;
      if (incident.endUs < ts) break;
      if (incident.atUs < ts || incident.atUs > ts + durationUs) continue;
      if (incident.traceId === null || traceId === null || incident.traceId === traceId) found.push(incident);
    }
    return found;
  }

  get counts(): MockCounts {
    const { exact, volatile, miss } = this.#counts;
    const counts = { mockExact: exact, mockVolatile: volatile, mockMiss: miss };
    return Object.keys(this.#other).length === 0 ? counts : { ...counts, mockOther: { ...this.#other } };
  }

  get chaos(): Record<string, number> {
    return { ...this.#chaos };
  }

  /** Share of requests that found a mock; null when there were none. */
  get matchRate(): number | null {
    const { exact, volatile, miss } = this.#counts;
    const asked = exact + volatile + miss;
    return asked === 0 ? null : (asked - miss) / asked;
  }

  findings(): Finding[] {
    return [...this.#misses.values()]
      .map((finding) => ({ ...finding, of: this.#all }))
      .sort((a, b) => b.count - a.count);
  }

  #miss(pair: RRPair): string {
    const { method, host, path } = requestLine(pair);
    const endpoint = `${host}${endpointOf(path)}`;
    const difference = pair.tags[TAG.difference];
    const place = difference?.split(':')[0] ?? null;
    const id = findingId({ kind: 'mock-miss', method, endpoint, path: null, problem: 'miss' });
    const known = this.#misses.get(id);
    if (known) {
      known.count++;
      if (known.examples.length < MAX_EXAMPLES) known.examples.push(pair.id);
      return id;
    }
    if (this.#misses.size >= MAX_FINDINGS) return id;
    const why = difference
      ? `the nearest recording differs at ${difference}`
      : 'nothing was recorded for this host and method';
    this.#misses.set(id, {
      ...{ id, kind: 'mock-miss', method, endpoint, path: place, problem: 'miss' },
      ...{ sentence: `${method} ${endpoint} found no mock: ${why}`, count: 1, of: 0, examples: [pair.id] },
    });
    return id;
  }

  #remember(pair: RRPair, kind: Incident['kind'], what: string): void {
    const traceId = pair.request ? (traceOf(pair.request.headers)?.traceId ?? null) : null;
    const incident = { kind, what, atUs: pair.ts, endUs: pair.ts + pair.durationUs, traceId };
    this.#incidents.push(incident);
    if (this.#incidents.length <= MAX_INCIDENTS) return;
    const since = incident.endUs - MEMORY_US;
    this.#incidents = this.#incidents.slice(MAX_INCIDENTS / 2).filter(({ endUs }) => endUs >= since);
  }
}
