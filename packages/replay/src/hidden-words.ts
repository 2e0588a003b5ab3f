// Words inside of a longer text of which redaction took the whole or pieces: `/proxy/` before a digest is in the alphabet of base64
// as well, and was taken along in one life and not in the other. What both show must be the same. Pure.
import { isHidden } from './kinds.ts';

const WORD = /[\w+/=-]{16,}/g;
const STAND_IN = /rdx_[a-z0-9]{20}/g;

/** The recorded text with the words of the live one where redaction took more of one of the two. */
export function withHiddenOf(recorded: string, live: string): string {
  const words = live.match(WORD) ?? [];
  if (recorded.match(WORD)?.length !== words.length) return recorded;
  let n = 0;
  return recorded.replace(WORD, (word) => {
    const now = words[n++]!;
    return isHidden(word) && isHidden(now) && isMoreTaken(word, now) ? now : word;
  });
}

/** One shows nothing but stand-ins, of which there are several or the other shows more. */
function isMoreTaken(word: string, now: string): boolean {
  const [was, is] = [word.replace(STAND_IN, ''), now.replace(STAND_IN, '')];
  return was !== is && (was === '' || is === '');
}
