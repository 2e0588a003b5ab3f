// Texts that are kept for longer: engines let a piece of a text share the memory of the whole, and a name of twenty
// characters that is remembered would keep the body of megabytes it was cut from.

/** Pieces shorter than this are copies anyway. */
const MIN_SHARED_LENGTH = 13;

/** The same text in memory of its own. */
export function ownCopy(text: string): string {
  if (text.length < MIN_SHARED_LENGTH) return text;
  for (let at = 0; at < text.length; at++)
    if (text.charCodeAt(at) > 0xff) return Buffer.from(text, 'utf16le').toString('utf16le');
  return Buffer.from(text, 'latin1').toString('latin1');
}
