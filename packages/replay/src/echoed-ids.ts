// Texts that say again which thing a request named by its number: `Order 7 was not found`, of a thing whose number is another one
// now. Only the numbers that the request itself carries, and no other ones. Pure.
import type { Comparing } from './comparing.ts';
import { linkedPlaces } from './test-places.ts';

const NUMBER = /\d+/g;

/** Whether a text differs only by numbers that the request named, each by its live one. */
export function isEchoOfIds({ test, values }: Comparing, recorded: string, live: string): boolean {
  const named = new Map<string, string>();
  for (const { flow, recorded: was } of linkedPlaces(test)) {
    const is = values.flow(flow, was);
    if (is !== undefined && is !== was && /^\d+$/.test(was)) named.set(was, is);
  }
  if (named.size === 0 || recorded.replace(NUMBER, '0') !== live.replace(NUMBER, '0')) return false;
  const [before, after] = [recorded.match(NUMBER) ?? [], live.match(NUMBER) ?? []];
  return before.every((number, i) => number === after[i] || named.get(number) === after[i]);
}
