// The recordings that answer one and the same request: which of them is next, by session, by what was written before and by
// how often it was asked. Pure; it knows them by number only.
import type { Mock } from '@echoplane/traffic';
import type { Position } from './replay-state.ts';

interface Member {
  /** The number of the mock. */
  n: number;
  sequence: number;
  session: string | null;
  writesBefore: number;
}

/** Recordings with one digest, in recorded order once sealed. */
export class MockGroup {
  /** What they read or write; null when nothing changes their answer. */
  resource: string | null = null;
  isWrite = false;
  /** In recorded order; empty when there is only one. */
  sessions: string[] = [];
  #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** Of the recording that comes first. */
  get first(): number {
    return this.#members[0]!.n;
  }

  /** Whether the answer depends on what came before. */
  get isSettled(): boolean {
    return this.#members.length === 1 && this.resource === null;
  }

  add(n: number, { sequence, session, state }: Mock): void {
    this.#members.push({ n, sequence, session, writesBefore: state?.writesBefore ?? 0 });
    if (!state) return;
    this.resource = state.resource;
    this.isWrite = state.isWrite;
  }

  /** To be called when all are in. */
  seal(): void {
    this.#members.sort((a, b) => a.sequence - b.sequence);
    const sessions = new Set(this.#members.flatMap(({ session }) => session ?? []));
    this.sessions = sessions.size > 1 ? [...sessions] : [];
  }

  /** The number of the mock that answers: a read by the latest that is not ahead of the writes; the last stays. */
  at({ nth, writes, session }: Position): number {
    let members = this.#members;
    if (session !== null && this.sessions.includes(session))
      members = members.filter((member) => member.session === session);
    if (this.resource !== null && !this.isWrite) members = asOf(members, writes);
    return members[Math.min(nth, members.length - 1)]!.n;
  }
}

function asOf(members: Member[], writes: number): Member[] {
  let version = -1;
  let earliest = Number.POSITIVE_INFINITY;
  for (const { writesBefore } of members) {
    if (writesBefore <= writes && writesBefore > version) version = writesBefore;
    if (writesBefore < earliest) earliest = writesBefore;
  }
  const wanted = version < 0 ? earliest : version;
  return members.filter(({ writesBefore }) => writesBefore === wanted);
}
