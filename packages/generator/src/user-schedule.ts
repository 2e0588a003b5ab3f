// How many virtual users of a closed model are active when, from its stages: between two volumes they grow or shrink
// linearly. User i is active while more than i are. Pure.
import type { LoadStage } from '@echoplane/traffic';

export type UserStage = Pick<LoadStage, 'durationS' | 'rampS' | 'thinkFactor'> & { users: number };

interface Piece {
  startS: number;
  endS: number;
  from: number;
  to: number;
  thinkFactor: number | undefined;
}

export class UserSchedule {
  /** Most users at once. */
  readonly most: number;
  /** Infinity when a stage has no duration: then it is over when every test was sent once. */
  readonly durationS: number;
  readonly #pieces: Piece[] = [];

  /** `before`: the volume that the first stage ramps up from. */
  constructor(stages: readonly UserStage[], before = 0) {
    let [startS, from] = [0, before];
    for (const { durationS = Number.POSITIVE_INFINITY, rampS, users, thinkFactor } of stages) {
      const rampEndS = startS + Math.min(rampS, durationS);
      const reached = rampS > durationS ? from + ((users - from) * durationS) / rampS : users;
      if (rampEndS > startS) this.#pieces.push({ startS, endS: rampEndS, from, to: reached, thinkFactor });
      const endS = startS + durationS;
      if (endS > rampEndS) this.#pieces.push({ startS: rampEndS, endS, from: users, to: users, thinkFactor });
      startS = endS;
      from = endS > rampEndS ? users : reached;
    }
    this.durationS = startS;
    this.most = Math.ceil(Math.max(0, ...this.#pieces.flatMap((piece) => [piece.from, piece.to])));
  }

  /** When user `i` (from 0) is active next, in s from the start; at once when it is active, null when never again. */
  activeFrom(i: number, atS: number): number | null {
    for (const { startS, endS, from, to } of this.#pieces) {
      if (endS <= atS) continue;
      const at = Math.max(atS, startS);
      const length = Number.isFinite(endS) ? endS - startS : 1;
      const usersAt = from + ((to - from) * (at - startS)) / length;
      if (usersAt > i) return at;
      if (to > i) return Math.min(endS, startS + ((i - from) / (to - from)) * length);
    }
    return null;
  }

  /** By what recorded pauses are multiplied; undefined when the stage does not say. */
  thinkFactorAt(atS: number): number | undefined {
    return this.#pieces.find(({ endS }) => endS > atS)?.thinkFactor;
  }
}
