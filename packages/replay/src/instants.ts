// Recorded instants and the live ones that stood for them. Two rows of one recorded second need not share a live one, so an
// instant keeps several. Bounded: beyond it the oldest goes. Pure.

/** Counterparts kept of one instant. */
const MAX_COUNTERPARTS = 8;
const NONE: readonly string[] = [];

export class Instants {
  readonly #live = new Map<string, string[]>();
  readonly #recorded = new Map<string, string[]>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Live instants of a recorded one, the oldest first. */
  live(recorded: string): readonly string[] {
    return this.#live.get(recorded) ?? NONE;
  }

  /** Recorded instants of a live one, the oldest first. */
  recorded(live: string): readonly string[] {
    return this.#recorded.get(live) ?? NONE;
  }

  add(recorded: string, live: string): void {
    addTo(this.#live, recorded, live, this.#limit);
    addTo(this.#recorded, live, recorded, this.#limit);
  }
}

function addTo(map: Map<string, string[]>, key: string, value: string, limit: number): void {
  const known = map.get(key);
  if (known?.includes(value)) return;
  if (known) {
    known.push(value);
    if (known.length > MAX_COUNTERPARTS) known.shift();
    return;
  }
  if (map.size >= limit) map.delete(map.keys().next().value!);
  map.set(key, [value]);
}
