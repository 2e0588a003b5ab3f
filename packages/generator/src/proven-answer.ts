// An answer that was compared leaf by leaf and had no difference: the same bytes again need no second look, whatever was
// learned meanwhile, because equal values are equal. Only its Date moves on; that must be the present second. Pure.
import type { BodyCapture, RawHttpPair } from '@echoplane/wire';

const DATE = /\r\ndate: ([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)\r\n/i;
const LENGTH = /\r\ncontent-length: *(\d+) *\r\n/i;
/** Framed otherwise, or the last of its connection. */
const NOT_ALIKE = /\r\n(?:transfer-encoding:|connection:(?! *keep-alive *\r))/i;
/** Longer answers are compared each time: reading them is what costs. */
const MAX_BYTES = 64 << 10;

export class ProvenAnswer {
  /** Views of the answer as it last came. */
  readonly head: Buffer;
  readonly body: BodyCapture;
  readonly #bytes: Buffer;
  /** Where its Date stands; -1 without one. */
  readonly #dateAt: number;
  /** Whose Date stands there, s since the epoch. */
  #second = 0;

  private constructor(bytes: Buffer, headBytes: number, dateAt: number) {
    this.#bytes = bytes;
    this.head = bytes.subarray(0, headBytes);
    const size = bytes.length - headBytes;
    this.body = { size, kept: size > 0 ? [bytes.subarray(headBytes)] : [], truncated: 0 };
    this.#dateAt = dateAt;
  }

  /** Null when the bytes on the wire cannot be told from the pair (chunked, cut, interim answers). */
  static of(raw: RawHttpPair): ProvenAnswer | null {
    const { responseHead, responseBody } = raw;
    if (!responseHead || raw.interimCount > 0 || responseBody.truncated > 0 || raw.responseTrailers)
      return null;
    const head = responseHead.toString('latin1');
    const length = LENGTH.exec(head)?.[1];
    const bytes = Buffer.concat([responseHead, ...responseBody.kept]);
    if (length === undefined || Number(length) !== responseBody.size || bytes.length > MAX_BYTES) return null;
    if (NOT_ALIKE.test(head)) return null;
    const date = DATE.exec(head);
    return new ProvenAnswer(bytes, head.length, date ? date.index + date[0].indexOf(': ') + 2 : -1);
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** Whether these bytes are this answer once more, at `nowUs`: with the Date of this second, or of the one before. */
  isAgain(chunk: Buffer, nowUs: number): boolean {
    const bytes = this.#bytes;
    if (chunk.length !== bytes.length) return false;
    if (this.#dateAt < 0) return chunk.equals(bytes);
    // One comparison is cheaper than three: the Date is brought up to date where it stands.
    const second = Math.floor(nowUs / 1_000_000);
    if (second !== this.#second) this.#setDate(second);
    if (chunk.equals(bytes)) return true;
    this.#setDate(second - 1);
    return chunk.equals(bytes);
  }

  #setDate(second: number): void {
    this.#bytes.write(new Date(second * 1000).toUTCString(), this.#dateAt, 'latin1');
    this.#second = second;
  }
}
