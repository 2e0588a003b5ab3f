// Durations as they are written in our objects: 30m, 1h30m, 90s.

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000 };

/** Milliseconds of a duration; null when it is none. */
export function parseDuration(text: string): number | null {
  if (text.length > 32 || !/^(\d+[hms])+$/.test(text)) return null;
  return [...text.matchAll(/(\d+)([hms])/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * UNIT_MS[unit!]!,
    0,
  );
}
