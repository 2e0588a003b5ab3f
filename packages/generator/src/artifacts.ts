// The two artifacts the generator works from. Tests are indexed by session and read again when they are due, so that
// memory grows with their number and not with their size; every record is checked before the first request leaves.
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { type Line, linesOf, OperatingError, readLineAt } from '@echoplane/runtime';
import { Test, Token } from '@echoplane/traffic';
import { z } from 'zod';

interface Place {
  at: number;
  sizeBytes: number;
  order: number;
  offsetUs: number;
}

/** One session's tests, in order. */
export type SessionTests = AsyncIterable<Test>;

/** `tests.jsonl`, opened and checked. */
export class TestFile {
  readonly planned: number;
  readonly #file: FileHandle;
  readonly #sessions: Place[][];

  private constructor(file: FileHandle, sessions: Place[][]) {
    this.#file = file;
    this.#sessions = sessions;
    this.planned = sessions.reduce((sum, places) => sum + places.length, 0);
  }

  /** Throws OperatingError naming the line that is no test. */
  static async open(path: string): Promise<TestFile> {
    const file = await open(path).catch((cause) => unreadable(path, cause));
    try {
      const sessions = new Map<string, Place[]>();
      for await (const line of linesOf(file)) {
        const { session, order, offsetUs } = parseLine(Test, line, path);
        const places = sessions.get(session) ?? [];
        places.push({ at: line.at, sizeBytes: line.bytes.length, order, offsetUs });
        sessions.set(session, places);
      }
      for (const places of sessions.values()) places.sort((a, b) => a.order - b.order);
      const byStart = [...sessions.values()].sort((a, b) => a[0]!.offsetUs - b[0]!.offsetUs);
      return new TestFile(file, byStart);
    } catch (error) {
      await file.close();
      throw error instanceof OperatingError ? error : unreadable(path, error);
    }
  }

  /** The sessions in order of their first request. */
  *sessions(): Generator<SessionTests> {
    for (const places of this.#sessions) yield this.#read(places);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Reads one test ahead, so that the disk is idle-time work and not part of a request's lateness. */
  async *#read(places: readonly Place[]): AsyncGenerator<Test> {
    let ahead = this.#readAt(places[0]!);
    for (let i = 0; i < places.length; i++) {
      const test = await ahead;
      const next = places[i + 1];
      if (next) {
        ahead = this.#readAt(next);
        // The failure is met at the next turn; until then it must not count as unhandled.
        ahead.catch(() => {});
      }
      yield test;
    }
  }

  async #readAt({ at, sizeBytes }: Place): Promise<Test> {
    return Test.parse(JSON.parse((await readLineAt(this.#file, at, sizeBytes)).toString()));
  }
}

/** Recorded values of the tokens that are switched on, by id. Takes a JSON array or one token a line. */
export async function readTokens(path: string): Promise<ReadonlyMap<string, string>> {
  const bytes = await readFile(path).catch((cause) => unreadable(path, cause));
  const text = bytes.toString().trim();
  const records = text.startsWith('[')
    ? z.array(Token)
    : z.array(z.preprocess((line) => JSON.parse(String(line)), Token));
  let tokens: Token[];
  try {
    tokens = records.parse(
      text.startsWith('[') ? JSON.parse(text) : text.split('\n').filter((line) => line.trim() !== ''),
    );
  } catch (cause) {
    throw new OperatingError(
      'bad_artifact',
      `${path} does not hold the tokens of a snapshot: ${reason(cause)}.`,
      { cause },
    );
  }
  return new Map(tokens.filter((token) => token.enabled).map((token) => [token.id, token.value]));
}

function parseLine<S extends z.ZodType>(schema: S, line: Line, path: string): z.output<S> {
  try {
    return schema.parse(JSON.parse(line.bytes.toString()));
  } catch (cause) {
    throw new OperatingError(
      'bad_artifact',
      `Line ${line.number} of ${path} is not a test: ${reason(cause)}.`,
      { cause },
    );
  }
}

function reason(cause: unknown): string {
  if (!(cause instanceof z.ZodError)) return (cause as Error).message;
  const issue = cause.issues[0]!;
  return `${issue.path.join('.') || 'the record'}: ${issue.message}`;
}

function unreadable(path: string, cause: unknown): never {
  throw new OperatingError('artifact_unreadable', `${path} cannot be read: ${(cause as Error).message}.`, {
    cause,
  });
}
