// Which pairs belong to one user's session. Evidence in order of strength: the credential a request carries, the
// credential a response hands out, a value only one session ever mentions, the connection. Pure.
import {
  atomsIn,
  header,
  headerValues,
  type RRPair,
  requestLeaves,
  responseLeaves,
  type Vocabulary,
} from '@echoplane/traffic';
import { targetOf } from './targets.ts';

export interface SessionIndex {
  /** Session of each IN pair, by its id. */
  sessionOf: ReadonlyMap<string, string>;
  /** Sessions whose credential was in use before any recorded response handed it out. */
  headless: ReadonlySet<string>;
}

/** A value must be at least this long to tell one session from another. */
const MIN_IDENTITY_CHARS = 10;

/** Assigns the IN pairs, given in time order, to sessions. */
export function assignSessions(inbound: readonly RRPair[], vocabulary: Vocabulary): SessionIndex {
  const sessionOf = new Map<string, string>();
  const names = new Map<string, string>();
  const handedOut = credentialsHandedOut(inbound, vocabulary);
  const headless = new Set<string>();
  for (const pair of inbound) {
    const credential = credentialOf(pair, vocabulary);
    if (credential === null) continue;
    const session = names.get(credential) ?? `s${names.size + 1}`;
    names.set(credential, session);
    sessionOf.set(pair.id, session);
    if (!handedOut.has(credential)) headless.add(session);
  }
  for (const pair of inbound) {
    if (sessionOf.has(pair.id)) continue;
    const session = sessionHandedOut(pair, names, vocabulary);
    if (session) sessionOf.set(pair.id, session);
  }
  joinBySharedValues(inbound, sessionOf);
  joinByConnection(inbound, sessionOf, names.size);
  return { sessionOf, headless };
}

/** The credential of a request: its Authorization value without the scheme, else its first generated cookie value. */
function credentialOf(pair: RRPair, vocabulary: Vocabulary): string | null {
  if (!pair.request) return null;
  const authorization = header(pair.request.headers, 'authorization');
  if (authorization) return authorization.replace(/^\S+\s+/, '');
  for (const cookie of headerValues(pair.request.headers, 'cookie')) {
    const atom = atomsIn(cookie, vocabulary)[0];
    if (atom) return atom.value;
  }
  return null;
}

function credentialsHandedOut(inbound: readonly RRPair[], vocabulary: Vocabulary): Set<string> {
  const values = new Set<string>();
  for (const pair of inbound) {
    for (const value of pair.response ? textsOfResponse(pair) : [])
      for (const atom of atomsIn(value, vocabulary)) values.add(atom.value);
  }
  return values;
}

function sessionHandedOut(
  pair: RRPair,
  names: ReadonlyMap<string, string>,
  vocabulary: Vocabulary,
): string | undefined {
  for (const value of pair.response ? textsOfResponse(pair) : []) {
    for (const atom of atomsIn(value, vocabulary)) {
      const session = names.get(atom.value);
      if (session) return session;
    }
  }
  return undefined;
}

/** An unassigned pair joins the one session that mentions a value of its request; a value in two sessions proves nothing. */
function joinBySharedValues(inbound: readonly RRPair[], sessionOf: Map<string, string>): void {
  const owners = new Map<string, string | null>();
  for (const pair of inbound) {
    const session = sessionOf.get(pair.id);
    if (!session) continue;
    for (const value of [...textsOfRequest(pair), ...textsOfResponse(pair)]) {
      const owner = owners.get(value);
      owners.set(value, owner === undefined || owner === session ? session : null);
    }
  }
  for (const pair of inbound) {
    if (sessionOf.has(pair.id)) continue;
    const session = textsOfRequest(pair)
      .map((value) => owners.get(value))
      .find((owner) => owner);
    if (session) sessionOf.set(pair.id, session);
  }
}

function joinByConnection(inbound: readonly RRPair[], sessionOf: Map<string, string>, known: number): void {
  const byConnection = new Map<string, string>();
  for (const pair of inbound) {
    if (sessionOf.has(pair.id)) continue;
    const session = byConnection.get(pair.connection.id) ?? `s${known + byConnection.size + 1}`;
    byConnection.set(pair.connection.id, session);
    sessionOf.set(pair.id, session);
  }
}

function textsOfRequest(pair: RRPair): string[] {
  return pair.request ? texts(requestLeaves({ ...pair.request, target: targetOf(pair) })) : [];
}

function textsOfResponse(pair: RRPair): string[] {
  return pair.response ? texts(responseLeaves(pair.response)) : [];
}

function texts(leaves: ReturnType<typeof responseLeaves>): string[] {
  return leaves.flatMap(({ path, value }) =>
    typeof value === 'string' && value.length >= MIN_IDENTITY_CHARS && !isSharedHeader(path) ? [value] : [],
  );
}

/** Headers every response of a server carries alike would join nothing, and content types would join everything. */
function isSharedHeader(path: string): boolean {
  return path === 'header.content-type' || path === 'header.authorization';
}
