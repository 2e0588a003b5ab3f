// The nanoseconds of a protobuf timestamp, `{1: seconds, 2: nanos}`: without its seconds nobody would know that they are of a
// time. Pure. https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp
import type { Comparing } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { readTime } from './times.ts';
import type { Leaf } from './tree.ts';

const SECOND_NS = 1_000_000_000;
const MILLISECOND_NS = 1_000_000;

/** Whether a leaf holds the nanoseconds of a time of this run, as fine as they were. */
export function isNanosOfRun(
  { message, values }: Pick<Comparing, 'message' | 'values'>,
  path: string,
  recorded: Scalar,
  live: Scalar,
): boolean {
  if (!path.endsWith('.2') || message === null || !isNanos(recorded) || !isNanos(live)) return false;
  if (recorded % MILLISECOND_NS === 0 && live % MILLISECOND_NS !== 0) return false;
  return [message.recorded, message.live].every((fields) => {
    const seconds = fields.get('1');
    const time = typeof seconds === 'number' && fields.size === 2 ? readTime(seconds) : null;
    return time !== null && values.clock.isOfRun(time);
  });
}

/**
 * Leaves with the times of protobuf as one leaf each, in µs, where their seconds stand: by these two things are no others, and by
 * these they stand in order.
 */
export function withWholeTimes(leaves: Leaf[]): Leaf[] {
  return leaves.some(isNanosBehind) ? leaves.flatMap(wholeTime) : leaves;
}

/** Whether a leaf is the nanoseconds of the one before it, and these two are all of their message. */
function isNanosBehind({ path, value }: Leaf, n: number, leaves: readonly Leaf[]): boolean {
  const before = leaves[n - 1];
  if (!before || !path.endsWith('.2') || !isNanos(value) || typeof before.value !== 'number') return false;
  const message = path.slice(0, -1);
  if (before.path !== `${message}1` || readTime(before.value)?.form !== 'number s') return false;
  return ![leaves[n - 2], leaves[n + 1]].some((beside) => beside?.path.startsWith(message));
}

function wholeTime(leaf: Leaf, n: number, leaves: readonly Leaf[]): Leaf[] {
  if (isNanosBehind(leaf, n, leaves)) return [];
  const nanos = leaves[n + 1];
  if (!nanos || !isNanosBehind(nanos, n + 1, leaves)) return [leaf];
  return [{ path: leaf.path, value: Number(leaf.value) * 1e6 + Math.floor(Number(nanos.value) / 1e3) }];
}

function isNanos(value: Scalar): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < SECOND_NS;
}
