// Parameters of a path that are called as a kind of thing is, and are not its id: `/versions/2`, where the answer says
// `{ version: 2, id: 13 }`. Learned of requests that ask for one thing, and told of everything below the same path. Bounded. Pure.
import type { Leaf } from '@echoplane/replay';
import type { Place } from './places.ts';

const MAX_PATHS = 5_000;

interface Told {
  /** Answers whose own id is what was asked for. */
  byId: number;
  /** Answers with another own id, or that say under the name of the kind what was asked for. */
  byOther: number;
}

interface AskedValue {
  place: Place;
  value: string;
}

export class AskedBy {
  readonly #told = new Map<string, Told>();

  /** One exchange that was answered as asked. */
  observe(asked: readonly AskedValue[], answered: readonly Leaf[], own: readonly AskedValue[]): void {
    const last = asked.findLast(({ place }) => pathPrefix(place) !== null);
    if (!last || !/^\d+$/.test(last.value) || last.place.operation.method !== 'GET') return;
    const { entity } = last.place.naming;
    const path = pathPrefix(last.place)!;
    if (entity === '' || (this.#told.size >= MAX_PATHS && !this.#told.has(path))) return;
    const ids = own.filter(({ place }) => isOwnId(place, entity));
    const isId = ids.some(({ value }) => value === last.value);
    // What follows the parameter may be another thing of it, with an id of its own.
    const isAnotherId = ids.length > 0 && last.place.operation.endpoint.endsWith(path);
    const isNamed = answered.some(
      ({ path: at, value }) => at.toLowerCase() === `body.${entity}` && String(value) === last.value,
    );
    // Where both are the same, nothing is told.
    if (isId ? isNamed : !isAnotherId && !isNamed) return;
    const told = this.#told.get(path) ?? { byId: 0, byOther: 0 };
    this.#told.set(path, told);
    if (isId) told.byId++;
    else told.byOther++;
  }

  /** Whether what stands at a place of requests is not the id of what its name says. */
  isOther(place: Place): boolean {
    const path = pathPrefix(place);
    const told = path === null ? undefined : this.#told.get(path);
    return told !== undefined && told.byOther > told.byId;
  }
}

/** The id of the one thing that an answer holds. */
function isOwnId({ path, naming }: Place, entity: string): boolean {
  return /^body\.\w+$/.test(path) && naming.isOwn && naming.role === 'id' && naming.entity === entity;
}

/** The endpoint down to the parameter that a place is, `/orders/{id}` of `/orders/{id}/items`; null of any other place. */
export function pathPrefix({ in: side, path, operation }: Place): string | null {
  const at = side === 'request' ? /^path\[(\d+)\]$/.exec(path) : null;
  if (!at) return null;
  return operation.endpoint
    .split(' ')[0]!
    .split('/')
    .slice(0, Number(at[1]) + 2)
    .join('/');
}
