// What a store that several responders share must do: count, remember what was learned, and tell both in one round trip. It
// must not know how it is done, nor what happens while the store is away.

/** One step of a replay in the store. */
export interface StoreStep {
  /** Of a sequence of equal requests of one caller. */
  cursor: string;
  /** What the request reads or writes; null: nothing that is counted. */
  resource: string | null;
  isWrite: boolean;
}

export interface StorePosition {
  /** Steps of this cursor before, by anybody: since the last write, if it reads. */
  nth: number;
  /** Writes to the resource before, by anybody. */
  writes: number;
}

/** Learned values, oldest first. `until` numbers the last one that is known now; it begins at 0. */
export interface News {
  learned: [recorded: string, live: string][];
  until: number;
}

/** What one responder did while the store was away: counters by their name, and what was learned. */
export interface Backlog {
  counters: ReadonlyMap<string, number>;
  learned: readonly (readonly [recorded: string, live: string])[];
}

/** Every method rejects when the store is away; what it was about may have been done all the same. */
export interface StateStore {
  advance(step: StoreStep): Promise<StorePosition>;
  /** The recorded session of a caller: the one it has, else the first that nobody has; null: all are taken. */
  claim(caller: string, recordedSessions: readonly string[]): Promise<string | null>;
  /** What anybody learned after `until`. */
  news(until: number): Promise<News>;
  add(backlog: Backlog): Promise<void>;
  close(): Promise<void>;
}

/** Learned values that a store takes of one replay; later ones stay with the responder that learned them. */
export const MAX_LEARNED = 100_000;
/** News in one round trip. */
export const MAX_NEWS = 5_000;
/** A step waits no longer for the store, unless told otherwise: the service under test would not wait either. */
export const STATE_TIMEOUT_MS = 1_000;
/** After so long without a replay's requests, what was kept of it may go. */
export const KEPT_SECONDS = 7 * 86_400;

/** The counter of a cursor; one that reads begins anew with every write. */
export function cursorCounter(cursor: string, writes: number | null): string {
  return `c:${cursor} ${writes ?? ''}`;
}

export function writesCounter(resource: string): string {
  return `w:${resource}`;
}
