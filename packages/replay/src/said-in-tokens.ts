// What a service put into a token and reads out of it again: a signed cookie with a name that it made up, claims. The client only
// carries it, and an answer that repeats what stood in the recorded token must repeat what stands there in the live one. Pure.
import type { Comparing } from './comparing.ts';
import { innerLeaves } from './inner-leaves.ts';
import { isJwt, type Scalar } from './kinds.ts';
import type { Leaf } from './tree.ts';

/** Whether a request's tokens hold the recorded value and the live one, then and now, at one place. */
export function isSaidInToken({ values, test }: Comparing, recorded: Scalar, live: Scalar): boolean {
  return values.consumedBy(test).some(([was, is]) => {
    const places = heldIn(was).filter(({ value }) => value === recorded);
    if (places.length === 0) return false;
    const now = new Map(heldIn(is).map(({ path, value }) => [path, value]));
    return places.every(({ path }) => now.get(path) === live);
  });
}

/** The leaves behind the base64 of a token, by its pieces: signed cookies are many between bars, colons and dots. */
function heldIn(token: string): Leaf[] {
  const pieces = isJwt(token) ? [token] : token.split(/[^\w+/=-]+/);
  return innerLeaves(pieces.map((value, i) => ({ path: `[${i}]`, value })));
}
