// What kinds of sensitive data were seen where: counts, never a value. Entries that were not seen for the longest time
// make room for new ones. Parts of a path that may be a value themselves (a key that is an e-mail address, a number) are
// made `*`. It must not know pairs: endpoint and service are the caller's, taken from the redacted pair.
import type { Sighting } from '@echoplane/rules';
import { isParameter, leafPattern } from '@echoplane/traffic';

/** Where the pair was in which something was seen. */
export interface SightingPlace {
  service: string;
  direction: 'IN' | 'OUT';
  /** Endpoint template, such as `POST /orders/{id}`. */
  endpoint: string;
}

/** One kind of data at one place; `lastSeen` in µs since the epoch. As the heartbeat carries it. */
export interface Discovery extends SightingPlace {
  path: string;
  kind: string;
  count: number;
  lastSeen: number;
}

/** About 2 MB when every name is as long as it may be. */
const MAX_ENTRIES = 2_000;
/** What a heartbeat takes. */
const MAX_SERVICE = 253;
const MAX_ENDPOINT = 1_024;
const MAX_PATH = 500;
/** Of a longer path the beginning tells enough. */
const MAX_SEEN_PATH = 1_000;
/** Patterns are computed once for each path; beyond this many the memory of them begins anew. */
const MAX_PATTERNS = 5_000;
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/gu;
/** A phone, card or account number written as a key. */
const MANY_DIGITS = /(?:\d[^\d]?){6}/;

/** Bounded, least recently seen out first. */
export class DiscoveryBook {
  /** The least recently seen first. */
  readonly #entries = new Map<string, Discovery>();
  readonly #patterns = new Map<string, string>();
  readonly #maxEntries: number;
  /** Entries that had to make room. */
  evicted = 0;

  constructor(maxEntries = MAX_ENTRIES) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Counts a sighting at `nowUs`. */
  note(place: SightingPlace, { kind, path }: Sighting, nowUs: number): void {
    const pattern = this.#patternOf(path.slice(0, MAX_SEEN_PATH));
    const { direction } = place;
    const service = place.service.slice(0, MAX_SERVICE);
    const endpoint = place.endpoint.slice(0, MAX_ENDPOINT);
    const key = `${service}\n${direction}\n${endpoint}\n${pattern}\n${kind}`;
    const known = this.#entries.get(key);
    if (known) this.#entries.delete(key);
    else if (this.#entries.size >= this.#maxEntries) this.#evict();
    const entry = known ?? {
      service: clean(service, MAX_SERVICE),
      direction,
      endpoint: clean(endpoint, MAX_ENDPOINT),
      ...{ path: pattern, kind, count: 0, lastSeen: nowUs },
    };
    entry.count++;
    entry.lastSeen = Math.max(entry.lastSeen, nowUs);
    this.#entries.set(key, entry);
  }

  /** The `limit` most often seen, most often first: what the heartbeat and the page of discoveries show. */
  top(limit: number): Discovery[] {
    const byCount = [...this.#entries.values()].sort((a, b) => b.count - a.count || b.lastSeen - a.lastSeen);
    return byCount.slice(0, limit).map((entry) => ({ ...entry }));
  }

  #patternOf(path: string): string {
    const known = this.#patterns.get(path);
    if (known !== undefined) return known;
    if (this.#patterns.size >= MAX_PATTERNS) this.#patterns.clear();
    const pattern = pathPattern(path);
    this.#patterns.set(path, pattern);
    return pattern;
  }

  #evict(): void {
    const [oldest] = this.#entries.keys();
    this.#entries.delete(oldest!);
    this.evicted++;
  }
}

/** `request.body.items[3].card` → `request.body.items[].card`; a key that may be a value becomes `*`. */
export function pathPattern(path: string): string {
  // Both sides of the @ may hold dots, so where such a key ends cannot be told: the rest of the path goes.
  const at = path.indexOf('@');
  const known = at < 0 ? path : `${path.slice(0, at).split('.').slice(0, 2).join('.')}.*`;
  const parts = leafPattern(known).split('.');
  const named = parts.map((part) => (isParameter(part) || MANY_DIGITS.test(part) ? '*' : part));
  return clean(named.join('.'), MAX_PATH);
}

function clean(text: string, length: number): string {
  return text.replace(UNPRINTABLE, '').slice(0, length).replace(UNPRINTABLE, '');
}
