// Which exchanges were under way at the same time as a write: a replay may run these in another order, so that what one reads
// of the other's doing is open. Pairs come in order of their begin. Bounded: of exchanges under way the latest so many. Pure.

import type { Leaf } from '@echoplane/replay';
import { isIdentityKey, pathOfAddress } from '@echoplane/replay';
import type { RRPair } from '@echoplane/traffic';
import { pathNames } from './namings.ts';
import type { Operation } from './places.ts';

const MAX_UNDER_WAY = 500;
const MAX_NAMES = 8;
const MAX_ADDRESSES = 2;
const MAX_NAME_CHARS = 100;

interface UnderWay {
  pair: number;
  endUs: number;
  /** What it writes; null: it only reads. */
  names: readonly string[] | null;
  isTold: boolean;
}

export interface Overlapping {
  /** Pairs that are now known to overlap another's write, each once. */
  amid: number[];
  /** What others were writing while a pair was under way. */
  beside: { pair: number; names: readonly string[] }[];
}

export class Overlaps {
  #underWay: UnderWay[] = [];

  /** The next pair, by its number, with what it writes; null: it reads. */
  add(
    { ts, durationUs }: Pick<RRPair, 'ts' | 'durationUs'>,
    pair: number,
    names: readonly string[] | null,
  ): Overlapping {
    const told: Overlapping = { amid: [], beside: [] };
    const tell = (one: UnderWay, writing: readonly string[]) => {
      if (!one.isTold) told.amid.push(one.pair);
      one.isTold = true;
      if (writing.length > 0) told.beside.push({ pair: one.pair, names: writing });
    };
    const now: UnderWay = { pair, endUs: ts + durationUs, names, isTold: false };
    this.#underWay = this.#underWay.filter(({ endUs }) => endUs > ts).slice(-MAX_UNDER_WAY);
    for (const other of this.#underWay) {
      if (names) tell(other, names);
      if (other.names) tell(now, other.names);
    }
    this.#underWay.push(now);
    return told;
  }
}

/** What a write is about: the things that its path names, and the one that its answer is, and where that is read. */
export function writtenNames(
  operation: Operation,
  asked: readonly Leaf[],
  answered: readonly Leaf[],
): string[] {
  const own = answered.flatMap(({ path, value }) =>
    value !== null &&
    /^body(?:\.\w+){1,2}$/.test(path) &&
    isIdentityKey(path.slice(path.lastIndexOf('.') + 1))
      ? [String(value)]
      : [],
  );
  const names = [...pathNames(operation, asked), ...own];
  const isName = (name: string) => name !== '' && name.length <= MAX_NAME_CHARS && !/[\t\n]/.test(name);
  const addresses = new Set(addressesOf(operation, asked, answered).filter(isName));
  return [
    ...[...new Set(names.filter(isName))].slice(0, MAX_NAMES),
    ...[...addresses].slice(0, MAX_ADDRESSES),
  ];
}

/** Of things that show no ids but addresses: that of what was made, and that which was written to. */
function addressesOf({ endpoint }: Operation, asked: readonly Leaf[], answered: readonly Leaf[]): string[] {
  const made = answered.flatMap(({ path, value }) =>
    path === 'header.location' || path === 'body._links.self.href'
      ? [pathOfAddress(String(value)) ?? '']
      : [],
  );
  if (!endpoint.endsWith('}')) return made;
  const steps = asked.filter(({ path, inner }) => path.startsWith('path[') && !inner);
  return [...made, `/${steps.map(({ value }) => value).join('/')}`];
}
