/**
 * HPACK (RFC 7541), the decoding half: header blocks in, lines of a HeadBlock out, without an object per header. Fields
 * of the tables are kept as rendered lines. Every block of a connection must be decoded, in order, or the table is
 * lost; after an error nothing more can be. It knows nothing of frames and streams.
 */
import { type FieldKind, fieldKind, type HeadBlock, type RenderedField } from './hpack-head.ts';
import { decodeHuffman, huffmanRoom } from './hpack-huffman.ts';

/** Why a header block cannot be decoded. */
export type HpackError = 'bad-header-block' | 'header-table-too-large' | 'head-too-large';

/** The largest dynamic table we hold for a connection, as its entries count (RFC 7541 section 4.1). */
export const MAX_TABLE_BYTES = 65_536;
/** The largest decoded block: a few bytes can name a large entry many times. */
export const MAX_HEAD_BYTES = 262_144;
const ENTRY_OVERHEAD_BYTES = 32;
/** The size of a table of which nothing was said (RFC 9113 section 6.5.2). */
export const DEFAULT_TABLE_BYTES = 4_096;

/** RFC 7541 appendix A; `=` stands between name and value. */
const STATIC_FIELDS = `:authority :method=GET :method=POST :path=/ :path=/index.html :scheme=http :scheme=https
:status=200 :status=204 :status=206 :status=304 :status=400 :status=404 :status=500 accept-charset
accept-encoding=gzip,~deflate accept-language accept-ranges accept access-control-allow-origin age allow authorization
cache-control content-disposition content-encoding content-language content-length content-location content-range
content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range
if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range referer
refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate`;

const STATIC: readonly RenderedField[] = STATIC_FIELDS.split(/\s+/).map((field) => {
  const [name = '', value = ''] = field.replace('~', ' ').split('=');
  const line = new Uint8Array(Buffer.from(`${name}: ${value}\r\n`));
  return { line, nameLength: name.length, kind: fieldKind(line, 0, name.length), isMalformed: false };
});

/** The decoder of one direction of one connection. */
export class HpackDecoder {
  /** The largest table the other end allowed this direction's encoder; a size update above it is an error. */
  allowedTableBytes = DEFAULT_TABLE_BYTES;
  #tableBytes = DEFAULT_TABLE_BYTES;
  /** A ring: the newest entry is at `#inserted - 1`, the oldest at `#inserted - #count`, modulo its length. */
  #ring: (RenderedField | undefined)[] = [];
  #inserted = 0;
  #count = 0;
  #usedBytes = 0;
  #block: Uint8Array = STATIC[0]!.line;
  #at = 0;
  #to = 0;

