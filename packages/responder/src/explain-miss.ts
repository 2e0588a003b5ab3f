// Why a redacted recording was missed, in words: the wrong key, other rules, or no key at all. Pure; a value that the
// recording does not show is not shown here either.
import { restoreText, TokenMinter } from '@echoplane/rules';

const ARROW = ' → ';

/** Whether a text holds what redaction puts in place of values. */
export function holdsToken(text: string): boolean {
  let found = false;
  restoreText(text, (token) => {
    found ||= TokenMinter.isToken(token);
    return undefined;
  });
  return found;
}

/** The first difference of a miss, `body.email: recorded → got`, with the reason where redaction is one. */
export function explainDifference(difference: string, hasKey: boolean): string {
  const arrow = difference.indexOf(ARROW);
  const [recorded, got] = [difference.slice(0, arrow), difference.slice(arrow + ARROW.length)];
  if (arrow < 0 || !holdsToken(recorded)) return difference;
  const isRedacted = holdsToken(got);
  if (hasKey) return `${difference} (redacted ${isRedacted ? 'with another key' : 'by other rules'}?)`;
  if (isRedacted) return difference;
  return `${recorded}${ARROW}a value that is not redacted; name the recording's key with ECHOPLANE_REDACTION_KEY_FILE`;
}
