// What a comparison saw of live values, kept with the live answer until it is learned: a comparison itself changes nothing.
import type { HttpResponse } from '@echoplane/traffic';

/** A recorded value and what stood in its place. */
export interface Observation {
  /** `token`: one that is known was handed out anew. */
  space: 'seen' | 'time' | 'token' | { flow: string };
  recorded: string;
  live: string;
}

export interface Observed {
  observations: readonly Observation[];
  /** Where a recorded leaf stands in the live answer: elements of arrays may have moved. */
  livePath(path: string): string;
}

const waiting = new WeakMap<HttpResponse, Observed>();

/** Keeps what was seen of an answer. */
export function keepObserved(live: HttpResponse, observed: Observed): void {
  waiting.set(live, observed);
}

/** What was seen of an answer, once; undefined when nobody compared it. */
export function takeObserved(live: HttpResponse): Observed | undefined {
  const observed = waiting.get(live);
  waiting.delete(live);
  return observed;
}
