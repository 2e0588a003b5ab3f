/**
 * The Huffman code of HPACK (RFC 7541 section 5.2 and appendix B), decoded four bits a step. The code is canonical:
 * the lengths give the codes, and those the table of states. A state is an inner node of the code's tree.
 */

/** Code length in bits of each octet; the 257th is EOS. */
export const HUFFMAN_LENGTHS: readonly number[] = [
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  ...[28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ...[6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  ...[5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  ...[13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  ...[15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  ...[6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  ...[20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  ...[24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  ...[21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  ...[26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  ...[19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  ...[20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  ...[26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  30,
];
const EOS = 256;

/** A step's outcome: the next state in the low byte, the octet it gives in the next, and these. */
const GIVES_OCTET = 1 << 16;
const FAILS = 1 << 17;

interface Tree {
  /** Two slots a node: the child by the next bit, or ~symbol. */
  children: number[];
  /** Nodes that padding may end in: fewer than eight bits, all ones (the beginning of EOS). */
  isPadding: Uint8Array;
}

function buildTree(): Tree {
  const children = [0, 0];
  const symbols = HUFFMAN_LENGTHS.map((_, symbol) => symbol).sort(
    (a, b) => HUFFMAN_LENGTHS[a]! - HUFFMAN_LENGTHS[b]! || a - b,
  );
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    code *= 2 ** (HUFFMAN_LENGTHS[symbol]! - length);
    length = HUFFMAN_LENGTHS[symbol]!;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const slot = 2 * node + (Math.floor(code / 2 ** bit) % 2);
      if (children[slot] === 0) children[slot] = children.push(0, 0) / 2 - 1;
      node = children[slot]!;
    }
    children[2 * node + (code % 2)] = ~symbol;
    code++;
  }
  const isPadding = new Uint8Array(children.length / 2);
  for (let node = 0, bits = 0; bits < 8; node = children[2 * node + 1]!, bits++) isPadding[node] = 1;
  return { children, isPadding };
}

const { children: CHILDREN, isPadding: IS_PADDING } = buildTree();
const STEPS = new Int32Array((CHILDREN.length / 2) * 16).map((_, index) => stepOf(index >> 4, index & 15));

function stepOf(from: number, nibble: number): number {
  let node = from;
  let outcome = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = CHILDREN[2 * node + ((nibble >> bit) & 1)]!;
    if (child === ~EOS) return FAILS;
    if (child < 0) outcome = GIVES_OCTET | (~child << 8);
    node = Math.max(0, child);
  }
  return outcome | node;
}

/** Room that `length` coded bytes may take decoded. */
export function huffmanRoom(length: number): number {
  return Math.ceil((length * 8) / 5);
}

/** Decodes `from`..`to` into `target` at `at`; returns where it ended, or -1 for EOS in the string or bad padding. */
export function decodeHuffman(
  source: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  at: number,
): number {
  let state = 0;
  let end = at;
  for (let i = from; i < to; i++) {
    const byte = source[i]!;
    const high = STEPS[(state << 4) | (byte >> 4)]!;
    if (high & GIVES_OCTET) target[end++] = high >> 8;
    const low = STEPS[((high & 0xff) << 4) | (byte & 15)]!;
    if (low & GIVES_OCTET) target[end++] = low >> 8;
    if ((high | low) & FAILS) return -1;
    state = low & 0xff;
  }
  return IS_PADDING[state] === 1 ? end : -1;
}
