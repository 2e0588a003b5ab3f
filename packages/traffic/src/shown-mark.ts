// Where a redacted credential of a request was shown before in the clear: the pair whose answer showed it, and so little of a digest
// that it tells the value among the texts of that answer and nobody anything else. Pure.
import { createHash } from 'node:crypto';

const DIGITS = 4;

/** `PAIR#DIGITS`, as it is noted beside a redaction. */
export function shownMark(pairId: string, value: string): string {
  return `${pairId}#${digits(value)}`;
}

/** The id of the pair. */
export function pairOfMark(mark: string): string {
  return mark.slice(0, mark.lastIndexOf('#'));
}

/** Whether a text of that pair's answer may be the value. */
export function isMarked(mark: string, text: string): boolean {
  return mark.endsWith(`#${digits(text)}`);
}

function digits(value: string): string {
  return createHash('sha256').update(value).digest('hex').slice(0, DIGITS);
}
