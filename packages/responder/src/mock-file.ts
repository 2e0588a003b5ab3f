// `mocks.jsonl`, read by line number while it is served: a small file is held in memory as it is, of a larger one only where its
// lines stand. A file is replaced by another one, never changed in place: that is found out and said.
import { fstatSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { MockSource } from '@echoplane/replay';
import { type Line, linesOf, OperatingError } from '@echoplane/runtime';
import { Mock, withMailTokens } from '@echoplane/traffic';
import { z } from 'zod';

/** Larger files are read where they lie. */
const MAX_HELD_BYTES = 64 << 20;

/** The lines of an open file that were seen, by number. */
export class MockLines implements MockSource {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #bytes: Buffer | null;
  readonly #changedMs: number;
  #at = new Float64Array(1_024);
  #sizes = new Uint32Array(1_024);
  #length = 0;

  private constructor(file: FileHandle, path: string, bytes: Buffer | null) {
    this.#file = file;
    this.#path = path;
    this.#bytes = bytes;
    this.#changedMs = fstatSync(file.fd).mtimeMs;
  }

  /** `maxHeldBytes`: a file up to this size is held in memory. Throws OperatingError when there is none. */
  static async open(path: string, maxHeldBytes = MAX_HELD_BYTES): Promise<MockLines> {
    const file = await open(path).catch((cause: Error) => {
      throw new OperatingError('artifact_unreadable', `${path} cannot be read: ${cause.message}.`, { cause });
    });
    const { size } = await file.stat();
    return new MockLines(file, path, size <= maxHeldBytes ? await file.readFile() : null);
  }

  /** Every mock in the file's order, checked. Throws OperatingError naming the line that is none. */
  async *mocks(): AsyncGenerator<Mock> {
    for await (const line of this.#bytes ? heldLines(this.#bytes) : linesOf(this.#file)) {
      const mock = parseMock(line.bytes.toString(), line.number, this.#path);
      this.#note(line);
      yield mock;
    }
  }

  read(n: number): Mock {
    const [at, size] = [this.#at[n]!, this.#sizes[n]!];
    if (this.#bytes) return readMock(this.#bytes.toString('utf8', at, at + size));
    if (fstatSync(this.#file.fd).mtimeMs !== this.#changedMs) throw this.#wasChanged();
    const bytes = Buffer.allocUnsafe(size);
    readSync(this.#file.fd, bytes, 0, size, at);
    return readMock(bytes.toString());
  }

  close(): void {
    void this.#file.close().catch(() => {});
  }

  #note({ at, bytes }: Line): void {
    if (this.#length === this.#at.length) {
      this.#at = grown(this.#at, new Float64Array(this.#length * 2));
      this.#sizes = grown(this.#sizes, new Uint32Array(this.#length * 2));
    }
    this.#at[this.#length] = at;
    this.#sizes[this.#length++] = bytes.length;
  }

  #wasChanged(): OperatingError {
    const sentence = `${this.#path} was changed while it is served; write a new file, rename it to this name and reload.`;
    return new OperatingError('artifact_changed', sentence);
  }
}

function grown<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

const LF = 0x0a;
/** After so many bytes others get their turn. */
const SLICE_BYTES = 256 << 10;

async function* heldLines(bytes: Buffer): AsyncGenerator<Line> {
  let number = 0;
  for (let at = 0, pause = SLICE_BYTES; at < bytes.length; ) {
    const found = bytes.indexOf(LF, at);
    const end = found < 0 ? bytes.length : found;
    number++;
    if (end > at) yield { at, number, bytes: bytes.subarray(at, end) };
    at = end + 1;
    if (at < pause) continue;
    pause = at + SLICE_BYTES;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function readMock(line: string): Mock {
  return JSON.parse(withMailTokens(line)) as Mock;
}

function parseMock(line: string, number: number, path: string): Mock {
  try {
    const value = readMock(line);
    return isMock(value) ? value : Mock.parse(value);
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0]! : null;
    const reason = issue
      ? `${issue.path.join('.') || 'the record'}: ${issue.message}`
      : (cause as Error).message;
    throw new OperatingError('bad_artifact', `Line ${number} of ${path} is not a mock: ${reason}.`, {
      cause,
    });
  }
}

/** What a usual line has, told at a thirtieth of the cost of the schema, which judges all others. */
function isMock(value: Partial<Mock> | null): boolean {
  const { id, host, scheme, signature, volatile, exact, loose, sequence, response, ttfbUs, state, messages } =
    value ?? {};
  return (
    [id, host, exact, loose, value?.endpoint].every((text) => typeof text === 'string') &&
    (scheme === 'http' || scheme === 'https') &&
    (value!.session === null || typeof value!.session === 'string') &&
    [sequence, ttfbUs, value!.durationUs].every(Number.isInteger) &&
    areTexts(signature) &&
    Array.isArray(volatile) &&
    volatile.every((key) => typeof key === 'string') &&
    isResponse(response) &&
    state === undefined &&
    messages === undefined
  );
}

function areTexts(signature: Mock['signature'] | undefined): boolean {
  if (typeof signature !== 'object' || signature === null) return false;
  for (const key in signature) if (typeof signature[key] !== 'string') return false;
  return true;
}

function isResponse(response: Partial<Mock['response']> | undefined): boolean {
  const { status, reason, headers, body, trailers } = response ?? {};
  return (
    Number.isInteger(status) &&
    (reason === undefined || typeof reason === 'string') &&
    Array.isArray(headers) &&
    headers.every(
      (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string'),
    ) &&
    trailers === undefined &&
    typeof body === 'object' &&
    body !== null &&
    Number.isInteger(body.size) &&
    typeof body.encoding === 'string' &&
    [body.text, body.base64].every((text) => text === undefined || typeof text === 'string') &&
    body.chunks === undefined
  );
}
