// Numbers glued to the word that says what they count, in an address: `/issue5`, `/msg12/edit`. A slug, `/blue-2`, is something else. `!number` in paths. Pure.

/** The step into a word, to its number. */
export const NUMBER_STEP = '!number';
const GLUED = /^([A-Za-z]{2,40})([1-9]\d{0,8})$/;
const MAX_CHARS = 50;

/** The word and the number of a piece; null where it is no such thing. */
export function gluedNumber(piece: string): { word: string; number: string } | null {
  const found = piece.length > MAX_CHARS ? null : GLUED.exec(piece);
  return found ? { word: found[1]!, number: found[2]! } : null;
}

/** The piece with another number. */
export function withNumber(piece: string, number: string): string {
  return gluedNumber(piece) ? piece.replace(/\d+$/, number) : piece;
}
