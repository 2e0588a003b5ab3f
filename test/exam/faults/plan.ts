// Which faults are put where, in which replay: by chance, but the same for the same seed. Several faults share a replay, each
// at an endpoint of its own, while most endpoints of every replay stay as they are.
import type { RRPair } from '@echoplane/traffic';
import type { Answer } from './answer.ts';
import { chance, type Fault, type Seen } from './fault.ts';
import { answerOf, isAbout, type Place, userOf } from './places.ts';

/** A judge knows a leaf when it knows so much of its values. */
const KNOWN_SHARE = 0.75;
/** Of the endpoints of a service, at most so many have a fault in one replay. */
const FAULTY_SHARE = 0.4;
/** Of the leaves of an endpoint's answers, at most so many are thought of for one fault. */
const MAX_TARGETS = 25;

export interface Seed {
  fault: Fault;
  place: string;
  target: string;
  /** Answers that it changes. */
  touches: number;
  /** Later requests carry what it changes: they legitimately get other answers. */
  isFollowed: boolean;
}

/** The results of a place as the mutator sees them, one after another. */
export function* seenAt(results: readonly RRPair[]): Iterable<Seen & { result: RRPair }> {
  for (const result of results) {
    const { pathname, search } = new URL(result.request!.url);
    const user = userOf(result.request!.headers);
    yield { target: pathname + search, user, answer: answerOf(result.response!), writes: 0, result };
  }
}

/** Whether a fault may stand there at all, and how many of the unchanged answers it would change. */
function touches(fault: Fault, place: Place, target: string, random: number): number {
  const earlier: Seen[] = [];
  let count = 0;
  for (const one of seenAt(place.results)) {
    const changed = fault.change(one.answer, target, { random, earlier, request: one });
    if (changed && differs(changed, one.answer)) count++;
    earlier.push(one);
  }
  return count;
}

export function differs(a: Answer, b: Answer): boolean {
  return (
    a.status !== b.status ||
    !a.body.equals(b.body) ||
    JSON.stringify([a.headers, a.trailers]) !== JSON.stringify([b.headers, b.trailers])
  );
}

/** Every fault with every place where it could be. */
export function candidates(faults: readonly Fault[], places: readonly Place[]): Seed[] {
  const seeds: Seed[] = [];
  for (const place of places) {
    const answers = place.results.map(({ response }) => answerOf(response!));
    for (const fault of faults) {
      const all = new Set(answers.flatMap((one) => [...fault.targetsOf(one)]));
      const isKnown = (target: string) =>
        fault.needs !== 'value' || (place.known.get(target) ?? shareOf(place, target)) >= KNOWN_SHARE;
      for (const target of someOf([...all].filter(isKnown), [fault.name, place.name])) {
        const isFollowed = isCarriedOn(place, target);
        const count = touches(fault, place, target, 0);
        if (count > 0) seeds.push({ fault, place: place.name, target, touches: count, isFollowed });
      }
    }
  }
  return seeds;
}

/** By chance, where there are many: each is tried on every answer, and few are ever dealt. */
function someOf(targets: readonly string[], of: readonly string[]): readonly string[] {
  if (targets.length <= MAX_TARGETS) return targets;
  const order = new Map(targets.map((target) => [target, chance(...of, target)]));
  return targets.toSorted((a, b) => order.get(a)! - order.get(b)!).slice(0, MAX_TARGETS);
}

/** Of an answer with another status nothing is learned, so that whatever it hands out is missing later. */
function isCarriedOn({ handedOut }: Place, target: string): boolean {
  if (target === 'status' || target === 'trailer.grpc-status') return handedOut.size > 0;
  return !target.includes(';') && [...handedOut].some((path) => isAbout(path, target));
}

/** Patterns of protobuf have no indices here. */
function shareOf({ known }: Place, target: string): number {
  const shares = [...known].filter(([pattern]) => isAbout(pattern, target)).map(([, share]) => share);
  return shares.length === 0 ? 1 : Math.min(...shares);
}

/** How often each fault has been planted, by its name; several services may share the count. */
export type PlantedCounts = Map<string, number>;

/** Deals rounds of at most one fault a place: first what was planted least so far, then as chance has it. */
export class Dealer {
  /** By fault, in order of chance. */
  readonly #queues: [fault: string, seeds: Seed[]][];
  readonly #most: number;
  readonly #planted: PlantedCounts;

  constructor(all: readonly Seed[], placeCount: number, seed: string, planted: PlantedCounts = new Map()) {
    const order = (one: Seed) => chance(seed, one.fault.name, one.place, one.target);
    this.#most = Math.max(1, Math.floor(placeCount * FAULTY_SHARE));
    this.#planted = planted;
    this.#queues = [...Map.groupBy(all, ({ fault }) => fault.name)]
      .map(([name, seeds]): [string, Seed[]] => [name, seeds.toSorted((a, b) => order(a) - order(b))])
      .sort((a, b) => order(a[1][0]!) - order(b[1][0]!));
  }

  /** The next round; empty when every seed was dealt. */
  round(): Seed[] {
    const round: Seed[] = [];
    const countOf = ([name]: [string, Seed[]]) => this.#planted.get(name) ?? 0;
    const queues = this.#queues.toSorted((a, b) => countOf(a) - countOf(b));
    for (let before = -1; before < round.length; ) {
      before = round.length;
      for (const [, seeds] of queues) {
        const at = seeds.findIndex(({ place }) => !round.some((one) => one.place === place));
        if (at >= 0 && round.length < this.#most) round.push(...seeds.splice(at, 1));
      }
    }
    return round;
  }

  /** To be told of a seed that changed an answer; one that did not is made up for by another of its fault. */
  planted({ fault }: Seed): void {
    this.#planted.set(fault.name, (this.#planted.get(fault.name) ?? 0) + 1);
  }
}
