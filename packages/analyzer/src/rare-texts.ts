// What a text by itself tells of whose it may be: hardly two things share a rare one, and a weak one no token follows. It must
// not know where the text stands. Pure.
import { kindOf } from '@echoplane/replay';

/** Random letters may look like a word; but hardly two things share one of this length. */
const LONG_WORD = 12;

/** A text that is no word, amount or code which two things share by chance. */
export function isRare(value: string): boolean {
  if (/^\d+$/.test(value)) return value.length >= 6;
  if (value.length < 6 || /\s/.test(value)) return false;
  return value.length >= LONG_WORD || /\d/.test(value) || /[=]$|[a-z][A-Z]|-.*-/.test(value);
}

/** Whether no token follows the value: it does not look generated, or only a part of it does. */
export function isWeak(value: string): boolean {
  const kind = kindOf(value);
  return kind === null || kind === 'mixed';
}
