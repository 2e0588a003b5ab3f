// What became of each command, as an append-only file in the spool folder: an id is on the disk before its command
// runs, so that it runs at most once whatever crashes when. One JSON object a line; later lines of an id add to earlier
// ones. It must not know the network or what commands do. Recorded traffic is never written here.
//
//   taken ─▶ begun (counted, and paused when stopped in order) ─▶ outcome ─▶ settled ─▶ forgotten when expired
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { CLOCK_TOLERANCE_US, CommandOutcome } from '@echoplane/api';
import { type Clock, type Logger, linesOf } from '@echoplane/runtime';
import { z } from 'zod';
import { replaceFile, type SpoolFiles } from '../spool/spool-files.ts';

const FILE = 'commands.jsonl';
/** At this many lines that say nothing any more, and at least half of all, the file is written anew. */
const COMPACT_LINES = 256;

const Body = z.looseObject({ kind: z.string() });
const Record = z.object({
  id: z.uuid(),
  /** µs; a replay of the envelope is refused by its own expiry after that. */
  expiresAt: z.int(),
  /** µs of our clock until which it may be begun for the first time. */
  beginBy: z.int(),
  /** Null once it is settled. */
  body: Body.nullable(),
  /** How often it was begun, and how often stopped in order without an end. */
  begun: z.int(),
  paused: z.int(),
  outcome: CommandOutcome.nullable(),
  /** The control plane took the outcome. */
  settled: z.boolean(),
});
const Line = Record.partial().required({ id: true });

/** A command as the journal knows it. */
export type CommandRecord = z.infer<typeof Record>;
/** A command as it is taken on. */
export type NewCommand = Pick<CommandRecord, 'id' | 'expiresAt' | 'beginBy'> & { body: { kind: string } };
type Change = Partial<Omit<CommandRecord, 'id'>>;

export interface JournalOptions {
  files: SpoolFiles;
  clock: Clock;
  log: Logger;
  /** Ids that are remembered at most. */
  maxIds?: number;
}

/** The journal as a former life of the process left it; a torn last line was never relied on and is cut off. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { files } = options;
  const records = new Map<string, CommandRecord>();
  const file = await open(join(files.dir, FILE), 'a+', 0o600);
  try {
    for await (const { bytes, number } of linesOf(file)) {
      const line = parse(bytes);
      if (line) merge(records, line);
      else
        options.log.warn(
          { file: FILE, line: number },
          'a line of the command journal cannot be read; skipped',
        );
    }
  } finally {
    await file.close();
  }
  const journal = new Journal(options, records);
  await journal.compact();
  return journal;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #records: Map<string, CommandRecord>;
  readonly #pending: { line: string; settle: (err: unknown) => void }[] = [];
  #writing: Promise<void> | null = null;
  #file: FileHandle | null = null;
  #sizeBytes = 0;
  #lines = 0;
  #isClosed = false;
  /** An erasure is settled, and its words are still in the file. */
  #holdsErased = false;

  constructor(options: JournalOptions, records: Map<string, CommandRecord>) {
    this.#options = options;
    this.#records = records;
  }

  get size(): number {
    return this.#records.size;
  }
  has(id: string): boolean {
    return this.#records.has(id);
  }
  /** Commands whose outcome was not taken yet, oldest first. */
  unsettled(): CommandRecord[] {
    return [...this.#records.values()].filter((record) => !record.settled);
  }

  /** Whether the command is new and there was room; then it is on the disk. Rejects when the disk does not take it. */
  async take(command: NewCommand): Promise<CommandRecord | 'known' | 'full'> {
    const { id } = command;
    if (this.#records.has(id)) return 'known';
    this.#forget();
    if (this.#records.size >= (this.#options.maxIds ?? 10_000)) return 'full';
    const record = { ...command, begun: 0, paused: 0, outcome: null, settled: false };
    this.#records.set(id, record);
    try {
      await this.#append(record);
    } catch (err) {
      this.#records.delete(id);
      throw err;
    }
    return record;
  }

  /** Resolves when the change is on the disk. In memory it holds at once, and also when the disk refuses it. */
  async note(record: CommandRecord, change: Change): Promise<void> {
    if (change.settled && record.body?.kind === 'erase') this.#holdsErased = true;
    Object.assign(record, change);
    await this.#append({ id: record.id, ...change });
  }

  /** Writes the file anew with what is still worth knowing. */
  async compact(): Promise<void> {
    this.#forget();
    await this.#file?.close();
    this.#file = null;
    const text = [...this.#records.values()].map((record) => `${JSON.stringify(record)}\n`).join('');
    await replaceFile(this.#options.files, FILE, text);
    this.#file = await open(join(this.#options.files.dir, FILE), 'r+');
    this.#sizeBytes = Buffer.byteLength(text);
    this.#lines = this.#records.size;
    this.#holdsErased = false;
  }

  /** Waits for what is being written; what comes later is refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    await this.#file?.close();
    this.#file = null;
  }

  #forget(): void {
    const beforeUs = this.#options.clock.nowUs() - CLOCK_TOLERANCE_US;
    for (const [id, { settled, expiresAt }] of this.#records)
      if (settled && expiresAt < beforeUs) this.#records.delete(id);
  }

  #append(line: z.infer<typeof Line>): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error('the command journal is closed'));
    return new Promise((resolve, reject) => {
      const settle = (err: unknown) => (err === null ? resolve() : reject(err));
      this.#pending.push({ line: `${JSON.stringify(line)}\n`, settle });
      this.#writing ??= this.#write().finally(() => {
        this.#writing = null;
      });
    });
  }

  /** All lines that wait are written and synced together. A write that failed is overwritten by the next. */
  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0);
      const failure = await this.#writeBatch(batch.map(({ line }) => line)).then(
        () => null,
        (err: unknown) => err,
      );
      for (const { settle } of batch) settle(failure);
    }
  }

  async #writeBatch(lines: string[]): Promise<void> {
    const bytes = Buffer.from(lines.join(''));
    if (!this.#file) await this.compact();
    const file = this.#file!;
    await file.truncate(this.#sizeBytes);
    let done = 0;
    while (done < bytes.length)
      done += (await file.write(bytes, done, bytes.length - done, this.#sizeBytes + done)).bytesWritten;
    await file.datasync();
    this.#sizeBytes += bytes.length;
    this.#lines += lines.length;
    const isGrown = this.#lines - this.#records.size >= Math.max(COMPACT_LINES, this.#records.size);
    if (!isGrown && !this.#holdsErased) return;
    await this.compact().catch((err: unknown) => {
      this.#options.log.warn({ err, file: FILE }, 'the command journal cannot be written anew; it grows on');
    });
  }
}

function parse(bytes: Buffer): z.infer<typeof Line> | null {
  try {
    return Line.parse(JSON.parse(bytes.toString()));
  } catch {
    return null;
  }
}

function merge(records: Map<string, CommandRecord>, line: z.infer<typeof Line>): void {
  const merged = Record.safeParse({ ...records.get(line.id), ...line });
  if (merged.success) records.set(line.id, merged.data);
}
