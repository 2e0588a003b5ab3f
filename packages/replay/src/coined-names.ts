// Names that services coin for things nobody named: a few plain words, joined (`quiet-otter`, `brave_turing`, `misty-river-4821`).
// Whether a place holds such names is learned elsewhere; how they are written is known here. Pure.

const COINED = /^[a-z]{2,20}(?:([-_])[a-z]{2,20})(?:\1[a-z]{2,20}){0,2}(?:\1?\d{1,6})?$/;

/** Whether a text is written as coined names are. */
export function isCoinedName(text: string): boolean {
  return text.length >= 7 && text.length <= 64 && COINED.test(text);
}

/** Whether both are, and alike: as many words, joined by the same; and neither is the other one misspelt. */
export function areCoinedAlike(one: string, other: string): boolean {
  if (one === other) return isCoinedName(one);
  return isCoinedName(one) && isCoinedName(other) && formOf(one) === formOf(other) && !isMisspelt(one, other);
}

/** Characters in the middle in which a misspelt name differs. */
const MAX_MISSPELT = 2;

function isMisspelt(one: string, other: string): boolean {
  const [less, more] = one.length < other.length ? [one, other] : [other, one];
  let start = 0;
  while (start < less.length && less[start] === more[start]) start++;
  let end = 0;
  while (end < less.length - start && less.at(-1 - end) === more.at(-1 - end)) end++;
  return more.length - start - end <= MAX_MISSPELT;
}

function formOf(name: string): string {
  return name.replaceAll(/[a-z]+/g, 'a').replaceAll(/\d+/g, '0');
}
