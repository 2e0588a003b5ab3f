// What the carriers agree on: how deep texts within texts are opened, how far bodies may unfold, and how the end of a cut
// text that was redacted before is known again.

import { TOKEN_DOMAIN } from '@echoplane/traffic';
import { TOKEN_PREFIX } from './token-shape.ts';

/** Texts within texts that are opened; what is deeper is replaced as a whole. */
export const MAX_DEPTH = 4;
/** Times its size that a compressed body may unfold to, and bytes at most. */
export const MAX_RATIO = 100;
export const MAX_DECODED_BYTES = 8 << 20;

/** Whether a text ends in a token. */
export function endsInToken(text: string): boolean {
  if (text.endsWith(TOKEN_DOMAIN)) return true;
  const at = text.lastIndexOf(TOKEN_PREFIX);
  return at >= 0 && /^[a-z0-9]*$/.test(text.slice(at + TOKEN_PREFIX.length));
}
