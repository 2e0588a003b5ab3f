// Where a request differs from a recording, in the order in which a person reads, and how alike they are. Pure.
import type { Mock } from '@echoplane/traffic';
import { looseValue, type Signature } from './signature.ts';

/** A recording that a request was not answered with. */
export interface Near {
  mock: Mock;
  /** Keys of the signature that differ, the most telling first. */
  keys: string[];
  /** The first of them, `body.amount: 1999 → 2099`. */
  difference: string;
  /** Share of the keys that are equal, 0..1. */
  likeness: number;
}

const ORDER = ['path', 'query', 'header', 'body'];

/** How `mock` and a request's signature differ; null when they do not. */
export function nearOf(mock: Pick<Mock, 'signature' | 'volatile'> & Mock, signature: Signature): Near | null {
  const volatile = new Set(mock.volatile);
  const all = new Set([...Object.keys(mock.signature), ...Object.keys(signature)]);
  const keys = [...all]
    .filter((key) => !isEqual(mock.signature[key], signature[key], volatile.has(key)))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const first = keys[0];
  if (first === undefined) return null;
  const difference = `${first}: ${mock.signature[first] ?? 'absent'} → ${signature[first] ?? 'absent'}`;
  return { mock, keys, difference, likeness: 1 - keys.length / all.size };
}

/** Same path first, then the fewest differences, then the earliest recording. */
export function byNearness(a: Near, b: Near): number {
  return Number(hasOtherPath(a)) - Number(hasOtherPath(b)) || a.keys.length - b.keys.length;
}

/** Whether a request means what was recorded at all: the same host, or nothing else is different. */
export function isWorthNaming({ keys }: Near): boolean {
  return !keys.includes('host') || keys.length === 1;
}

function isEqual(recorded: string | undefined, live: string | undefined, isVolatile: boolean): boolean {
  if (recorded === live) return true;
  if (!isVolatile || recorded === undefined || live === undefined) return false;
  return looseValue(recorded) === looseValue(live);
}

function hasOtherPath({ keys }: Near): boolean {
  return keys.some((key) => key.startsWith('path['));
}

function rank(key: string): number {
  return ORDER.findIndex((part) => key.startsWith(part));
}
