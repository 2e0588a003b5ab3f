// Spaces of flows that hold one kind of thing: a request names things at one place, some made where the space has its name from,
// some made elsewhere under another name, as in the answer to a batch. Two kinds of thing do not share rare values. Pure.

type Votes = ReadonlyMap<string, ReadonlySet<string>>;

/** What is known of a place in requests. */
export interface AskedPlace {
  /** The space of most values; null where that is not known. */
  space: string | null;
  /** Values by the other spaces that know them. */
  votes: Votes;
}

/** By space, the one it is part of; spaces that stand alone are not in it. */
export function joinedSpaces(
  places: Iterable<AskedPlace>,
  isRare: (value: string) => boolean,
): Map<string, string> {
  const joined = new Map<string, string>();
  const rootOf = (space: string): string => {
    let root = space;
    for (let up = joined.get(root); up !== undefined; up = joined.get(root)) root = up;
    return root;
  };
  for (const { space, votes } of places) {
    if (space === null) continue;
    for (const [other, values] of votes) {
      const [to, from] = [rootOf(space), rootOf(other)];
      // A value that several spaces know tells of none whose it is.
      const isTold = [...values].every((value) => isRare(value) && isOnlyIn(other, value, votes));
      if (to !== from && isTold) joined.set(from, to);
    }
  }
  return new Map([...joined.keys()].map((space) => [space, rootOf(space)]));
}

function isOnlyIn(space: string, value: string, votes: Votes): boolean {
  return [...votes].every(([other, values]) => other === space || !values.has(value));
}
