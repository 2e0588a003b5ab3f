// Whether a text may hold a generated piece at all: long pages and descriptions are told from it at a glance, where looking for
// each kind of piece takes ten times as long. It may say yes of a text that holds none, never no of one that does. Pure.

/** A random word, a uuid and a JWT have as many letters, digits, `_` and `-` in a row. */
const MIN_RUN = 12;
/** What begins a redacted value, which may be shorter. */
const REDACTED = 'rdx_';
const COLON = 0x3a;

/** False when there is no long word, no redacted value and no time of day in a text. */
export function mayHoldAtoms(text: string): boolean {
  let run = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isWordChar(code)) {
      if (++run >= MIN_RUN) return true;
      continue;
    }
    run = 0;
    // Times without a long run have blanks in them: `2026-01-05 10:00`, `Mon, 05 Jan 2026 10:00:00 GMT`.
    if (code === COLON && isDigit(text.charCodeAt(at - 1)) && isDigit(text.charCodeAt(at + 1))) return true;
  }
  return text.includes(REDACTED);
}

/** `A-Z a-z 0-9 _ -` */
export function isWordChar(code: number): boolean {
  const letter = code | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || isDigit(code) || code === 0x5f || code === 0x2d;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
