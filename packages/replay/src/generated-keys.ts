// Objects whose keys are generated values, `{"6cece537-…": 2}`: a live answer has the key of this run where the recorded one had
// its own. A key that is known has its counterpart; new ones pair when they are alike and nobody else's. Pure.
import type { Comparing } from './comparing.ts';
import { mayBeId } from './keyed-values.ts';
import { kindOf } from './kinds.ts';

const GENERATED: ReadonlySet<string> = new Set(['uuid', 'token', 'hex']);

/** Live keys by recorded keys that the live object lacks. */
export function liveKeys(
  comparing: Comparing,
  recorded: readonly string[],
  live: readonly string[],
): ReadonlyMap<string, string> {
  const known = new Set(recorded);
  const free = new Set(live.filter((key) => !known.has(key)));
  const found = new Map<string, string>();
  if (free.size === 0) return found;
  const has = new Set(live);
  const unknown: string[] = [];
  for (const key of recorded) {
    if (has.has(key)) continue;
    const due = comparing.observed('seen', key) ?? ofFlow(comparing, key) ?? comparing.values.apply(key);
    if (due === key) unknown.push(key);
    else if (free.delete(due)) found.set(key, due);
  }
  for (const key of unknown) {
    const kind = kindOf(key);
    if (kind === null || !GENERATED.has(kind)) continue;
    const alike = [...free].filter((one) => kindOf(one) === kind && isNobodys(comparing, one));
    const rivals = unknown.filter((one) => kindOf(one) === kind);
    if (alike.length !== 1 || rivals.length !== 1) continue;
    free.delete(alike[0]!);
    found.set(key, alike[0]!);
    comparing.observe('seen', key, alike[0]!);
  }
  return found;
}

/** The counterpart of a key that is the id of a thing, by what is known of its kind of thing. */
function ofFlow(comparing: Comparing, key: string): string | undefined {
  if (!mayBeId(key)) return undefined;
  const known = comparing.values.inFlows(key);
  const here = comparing.places.spotted.map(({ space, value }) =>
    typeof space === 'object' && value === key ? comparing.observed(space, key) : undefined,
  );
  const due = new Set([...known, ...here].filter((one) => one !== undefined));
  return due.size === 1 ? [...due][0] : undefined;
}

function isNobodys({ values }: Comparing, live: string): boolean {
  return values.recordedOf(live, null) === undefined;
}
