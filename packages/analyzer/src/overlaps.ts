// Which exchanges were under way at the same time as a write: a replay may run these in another order, so that what one reads
// of the other's doing is open. Of two writes alike the service may break one off, as the other had what it needed: which one, or
// none, is chance, and a replay sends the one that was taken alone. Pairs come in order of their begin. Bounded: of exchanges
// under way the latest so many. Pure.

import type { Leaf } from '@echoplane/replay';
import { isIdentityKey, kindOf, pathOfAddress } from '@echoplane/replay';
import type { Flow, FlowLink, RRPair } from '@echoplane/traffic';
import { namingOf } from './names.ts';
import { isParameter } from './namings.ts';
import { type Operation, patternOf } from './places.ts';
import { EDGE, edgeLine } from './tokens.ts';

const MAX_UNDER_WAY = 500;
const MAX_NAMES = 8;
const MAX_ADDRESSES = 2;
const MAX_NAME_CHARS = 100;
/** Where an answer says what it is, and a request what it brings. */
const OWN = /^body(?:\.\w+){1,2}$|^body\.data(?:\.\w+){2}$/;
const SENT = /^body(?:\[\d+\])?(?:\.\w+){1,2}$/;
const SERIAL = /^\d{1,9}$/;
const NUMBERED = /^([a-z][a-z0-9 ]*)=(\d{1,9})$/;
const REFUSED = 400;
const BROKEN_OFF = 500;

interface UnderWay {
  pair: number;
  endUs: number;
  /** What it writes; null: it only reads. */
  names: readonly string[] | null;
  status: number;
  /** Of a write: where to, and the fields that it says. */
  shape: string | null;
  isTold: boolean;
  isLost: boolean;
}

export class Overlaps {
  #underWay: UnderWay[] = [];

  /** The next pair, by its number, with what it writes; null: it reads. Gives what is now known of it and others. */
  add(
    { ts, durationUs, request, response }: RRPair,
    pair: number,
    names: readonly string[] | null,
    asked: readonly Leaf[],
  ): string[] {
    const edges: string[] = [];
    const tell = (one: UnderWay, writing: readonly string[]) => {
      if (!one.isTold) edges.push(edgeLine(one.pair, EDGE.amid));
      one.isTold = true;
      if (writing.length > 0) edges.push(edgeLine(one.pair, EDGE.beside, ...writing));
    };
    const lose = (one: UnderWay, other: UnderWay) => {
      const isLost =
        one.status >= BROKEN_OFF && other.status < REFUSED && one.shape !== null && one.shape === other.shape;
      if (isLost && !one.isLost) edges.push(edgeLine(one.pair, EDGE.lost));
      one.isLost ||= isLost;
    };
    const shape = names ? shapeOf(request!.method, asked) : null;
    const state = { status: response!.status, shape, isTold: false, isLost: false };
    const now: UnderWay = { pair, endUs: ts + durationUs, names, ...state };
    this.#underWay = this.#underWay.filter(({ endUs }) => endUs > ts).slice(-MAX_UNDER_WAY);
    for (const other of this.#underWay) {
      if (names) tell(other, names);
      if (other.names) tell(now, other.names);
      if (names && other.names) {
        lose(other, now);
        lose(now, other);
      }
    }
    this.#underWay.push(now);
    return edges;
  }
}

/** Writes of one shape go to neighbours below one path, and say the same fields; what says none may be anything. */
function shapeOf(method: string, asked: readonly Leaf[]): string | null {
  const segments = asked.flatMap(({ path, value }) => (path.startsWith('path[') ? [String(value)] : []));
  const fields = asked.flatMap(({ path, inner }) =>
    path.startsWith('body.') && !inner ? [patternOf(path)] : [],
  );
  if (fields.length === 0) return null;
  return `${method} ${segments.slice(0, -1).join('/')} ${[...new Set(fields)].sort().join()}`;
}

/**
 * What a write is about: the things that its path names, and the one that its answer is or that it brings, and where that is read. Serial numbers
 * with the kind of thing, `query=3`: others have the same.
 */
export function writtenNames(
  operation: Operation,
  asked: readonly Leaf[],
  answered: readonly Leaf[],
): string[] {
  const { endpoint } = operation;
  const named = asked.filter(({ path }) => isParameter(path, endpoint));
  const own = answered.filter((leaf) => OWN.test(leaf.path) && isIdentity(leaf));
  const names = [...named, ...(own.length > 0 ? own : madeByClient(asked))].map(({ path, value }) => {
    const entity = SERIAL.test(String(value)) ? entityAt(operation, path) : '';
    return entity === '' ? String(value) : `${entity}=${value}`;
  });
  const isName = (name: string) => name !== '' && name.length <= MAX_NAME_CHARS && !/[\t\n]/.test(name);
  const addresses = new Set(addressesOf(operation, asked, answered).filter(isName));
  return [
    ...[...new Set(names.filter(isName))].slice(0, MAX_NAMES),
    ...[...addresses].slice(0, MAX_ADDRESSES),
  ];
}

/** What the client made the ids of, alone or in a list, and the answer says nothing of: an event that was taken. */
function madeByClient(asked: readonly Leaf[]): Leaf[] {
  return asked.filter(
    (leaf) => SENT.test(leaf.path) && isIdentity(leaf) && isGenerated(kindOf(String(leaf.value))),
  );
}

function isIdentity({ path, value }: Leaf): boolean {
  return value !== null && isIdentityKey(path.slice(path.lastIndexOf('.') + 1));
}

function isGenerated(kind: ReturnType<typeof kindOf>): boolean {
  return kind !== null && kind !== 'timestamp' && kind !== 'email';
}

function entityAt({ request, response, endpoint }: Operation, path: string): string {
  const pattern = patternOf(path);
  const place = request.get(pattern) ?? response.get(pattern);
  return (place?.naming ?? namingOf(pattern, endpoint)).entity;
}

/** The kinds of thing that answers of an operation show, under that name or in a flow of it. */
export function kindsShown(
  operation: Operation,
  links: readonly FlowLink[],
  flows: ReadonlyMap<string, Flow>,
): ReadonlySet<string> {
  const shown = links.flatMap((link) => (link.in === 'response' ? (flows.get(link.flow)?.places ?? []) : []));
  return new Set([
    ...[...operation.response.values()].map(({ naming }) => naming.entity),
    ...shown.map(({ path, endpoint }) => namingOf(path, endpoint).entity),
  ]);
}

/**
 * What others were writing as a test names it whose answer shows things of `kinds`: the number of such a thing by itself. Any
 * other stays one of a kind, which no id of an answer is.
 */
export function besideOf(names: ReadonlySet<string>, kinds: ReadonlySet<string>): string[] {
  const told = [...names].map((name) => {
    const [, entity, number] = NUMBERED.exec(name) ?? [];
    return entity !== undefined && kinds.has(entity) ? number! : name;
  });
  return [...new Set(told)];
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
