// Whether a token in an answer is another one because it is made of the second in which it is asked for. Pure.
import type { Comparing } from './comparing.ts';
import { isNearly, kindOf, type Scalar } from './kinds.ts';

/** A token of another second than the one that was handed out before, and nobody else's; noted. */
export function isMintedAnew(comparing: Comparing, path: string, recorded: string, live: Scalar): boolean {
  const { own, values, test } = comparing;
  if (!own || typeof live !== 'string') return false;
  if (kindOf(live) === null || kindOf(live) !== kindOf(recorded) || isNearly(recorded, live)) return false;
  const owner = values.recordedOf(live, null);
  if (owner !== undefined || !values.isOfAnotherSecond(test, path, recorded, own)) return false;
  comparing.observe('token', recorded, live);
  return true;
}
