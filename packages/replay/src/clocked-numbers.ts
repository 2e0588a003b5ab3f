// Durations by the service's own clock, as the recording showed a field to hold: another number in every run. What lies between
// two times of its object does so again, what was said before is said again, and of the rest only the sign is known. Pure.
import type { Comparing, Judgement } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { readTime, SECOND_US } from './times.ts';
import type { TreeNode } from './tree.ts';

/** µs of the units that are tried. */
const UNITS = [SECOND_US, 1_000];
const EXACT_US = 1.5;
const MIN_DIGITS = 4;
const MIN_PLACES = 3;

/** Whether two equal ones of such numbers are hardly equal by chance. */
export function isRareNumber(value: Scalar | undefined): value is number {
  if (typeof value !== 'number' || Number.isInteger(value)) return false;
  const [, whole, fraction = ''] = /^-?(\d+)\.(\d+)$/.exec(String(value)) ?? [];
  return fraction.length >= MIN_PLACES && `${whole}${fraction}`.replace(/^0+/, '').length >= MIN_DIGITS;
}

/** µs of the unit in which a number is, to the µs, what lies between two of the times; null when it is not. */
export function spanUnit(amount: number, timesUs: readonly number[]): number | null {
  const lies = (unitUs: number) =>
    timesUs.some((from) => timesUs.some((to) => from !== to && isExactly(amount, to - from, unitUs)));
  return UNITS.find(lies) ?? null;
}

function isExactly(amount: number, spanUs: number, unitUs: number): boolean {
  return Math.abs(amount * unitUs - spanUs) <= EXACT_US;
}

/** A number where such durations stand. */
export function judgeClocked(comparing: Comparing, recorded: number, live: number): Judgement {
  if (Math.sign(recorded) !== Math.sign(live)) return 'differs';
  if (!isRareNumber(recorded)) return { kind: 'measure' };
  const known = comparing.observed('seen', String(recorded)) ?? comparing.values.seen(String(recorded))?.live;
  if (known !== undefined) return known === String(live) ? 'strict' : 'differs';
  const span = spanOf(comparing, recorded, live);
  if (span === 'differs') return 'differs';
  comparing.observe('seen', String(recorded), String(live));
  return span === 'agrees' ? 'time' : { kind: 'measure' };
}

/** Whether the live number lies between the times that the recorded one lies between; `none`: it lies between no two. */
function spanOf({ holder }: Comparing, recorded: number, live: number): 'agrees' | 'differs' | 'none' {
  const times = Object.keys(holder?.recorded ?? {}).flatMap((key) => {
    const [was, is] = [timeUs(holder!.recorded[key]), timeUs(holder!.live[key])];
    return was === null || is === null ? [] : [{ was, is }];
  });
  const unitUs = spanUnit(
    recorded,
    times.map(({ was }) => was),
  );
  if (unitUs === null) return 'none';
  const isBoth = (from: (typeof times)[0], to: (typeof times)[0]) =>
    isExactly(recorded, to.was - from.was, unitUs) && isExactly(live, to.is - from.is, unitUs);
  return times.some((from) => times.some((to) => isBoth(from, to))) ? 'agrees' : 'differs';
}

function timeUs(node: TreeNode | undefined): number | null {
  return typeof node === 'string' ? (readTime(node)?.us ?? null) : null;
}
