// Brings back what the ring holds and was not shipped: the pairs of a span of time that fit an expression go into the
// spool as if they came now. Which lines were brought back is noted beside the ring's file before they are, so that no
// pair is stored twice; when the process dies in between, the command is done again and only what is missing follows.
import { appendFile, readFile } from 'node:fs/promises';
import { compileExpression, type Expression, exprViewOf, FilterError } from '@echoplane/rules';
import { OperatingError } from '@echoplane/runtime';
import { decodeFrame, type RRPair } from '@echoplane/traffic';
import type { Refined } from '../intake/refinery.ts';
import { NOTES, type Ring, type RingFile } from './ring.ts';
import { framesIfThere } from './segment-reading.ts';
import { openedAtOf } from './segment-summary.ts';

export interface RecallRequest {
  /** µs since the epoch, `to` exclusive. */
  from: number;
  to: number;
  filter?: string | undefined;
  /** Most pairs to bring back. */
  limit: number;
}

export interface RecallContext {
  /** Id of the command: what one life of it noted, the next may take up. */
  id: string;
  resumed: boolean;
  signal: AbortSignal;
  /** Takes the pairs into the spool; resolves when they are durable. */
  store(pairs: Refined[]): Promise<void>;
  /** Which of these ids are in the spool or were shipped since the command was made. */
  stored(ids: ReadonlySet<string>): Promise<ReadonlySet<string>>;
}

/** Pairs that are noted and stored in one go. */
const CHUNK = 500;

interface Found {
  file: RingFile;
  /** `frame:line`. */
  place: string;
  pair: RRPair;
}

/** Brings pairs back, oldest first; `complete` is false when there were more than the limit. */
export async function recall(
  ring: Ring,
  request: RecallRequest,
  context: RecallContext,
): Promise<{ pairs: number; complete: boolean }> {
  await ring.flush();
  const fits = predicateOf(request);
  let pairs = 0;
  for (const file of ring.files.filter((one) => one.held && openedAtOf(one.segment) < request.to + LATE_US)) {
    const noted = await readNotes(file);
    let chunk: Found[] = [];
    for await (const found of heldPairs(file, fits)) {
      context.signal.throwIfAborted();
      const by = noted.get(found.place);
      if (by !== undefined && !(context.resumed && by === context.id)) continue;
      if (pairs + chunk.length >= request.limit) {
        pairs += await bringBack(chunk, context);
        return { pairs, complete: false };
      }
      chunk.push(found);
      if (chunk.length < CHUNK) continue;
      pairs += await bringBack(chunk, context);
      chunk = [];
    }
    pairs += await bringBack(chunk, context);
  }
  return { pairs, complete: true };
}

/** A pair comes at most this long after its time: later files cannot hold what is asked for. */
const LATE_US = 86_400_000_000;

async function bringBack(found: readonly Found[], context: RecallContext): Promise<number> {
  if (found.length === 0) return 0;
  const known = context.resumed ? await context.stored(new Set(found.map(({ pair }) => pair.id))) : new Set();
  const missing = found.filter(({ pair }) => !known.has(pair.id));
  const file = found[0]!.file;
  await appendFile(notesOf(file), missing.map(({ place }) => `${place} ${context.id}\n`).join(''), {
    flush: true,
  });
  const store = missing.map(({ pair }): Refined => ({ pair, fate: 'ship' }));
  if (store.length > 0) await context.store(store);
  return found.length;
}

async function* heldPairs(file: RingFile, fits: (pair: RRPair) => boolean): AsyncGenerator<Found> {
  for await (const { header, data } of framesIfThere(file.path)) {
    for (const [line, text] of decodeFrame(data).entries()) {
      const pair = JSON.parse(text) as RRPair;
      if (fits(pair)) yield { file, place: `${header.frame}:${line}`, pair };
    }
  }
}

function predicateOf({ from, to, filter }: RecallRequest): (pair: RRPair) => boolean {
  if (to <= from) throw new OperatingError('empty_span', 'The span ends before it begins; give a later end.');
  const inSpan = (pair: RRPair) => pair.ts >= from && pair.ts < to;
  if (filter === undefined) return inSpan;
  const expression = compiled(filter);
  return (pair) => inSpan(pair) && expression.test(exprViewOf(pair));
}

/** The control plane has looked at it; it may know another language than we do. */
function compiled(filter: string): Expression {
  try {
    return compileExpression(filter);
  } catch (cause) {
    if (!(cause instanceof FilterError)) throw cause;
    throw new OperatingError('bad_filter', `The filter cannot be used: ${cause.message}`, { cause });
  }
}

const notesOf = (file: RingFile) => `${file.path}${NOTES}`;

/** Which line was brought back by which command. */
async function readNotes(file: RingFile): Promise<Map<string, string>> {
  const text = await readFile(notesOf(file), 'utf8').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return '';
    throw err;
  });
  const notes = new Map<string, string>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) notes.set(line.slice(0, space), line.slice(space + 1));
  }
  return notes;
}
