// How long something took, said beside the times of its begin and its end: another number in every run, and the one that the two
// times of the live object give. Nothing of it is assumed that the recorded object does not show. Pure.
import type { Comparing } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { readTime, SECOND_US } from './times.ts';
import { ExactNumber, type Leaf, type TreeNode } from './tree.ts';

/** Keys of numbers that may say so. */
const NAMED = /dur|elaps|took|time|span|age|milli|ms$|second/i;
/** µs of the units that are tried. */
const UNITS = [1_000, SECOND_US, 1];
/** Fields of an object that are looked at. */
const MAX_FIELDS = 60;
const KEY = /[^.[\]]+$/;

/** Whether both numbers are what lies between the same two times of their objects. */
export function isSpanOfTimes({ holder }: Comparing, path: string, recorded: Scalar, live: Scalar): boolean {
  if (!holder || typeof recorded !== 'number' || typeof live !== 'number' || !isNamed(path)) return false;
  const times = Object.keys(holder.recorded)
    .slice(0, MAX_FIELDS)
    .flatMap((key) => {
      const [was, is] = [timeUs(holder.recorded[key]), timeUs(holder.live[key])];
      return was === null || is === null ? [] : [{ was, is }];
    });
  const isBoth = (from: (typeof times)[0], to: (typeof times)[0], unitUs: number) =>
    isSpan(recorded, to.was - from.was, unitUs) && isSpan(live, to.is - from.is, unitUs);
  return UNITS.some((unitUs) =>
    times.some((from) => times.some((to) => from !== to && isBoth(from, to, unitUs))),
  );
}

/** Whether a number of the live object is what lies between two of its times. */
export function isLiveSpan({ holder }: Comparing, path: string, live: number): boolean {
  if (!holder || !isNamed(path)) return false;
  const keys = Object.keys(holder.live).slice(0, MAX_FIELDS);
  const times = keys.flatMap((key) => timeUs(holder.live[key]) ?? []);
  return UNITS.some((unitUs) => times.some((from) => times.some((to) => isSpan(live, to - from, unitUs))));
}

/** The paths of numbers that are what lies between two times beside them. */
export function spansAmong(leaves: readonly Leaf[]): ReadonlySet<string> {
  const spans = leaves.filter(({ path, value }) => typeof value === 'number' && isNamed(path));
  return new Set(
    spans.flatMap(({ path, value }) => {
      const holder = path.replace(KEY, '');
      const times = leaves
        .filter((leaf) => leaf.path !== path && leaf.path.replace(KEY, '') === holder)
        .slice(0, MAX_FIELDS)
        .flatMap((leaf) => timeUs(leaf.value) ?? []);
      const isFound = UNITS.some((unitUs) =>
        times.some((from, i) => times.some((to, j) => i !== j && isSpan(Number(value), to - from, unitUs))),
      );
      return isFound ? [path] : [];
    }),
  );
}

function isNamed(path: string): boolean {
  return NAMED.test(KEY.exec(path)?.[0] ?? '');
}

/** Times are cut to milliseconds, and what is between them is rounded either way. */
function isSpan(amount: number, spanUs: number, unitUs: number): boolean {
  const roundedUs = Number.isInteger(amount) ? Math.max(1_000, unitUs) : 1_000;
  return spanUs >= 0 && amount >= 0 && Math.abs(amount * unitUs - spanUs) <= roundedUs;
}

function timeUs(node: TreeNode | undefined): number | null {
  const value = node instanceof ExactNumber ? Number(node.source) : node;
  return typeof value === 'string' || typeof value === 'number' ? (readTime(value)?.us ?? null) : null;
}
