// The alphabet of the scanner: one table that says of every ASCII character what it can be part of, and the few
// questions the detectors ask about single characters. A class of 0 ends a run; so does everything beyond ASCII.

/** Bits of a character's class; a run of characters carries the union of theirs. */
export const DIGIT = 1;
export const UPPER = 2;
export const LOWER = 4;
/** `- . / ~`: joins words, segments and groups of digits. */
export const JOIN = 8;
export const AT = 16;
export const PERCENT = 32;
export const PLUS = 64;
export const UNDERSCORE = 128;
export const LETTER = UPPER | LOWER;
/** What a value may not touch on either side. */
export const WORD = DIGIT | LETTER | UNDERSCORE;

/** By UTF-16 unit; as long as there are units, so that the scanner's loop has no branch for what is not ASCII. */
export const CLASS = new Uint8Array(65_536);
for (let code = 0x30; code <= 0x39; code++) CLASS[code] = DIGIT;
for (let code = 0x41; code <= 0x5a; code++) CLASS[code] = UPPER;
for (let code = 0x61; code <= 0x7a; code++) CLASS[code] = LOWER;
for (const char of '-./~') CLASS[char.charCodeAt(0)] = JOIN;
CLASS[0x40] = AT;
CLASS[0x25] = PERCENT;
CLASS[0x2b] = PLUS;
CLASS[0x5f] = UNDERSCORE;

/** The class of the character at a place; 0 outside the text. */
export function classAt(text: string, at: number): number {
  return at >= 0 && at < text.length ? CLASS[text.charCodeAt(at)]! : 0;
}

export function isDigitAt(text: string, at: number): boolean {
  return classAt(text, at) === DIGIT;
}

export function isWordAt(text: string, at: number): boolean {
  return (classAt(text, at) & WORD) !== 0;
}

export function isHexAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (code >= 0x30 && code <= 0x39) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66);
}

/**
 * How many characters at this place finish an escape that the backslash before it began (`\n`, `\u00e9` of JSON texts):
 * they are no part of the value that follows.
 */
export function escapeTail(text: string, at: number): number {
  if (at === 0 || text.charCodeAt(at - 1) !== 0x5c) return 0;
  const code = text.charCodeAt(at);
  if (code === 0x75) {
    for (let index = at + 1; index <= at + 4; index++) if (!isHexAt(text, index)) return 0;
    return 5;
  }
  // n r t b f
  return code === 0x6e || code === 0x72 || code === 0x74 || code === 0x62 || code === 0x66 ? 1 : 0;
}
