// What the answers of a dependency depend on: the collection a request reads or writes, and how many writes to it were
// recorded before. A collection is the literal beginning of endpoints that go on with a parameter: `/users` of
// `/users/{id}/orders`. Pure.
import { endpointOf, type Mock, type RRPair, splitUrl } from '@echoplane/traffic';
import { isWrite, operationIn } from './operations.ts';

const MAX_RESOURCES = 20_000;

type State = NonNullable<Mock['state']>;

/** Watches the OUT pairs once, then tells the state of each as they come again in the same order. */
export class Resources {
  readonly #collections = new Set<string>();
  readonly #written = new Set<string>();
  readonly #writes = new Map<string, number>();

  observe(pair: RRPair): void {
    const place = placeOf(pair);
    if (place.isCollection && this.#collections.size < MAX_RESOURCES) this.#collections.add(place.prefix);
    if (isWrite(pair, operationIn(pair)) && this.#written.size < MAX_RESOURCES)
      this.#written.add(place.prefix);
  }

  /** After all were watched. */
  settle(): void {
    const written = [...this.#written].map((prefix) => this.#resourceOf(prefix));
    this.#written.clear();
    for (const resource of written) this.#written.add(resource);
  }

  /** Null where the recording holds no write, so that nothing changes. */
  next(pair: RRPair): State | null {
    const resource = this.#resourceOf(placeOf(pair).prefix);
    if (!this.#written.has(resource)) return null;
    const writesBefore = this.#writes.get(resource) ?? 0;
    const writes = isWrite(pair, operationIn(pair));
    if (writes) this.#writes.set(resource, writesBefore + 1);
    return { resource, isWrite: writes, writesBefore };
  }

  /** The widest collection that the place is in, else the place. */
  #resourceOf(prefix: string): string {
    const parts = prefix.split('/');
    for (let length = 2; length <= parts.length; length++) {
      const candidate = parts.slice(0, length).join('/');
      if (this.#collections.has(candidate)) return candidate;
    }
    return prefix;
  }
}

/** Host and literal beginning of the path. */
function placeOf(pair: RRPair): { prefix: string; isCollection: boolean } {
  const { host, path } = splitUrl(pair.request!.url);
  const template = endpointOf(path);
  const at = template.indexOf('/{');
  return { prefix: host.toLowerCase() + (at < 0 ? template : template.slice(0, at)), isCollection: at > 0 };
}
