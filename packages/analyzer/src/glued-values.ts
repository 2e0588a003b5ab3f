// Values that a client glued together in a request: `compare/3f2a……9c01…` of two things. What a service glued itself comes
// back as it was handed out and is followed as a whole; what no answer held before is followed piece by piece. Bounded. Pure.
import { atomsIn, type Leaf } from '@echoplane/replay';
import { GLUED, type KnownWords, type Piece, piecesOf } from './value-events.ts';

const MAX_SHOWN = 20_000;
/** Signed cookies and credentials hold only as a whole. */
const MAY_GLUE = /^(?:path\[|query\.|body)/;

export class GluedValues {
  /** The latest that answers held. */
  readonly #shown = new Set<string>();

  /** The pieces of an answer. */
  shown(pieces: readonly Piece[]): void {
    for (const { value, kind } of pieces) {
      if (kind !== 'token' || insideOf(value).length === 0) continue;
      if (this.#shown.size >= MAX_SHOWN) this.#shown.delete(this.#shown.keys().next().value!);
      this.#shown.add(value);
    }
  }

  /** The pieces of a request, and those of what its client glued. */
  sent(leaves: readonly Leaf[], known?: KnownWords): Piece[] {
    return piecesOf(leaves, known).flatMap((piece) => {
      const { value, kind, path } = piece;
      if (kind !== 'token' || !MAY_GLUE.test(path) || this.#shown.has(value)) return [piece];
      return [piece, ...insideOf(value).map((atom) => ({ ...atom, path }))];
    });
  }
}

function insideOf(text: string): Pick<Piece, 'value' | 'kind'>[] {
  return atomsIn(text).flatMap(({ kind, value }) =>
    GLUED.has(kind) && value !== text ? [{ kind, value }] : [],
  );
}
