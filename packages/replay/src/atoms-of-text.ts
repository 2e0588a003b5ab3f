// The pieces of a text by which values inside longer ones are addressed (`#n`). Pure.

/** A template of addresses ends what is before it: `/orders/7{?page,size}` (RFC 6570). */
const PIECE = /(?:[^\s/?&=;,"'<>:(){]|\{(?![?&/#]))+/g;
/** An ETag: what stands between the quotes is one piece, whatever it holds (RFC 9110 section 8.8.3). */
const ENTITY_TAG = /^(W\/)?"([^"\s]+)"$/;

/** The pieces of a text between separators, `#n` in paths. */
export function atomsOfText(text: string): string[] {
  const tag = ENTITY_TAG.exec(text);
  if (tag) return tag[1] ? ['W', tag[2]!] : [tag[2]!];
  return text.match(PIECE) ?? [];
}

/** The text with its n-th piece replaced; the same text when there is no such piece. */
export function withAtom(text: string, n: number, value: string): string {
  const tag = ENTITY_TAG.exec(text);
  if (tag) return n === (tag[1] ? 1 : 0) ? `${tag[1] ?? ''}"${value}"` : text;
  let i = 0;
  return text.replace(PIECE, (piece) => (i++ === n ? value : piece));
}

/** Where the n-th piece begins; undefined when there is none. */
export function atomIndex(text: string, n: number): number | undefined {
  let i = 0;
  for (const { index } of text.matchAll(PIECE)) if (i++ === n) return index;
  return undefined;
}
