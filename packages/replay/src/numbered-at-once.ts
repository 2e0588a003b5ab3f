// Serial numbers that a service gave while two writes ran at once, to what it notes of each: a revision, an entry of an audit. They may
// come the other way round in a replay. Told by what stands beside the number: the id of a thing that is known to be another one
// now, and of which a write ran at the same time as another write. Pure.
import type { Comparing } from './comparing.ts';
import { kindOf, type Scalar } from './kinds.ts';

/** Writes at once hardly give more numbers than so many. */
const MAX_APART = 12;
const MAX_FIELDS = 60;
const SERIAL = /^\d{1,9}$/;

/** Whether a number beside such an id may be another one for that reason; not the one that the request named. */
export function isNumberedAtOnce(
  { holder, values, test }: Comparing,
  recorded: Scalar,
  live: Scalar,
): boolean {
  if (test.request.target.split(/[/?&=#]/).includes(String(recorded))) return false;
  if (!holder || !SERIAL.test(String(recorded)) || !SERIAL.test(String(live))) return false;
  if (Math.abs(Number(recorded) - Number(live)) > MAX_APART) return false;
  return Object.entries(holder.recorded)
    .slice(0, MAX_FIELDS)
    .some(([key, id]) => {
      if (typeof id !== 'string' || kindOf(id) === null || holder.live[key] === id) return false;
      return values.apply(id) === holder.live[key] && values.isWrittenAtOnce(id);
    });
}
