// Whether a token in an answer is another one because it is made of the second in which it is asked for. Pure.
import type { Comparing } from './comparing.ts';
import { isNearly, isRedacted, kindOf, type Scalar } from './kinds.ts';

/** A token of another second than the one that was handed out before, and nobody else's; noted. */
export function isMintedAnew(comparing: Comparing, path: string, recorded: string, live: Scalar): boolean {
  const { own, values, test } = comparing;
  if (!own || typeof live !== 'string') return false;
  if (!areAlike(recorded, live) || isNearly(recorded, live)) return false;
  const owner = values.recordedOf(live, null);
  if (owner !== undefined || !values.isOfAnotherSecond(test, path, recorded, own)) return false;
  comparing.observe('token', recorded, live);
  return true;
}

const WORD = /^[\w.+/=-]{16,}$/;

/** Of two random values one may look less like a credential, and was not redacted. */
function areAlike(recorded: string, live: string): boolean {
  const [was, is] = [kindOf(recorded), kindOf(live)];
  if (isRedacted(recorded) === isRedacted(live)) return is !== null && was === is;
  return was !== null && is !== null && WORD.test(recorded) && WORD.test(live);
}
