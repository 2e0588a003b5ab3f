// Which places of a message hold what was made with a secret. The value itself may be encoded beyond recognition, so places
// are remembered, not values: whatever overlaps such a place is shown by the secrets' names only.

/** Of a request or response object, which lives as long as it; copies that a change makes are noted anew. */
const TAINTS = new WeakMap<object, ReadonlyMap<string, readonly string[]>>();

const MAX_PLACES = 1_000;

export class Taints {
  readonly #places = new Map<string, readonly string[]>();

  /** What is known of these messages already. */
  constructor(...messages: (object | undefined)[]) {
    for (const message of messages)
      for (const [place, names] of (message && TAINTS.get(message)) ?? []) this.#places.set(place, names);
  }

  add(path: string, names: Iterable<string>): void {
    if (this.#places.size < MAX_PLACES) this.#places.set(placeOf(path), [...names]);
    // Beyond the bound everything counts as made with a secret.
    else this.#places.set('', [...names]);
  }

  /** Names of the secrets that went into what stands at, in or around a path. */
  at(path: string): string[] {
    if (this.#places.size === 0) return [];
    const place = placeOf(path);
    return [...this.#places].flatMap(([known, names]) => (overlaps(known, place) ? names : []));
  }

  /** Notes it at the messages as they are now. */
  keep(...messages: (object | undefined)[]): void {
    if (this.#places.size === 0) return;
    for (const message of messages) if (message) TAINTS.set(message, this.#places);
  }
}

/** Pieces of a text (`#1`) overlap all of it; url, path and query are one text. */
function placeOf(path: string): string {
  return path
    .replace(/#.*$/s, '')
    .replace(/^request\.(target|path|query|url)\b/, (_, part: string) =>
      part === 'target' ? 'request.url' : `request.url.${part}`,
    );
}

function overlaps(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  return (
    long.startsWith(short) &&
    (long.length === short.length || short === '' || /^[.[]/.test(long.slice(short.length)))
  );
}
