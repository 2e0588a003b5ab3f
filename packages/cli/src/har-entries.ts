// The entries of a HAR file one by one as their bytes come, so that a file of any size is read in the memory of one
// entry. It knows just enough JSON to find `log.entries` and where each entry ends; what an entry says is not its affair.
import { createReadStream } from 'node:fs';
import { OperatingError } from '@echoplane/runtime';

/** A larger entry is passed over: its text would take several times as much memory. */
const MAX_ENTRY_BYTES = 64 << 20;
const CHUNK_BYTES = 1 << 20;
/** Longer names are neither `log` nor `entries`. */
const MAX_NAME = 16;
const [QUOTE, BACKSLASH, OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [
  ...[0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d],
] as [number, number, number, number, number, number];
/** Depth within `log`, and within `log.entries`. */
const LOG_DEPTH = 2;
const ENTRIES_DEPTH = 3;

/** What is wrong with a file, without its name. */
class NotHar extends Error {}

/** Bytes in, the JSON text of each entry out; null for one that is too large. */
export class HarEntryScanner {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #name = '';
  #isInLog = false;
  #isInEntries = false;
  #hasEntries = false;
  #isFirst = true;
  #held: Buffer[] = [];
  #heldBytes = 0;
  readonly #maxEntryBytes: number;

  constructor(maxEntryBytes = MAX_ENTRY_BYTES) {
    this.#maxEntryBytes = maxEntryBytes;
  }

  /** Entries completed by `chunk`. Throws when this is no JSON object. */
  *feed(chunk: Buffer): Generator<Buffer | null> {
    let from = this.#isFirst ? this.#begin(chunk) : 0;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#isInString) {
        this.#inString(byte);
      } else if (byte === QUOTE) {
        this.#isInString = true;
        this.#name = '';
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        this.#open(byte);
        if (this.#isInEntries && this.#depth === ENTRIES_DEPTH + 1) from = at;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        if (this.#isInEntries && this.#depth === ENTRIES_DEPTH + 1) yield this.#take(chunk, from, at + 1);
        this.#close();
      }
    }
    if (this.#isInEntries && this.#depth > ENTRIES_DEPTH) this.#hold(chunk.subarray(from));
  }

  /** The last word. Throws when the file was cut off or is no HAR. */
  end(): void {
    if (this.#isFirst) throw new NotHar('is empty');
    if (this.#depth > 0 || this.#isInString) throw new NotHar('is cut off: it ends in the middle');
    if (!this.#hasEntries) throw new NotHar('is no HAR file: it has no log.entries');
  }

  /** Where the text begins, behind a byte order mark. */
  #begin(chunk: Buffer): number {
    this.#isFirst = false;
    if (chunk[0] === 0x1f && chunk[1] === 0x8b)
      throw new NotHar('is compressed: unpack it with gunzip first');
    const from = chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? 3 : 0;
    if (!/^\s*\{/.test(chunk.toString('latin1', from, from + 1_024)))
      throw new NotHar('is no HAR file: it does not begin with { as JSON in UTF-8 does');
    return from;
  }

  #inString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isInString = false;
    else if (this.#depth <= LOG_DEPTH && this.#name.length < MAX_NAME)
      this.#name += String.fromCharCode(byte);
  }

  #open(byte: number): void {
    if (this.#depth === 1) this.#isInLog = byte === OPEN_OBJECT && this.#name === 'log';
    if (this.#depth === LOG_DEPTH && this.#isInLog && byte === OPEN_LIST && this.#name === 'entries') {
      this.#isInEntries = true;
      this.#hasEntries = true;
    }
    this.#depth++;
  }

  #close(): void {
    if (--this.#depth < 0) throw new NotHar('is damaged: a bracket closes what was not opened');
    if (this.#depth < ENTRIES_DEPTH) this.#isInEntries = false;
  }

  #hold(part: Buffer): void {
    this.#heldBytes += part.length;
    if (this.#heldBytes <= this.#maxEntryBytes) this.#held.push(part);
    else this.#held = [];
  }

  #take(chunk: Buffer, from: number, to: number): Buffer | null {
    this.#hold(chunk.subarray(this.#heldBytes === 0 ? from : 0, to));
    const entry = this.#heldBytes <= this.#maxEntryBytes ? Buffer.concat(this.#held) : null;
    this.#held = [];
    this.#heldBytes = 0;
    return entry;
  }
}

/** The entries of a file; null for one that is too large or no JSON. Throws OperatingError when it is no whole HAR file. */
export async function* harEntries(file: string): AsyncGenerator<unknown> {
  const scanner = new HarEntryScanner();
  try {
    const chunks: AsyncIterable<Buffer> = createReadStream(file, { highWaterMark: CHUNK_BYTES });
    for await (const chunk of chunks) for (const entry of scanner.feed(chunk)) yield entry && parsed(entry);
    scanner.end();
  } catch (cause) {
    if (cause instanceof NotHar)
      throw new OperatingError('bad_har', `${file} ${cause.message}. Nothing was imported.`, { cause });
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new OperatingError('har_unreadable', `${file} cannot be read (${code}).`, { cause });
  }
}

function parsed(entry: Buffer): unknown {
  try {
    return JSON.parse(entry.toString('utf8'));
  } catch {
    return null;
  }
}