  /** Bytes the dynamic table holds as its entries count. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Decodes a whole block, `from`..`to` of `block`, into `head`, which the caller has begun. */
  decode(block: Uint8Array, from: number, to: number, head: HeadBlock): HpackError | null {
    this.#block = block;
    this.#at = from;
    this.#to = to;
    let hasField = false;
    while (this.#at < to) {
      const first = block[this.#at]!;
      if (first >= 0x20 && first < 0x40) {
        const error = hasField ? 'bad-header-block' : this.#resize();
        if (error) return error;
        continue;
      }
      hasField = true;
      if (first >= 0x80) {
        const field = this.#field(this.#integer(0x7f));
        if (!field) return 'bad-header-block';
        head.add(field);
      } else if (!this.#literal(first >= 0x40, head)) return 'bad-header-block';
      if (head.length > MAX_HEAD_BYTES) return 'head-too-large';
    }
    return null;
  }

  #resize(): HpackError | null {
    const size = this.#integer(0x1f);
    if (size < 0 || size > this.allowedTableBytes) return 'bad-header-block';
    if (size > MAX_TABLE_BYTES) return 'header-table-too-large';
    this.#tableBytes = size;
    this.#evict(0);
    return null;
  }

  /** A literal field; false when it is damaged. Its name may be of the entry that its insertion evicts. */
  #literal(isInserted: boolean, head: HeadBlock): boolean {
    const index = this.#integer(isInserted ? 0x3f : 0x0f);
    const start = head.length;
    let kind: FieldKind;
    if (index === 0) {
      if (!this.#string(head)) return false;
      kind = fieldKind(head.bytes, start, head.length);
    } else {
      const named = this.#field(index);
      if (!named) return false;
      head.copy(named.line, named.nameLength);
      kind = named.kind;
    }
    const nameLength = head.length - start;
    head.append(0x3a, 0x20);
    if (!this.#string(head)) return false;
    head.append(13, 10);
    const end = head.length;
    const isMalformed = head.endField(kind, start, nameLength);
    if (isInserted) this.#insert(head.bytes.subarray(start, end), nameLength, kind, isMalformed);
    return true;
  }

  /** Appends a string; false when it is cut or badly coded. */
  #string(head: HeadBlock): boolean {
    const isHuffman = this.#at < this.#to && this.#block[this.#at]! >= 0x80;
    const length = this.#integer(0x7f);
    const from = this.#at;
    const end = from + length;
    if (length < 0 || end > this.#to) return false;
    this.#at = end;
    if (!isHuffman) {
      head.reserve(length);
      const { bytes, length: at } = head;
      for (let i = 0; i < length; i++) bytes[at + i] = this.#block[from + i]!;
      head.length = at + length;
      return true;
    }
    head.reserve(huffmanRoom(length));
    const decodedTo = decodeHuffman(this.#block, from, end, head.bytes, head.length);
    if (decodedTo < 0) return false;
    head.length = decodedTo;
    return true;
  }

  /** An integer with a prefix of `mask` (RFC 7541 section 5.1), or -1 when it is cut or beyond 2^28. */
  #integer(mask: number): number {
    if (this.#at >= this.#to) return -1;
    let value = this.#block[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift < 28; shift += 7) {
      if (this.#at >= this.#to) return -1;
      const byte = this.#block[this.#at++]!;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return -1;
  }

  #field(index: number): RenderedField | undefined {
    if (index <= STATIC.length) return STATIC[index - 1];
    const age = index - STATIC.length;
    return age > this.#count ? undefined : this.#ring[(this.#inserted - age) & (this.#ring.length - 1)];
  }

  /** `line` is a view: the entry keeps a copy. An entry larger than the table empties it (RFC 7541 section 4.4). */
  #insert(line: Uint8Array, nameLength: number, kind: FieldKind, isMalformed: boolean): void {
    const size = line.length - 4 + ENTRY_OVERHEAD_BYTES;
    this.#evict(size);
    if (size > this.#tableBytes) return;
    if (this.#count === this.#ring.length) this.#growRing();
    this.#ring[this.#inserted & (this.#ring.length - 1)] = {
      line: new Uint8Array(line),
      nameLength,
      kind,
      isMalformed,
    };
    this.#inserted = (this.#inserted + 1) & 0x3fffffff;
    this.#count++;
    this.#usedBytes += size;
  }

  /** Drops the oldest entries until `incoming` more bytes fit, or none is left. */
  #evict(incoming: number): void {
    while (this.#count > 0 && this.#usedBytes + incoming > this.#tableBytes) {
      const slot = (this.#inserted - this.#count) & (this.#ring.length - 1);
      this.#usedBytes -= this.#ring[slot]!.line.length - 4 + ENTRY_OVERHEAD_BYTES;
      this.#ring[slot] = undefined;
      this.#count--;
    }
  }

  /** At most 2,048 entries fit a table of 64 KiB, each counting 32 bytes at least. */
  #growRing(): void {
    const length = Math.max(16, 2 * this.#ring.length);
    const ring = new Array<RenderedField | undefined>(length).fill(undefined);
    for (let age = 1; age <= this.#count; age++) {
      ring[(this.#count - age) & (length - 1)] = this.#ring[(this.#inserted - age) & (this.#ring.length - 1)];
    }
    this.#ring = ring;
    this.#inserted = this.#count;
  }
}
