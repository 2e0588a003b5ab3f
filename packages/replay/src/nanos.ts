// The nanoseconds of a protobuf timestamp, `{1: seconds, 2: nanos}`: without its seconds nobody would know that they are of a
// time. Pure. https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp
import type { Comparing } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { readTime } from './times.ts';

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

function isNanos(value: Scalar): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < SECOND_NS;
}
