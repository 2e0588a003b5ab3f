// Which lines of two texts are the same ones: those that stand once in each and in one order hold the two together, their equal
// neighbours go with them (Bram Cohen's patience diff), and what lies between in equal number is taken one by one. Pure.

/** Index of the live counterpart of each recorded line, or -1; lines that are alike have one key. */
export function pairLines(recorded: readonly string[], live: readonly string[]): number[] {
  const to = recorded.map(() => -1);
  let [i, j] = [0, 0];
  for (const [nextI, nextJ] of [...anchors(recorded, live), [recorded.length, live.length] as const]) {
    pairGap(to, recorded, live, { i, j, endI: nextI, endJ: nextJ });
    if (nextI < recorded.length) to[nextI] = nextJ;
    [i, j] = [nextI + 1, nextJ + 1];
  }
  return to;
}

interface Gap {
  i: number;
  j: number;
  endI: number;
  endJ: number;
}

/** Equal lines from both ends of a gap, then the rest one by one when they are as many. */
function pairGap(to: number[], recorded: readonly string[], live: readonly string[], gap: Gap): void {
  let { i, j, endI, endJ } = gap;
  while (i < endI && j < endJ && recorded[i] === live[j]) to[i++] = j++;
  while (i < endI && j < endJ && recorded[endI - 1] === live[endJ - 1]) to[--endI] = --endJ;
  if (endI - i === endJ - j) while (i < endI) to[i++] = j++;
}

/** Lines that stand once in both texts, the most that are in one order. */
function anchors(recorded: readonly string[], live: readonly string[]): [i: number, j: number][] {
  const theirs = onceIn(live);
  const shared = [...onceIn(recorded)].flatMap(([line, i]): [number, number][] => {
    const j = theirs.get(line);
    return j === undefined ? [] : [[i, j]];
  });
  return longestRise(shared);
}

/** Lines by their index, in order, of those that do not come again. */
function onceIn(lines: readonly string[]): Map<string, number> {
  const at = new Map<string, number>();
  const again = new Set<string>();
  for (const [i, line] of lines.entries()) {
    if (at.has(line)) again.add(line);
    else at.set(line, i);
  }
  for (const line of again) at.delete(line);
  return at;
}

/** The longest series of pairs in which the second numbers rise, as the first ones do. */
function longestRise(pairs: readonly [number, number][]): [number, number][] {
  /** By length, the pair with which the lowest series of that length ends. */
  const ends: number[] = [];
  const before: number[] = [];
  for (const [n, [, j]] of pairs.entries()) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[ends[middle]!]![1] < j) low = middle + 1;
      else high = middle;
    }
    before[n] = low > 0 ? ends[low - 1]! : -1;
    ends[low] = n;
  }
  const rise: [number, number][] = [];
  for (let n = ends.at(-1) ?? -1; n >= 0; n = before[n]!) rise.push(pairs[n]!);
  return rise.reverse();
}
