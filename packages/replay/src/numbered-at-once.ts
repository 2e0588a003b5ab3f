// Serial numbers that a service gave while two writes ran at once: they may come the other way round in a replay. To what it notes of
// each, a revision, an entry of an audit: told by what stands beside the number, the id of a thing that is known to be another
// one now, and of which a write ran at the same time as another write. To what both made: told by the number itself, which
// was given to somebody else at that time. Pure.
import { leafPattern, type Test, type ValueKind } from '@echoplane/traffic';
import { idsBeside } from './compare-beside.ts';
import type { Comparing } from './comparing.ts';
import { kindOf, type Scalar } from './kinds.ts';
import { requestLeaves, responseLeaves } from './leaves.ts';
import { isWriting, remembered } from './test-places.ts';

/** Writes at once hardly give more numbers than so many. */
const MAX_APART = 12;
const MAX_FIELDS = 60;
const CREATED = 201;
const SERIAL = /^\d{1,9}$/;
/** Kinds of values by which things are called; e-mail addresses are those of their redaction. */
const NAMING: ReadonlySet<ValueKind | null> = new Set(['uuid', 'token', 'hex', 'email']);
/** The number of the thing that an answer is, or that a mutation of GraphQL made. */
const OWN_NUMBER = /^body(?:\.\w+|\.data\.\w+)?\.(?:id|ID|_id)$/;

/** Whether a number beside such an id may be another one for that reason; not the one that the request named. */
export function isNumberedAtOnce(
  { holder, values, test }: Comparing,
  recorded: Scalar,
  live: Scalar,
): boolean {
  if (!holder || isNamed(test, recorded) || !areNear(recorded, live)) return false;
  return Object.entries(holder.recorded)
    .slice(0, MAX_FIELDS)
    .some(([key, id]) => {
      if (typeof id !== 'string' || kindOf(id) === null || holder.live[key] === id) return false;
      return values.apply(id) === holder.live[key] && values.isWrittenAtOnce(id);
    });
}

/**
 * Whether a part of such a thing has another number in a read, by which no request names it, as when writes at once made the parts of
 * several things. One live number for a recorded one, and the reverse; noted.
 */
export function isPartNumberedAtOnce(
  comparing: Comparing,
  path: string,
  recorded: Scalar,
  live: Scalar,
): boolean {
  const { test, values } = comparing;
  if (isWriting(test) || isNamed(test, recorded) || !areNear(recorded, live)) return false;
  const space = { flow: `part ${test.endpoint} ${leafPattern(path)}` };
  const [was, is] = [String(recorded), String(live)];
  const due = comparing.observed(space, was) ?? values.flow(space.flow, was);
  if (due !== undefined) return due === is;
  const owner = comparing.observedOf(space, is) ?? values.recordedOf(is, space.flow);
  if (owner !== undefined || !namesAround(comparing, path).some((name) => values.isWrittenAtOnce(name)))
    return false;
  comparing.observe(space, was, is);
  return true;
}

/** The generated names of the things that a leaf's object is a part of. */
function namesAround({ test }: Comparing, path: string): string[] {
  const own = holderOf(path);
  return namesIn(test).flatMap(({ holder, value }) => {
    const isAround = holder !== own && own.startsWith(holder) && /^[.[]/.test(own.slice(holder.length));
    return isAround ? [value] : [];
  });
}

interface Named {
  holder: string;
  value: string;
}

const named = new WeakMap<Test, readonly Named[]>();

/** The generated names in an answer, by the objects they stand in: read once, as each number of a long list asks for them. */
function namesIn(test: Test): readonly Named[] {
  return remembered(named, test, ({ response }) =>
    responseLeaves(response).flatMap(({ path, value, inner }): Named[] =>
      !inner && typeof value === 'string' && NAMING.has(kindOf(value))
        ? [{ holder: holderOf(path), value }]
        : [],
    ),
  );
}

function holderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('.')));
}

/**
 * Whether what a POST made has the number that was given to somebody else while it was under way, or another one because its own
 * is somebody else's now. One live number for a recorded one, and the reverse; noted.
 */
export function isSwappedAtOnce(comparing: Comparing, path: string, recorded: Scalar, live: Scalar): boolean {
  const { test, values } = comparing;
  const { beside, endpoint } = test;
  if (!beside || test.request.method !== 'POST' || !isWriting(test)) return false;
  if (!OWN_NUMBER.test(path) || !areNear(recorded, live)) return false;
  // `POST /tasks/3/drafts` may make draft 3, and says so; an answer that is about thing 3 is not created.
  if (test.response.status !== CREATED && isAsked(test, recorded)) return false;
  const space = { flow: `made ${endpoint}` };
  const [was, is] = [String(recorded), String(live)];
  const due = values.flow(space.flow, was);
  if (due !== undefined) return due === is;
  if (values.recordedOf(is, space.flow) !== undefined) return false;
  const isLeft = values.recordedOf(was, space.flow) !== undefined;
  const isNear = Math.abs(Number(was) - Number(is)) <= idsBeside(test).length;
  if (!beside.includes(is) && !(isLeft && isNear)) return false;
  comparing.observe(space, was, is);
  return true;
}

/** Whether the request names the number anywhere, as the variables of GraphQL do. */
function isAsked(test: Test, number: Scalar): boolean {
  return (
    isNamed(test, number) || requestLeaves(test.request).some(({ value }) => String(value) === String(number))
  );
}

/** Whether the request names the number: then it was sent as it was. */
function isNamed({ request }: Test, number: Scalar): boolean {
  return request.target.split(/[/?&=#]/).includes(String(number));
}

function areNear(recorded: Scalar, live: Scalar): boolean {
  if (!SERIAL.test(String(recorded)) || !SERIAL.test(String(live))) return false;
  return Math.abs(Number(recorded) - Number(live)) <= MAX_APART;
}
