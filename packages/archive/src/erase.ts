// Erases a value from an object store, in rounds: the objects of a tenant are read in the order of their keys, and what
// holds the value is written anew without it. A rewritten segment is a new object with the same frames and lines; index
// rows are re-pointed to it, then the next round removes the old one. A round that is done again does the same again.
import { createHash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { ObjectMissing, type ObjectStore, OperatingError, readObject } from '@echoplane/runtime';
import {
  ARTIFACTS,
  decodeFrame,
  encodeFrame,
  encodeManifest,
  RRPair,
  requestLine,
  type SegmentManifest,
  segmentBlocks,
  segmentKey,
} from '@echoplane/traffic';
import type { Progress } from './selection.ts';
import type { ValueEraser } from './value-eraser.ts';
import { zstdContents } from './zstd-frames.ts';

export interface EraseWork {
  store: ObjectStore;
  tenant: string;
  /** Id of the erasure: what it writes is named by it. */
  erasure: string;
  eraser: ValueEraser;
  /** Where the round before ended; '' begins. */
  after: string;
  progress: Progress;
  signal: AbortSignal;
}

export interface Rewritten {
  old: string;
  oldKey: string;
  key: string;
  sizeBytes: number;
  /** Without rollups and reports, which did not change. */
  manifest: SegmentManifest;
  /** Of pairs whose path held the value; null when they are more than MAX_PATHS. */
  paths: CleanPath[] | null;
}

interface CleanPath {
  frame: number;
  line: number;
  path: string;
}

export interface Erased {
  /** Segments that held the value, RRPairs in them that did, and bytes that were read in all. */
  segments: number;
  pairs: number;
  scannedBytes: number;
  rewritten: Rewritten[];
  /** Snapshots of which a file was changed. */
  snapshots: string[];
  /** Where the next round goes on; null when every object was read. */
  after: string | null;
}

const LIST_KEYS = 1_000;
/** Of one round: what is said of them must fit one answer. */
const MAX_REWRITTEN = 100;
const MAX_PATHS = 10_000;
const LINES_PER_FRAME = 1_000;

/** One round. What it wrote is gone again when it fails: nothing points to it. */
export async function eraseFromStore(work: EraseWork): Promise<Erased> {
  const written: string[] = [];
  const erased: Erased = {
    ...{ segments: 0, pairs: 0, scannedBytes: 0, rewritten: [], snapshots: [], after: null },
  };
  try {
    erased.after = await eraseRound({ ...work, written }, erased);
    return erased;
  } catch (err) {
    for (const key of written) await work.store.remove(key);
    throw err;
  }
}

/** `written`: keys of segments that were not there before. */
type EraseRound = EraseWork & { written: string[] };

/** Where the next round goes on. */
async function eraseRound(work: EraseRound, erased: Erased): Promise<string | null> {
  const { store, tenant, signal } = work;
  let paths = 0;
  for await (const key of keysOf(store, `${tenant}/`, work.after)) {
    signal.throwIfAborted();
    if (key.startsWith(`${tenant}/segments/`)) paths += await eraseSegment(work, key, erased);
    else if (key.startsWith(`${tenant}/snapshots/`)) await eraseSnapshotFile(work, key, erased);
    await tell(work, erased);
    if (erased.rewritten.length >= MAX_REWRITTEN || paths >= MAX_PATHS) return key;
  }
  return null;
}

/** Removes the objects of old segments, once nothing points to them. */
export async function removeErased(
  store: ObjectStore,
  tenant: string,
  keys: readonly string[],
): Promise<void> {
  for (const key of keys) {
    if (!key.startsWith(`${tenant}/segments/`))
      throw new OperatingError('not_a_segment', `${key} is no segment of this tenant; nothing was removed.`);
    await store.remove(key);
  }
}

/** How much there is in all is not known before it was read: the share creeps. */
function tell({ progress }: EraseWork, { scannedBytes, segments }: Erased): Promise<void> {
  const mib = Math.round(scannedBytes / (1 << 20));
  return progress(mib / (mib + 1_000), `${mib} MiB searched, ${segments} segments written anew`);
}

async function* keysOf(store: ObjectStore, prefix: string, from: string): AsyncGenerator<string> {
  for (let after = from; ; ) {
    const keys = await store.list(prefix, { after, limit: LIST_KEYS });
    yield* keys;
    if (keys.length < LIST_KEYS) return;
    after = keys.at(-1)!;
  }
}

/** How many paths of it are to be told. */
async function eraseSegment(
  { store, erasure, eraser, written }: EraseRound,
  key: string,
  erased: Erased,
): Promise<number> {
  const file = await readIfThere(store, key);
  if (file === null) return 0;
  erased.scannedBytes += file.length;
  const made = withoutValue(file, { key, erasure, eraser });
  if (made === null) return 0;
  // Another data plane of the same store may have come first, and rows may point to it already.
  if (!(await isThere(store, made.manifest.key))) written.push(made.manifest.key);
  const { sizeBytes } = await store.put(made.manifest.key, made.bytes);
  erased.segments += 1;
  erased.pairs += made.pairs;
  const manifest = { ...made.manifest, rollups: [], reports: [] };
  const paths = made.paths.length > MAX_PATHS ? null : made.paths;
  erased.rewritten.push({ old: made.old, oldKey: key, key: manifest.key, sizeBytes, manifest, paths });
  return paths?.length ?? 0;
}

/** Null when it was removed since it was listed: by its age, or by another data plane's erasure. */
function readIfThere(store: ObjectStore, key: string): Promise<Buffer | null> {
  return readObject(store, key).catch((err) => {
    if (err instanceof ObjectMissing) return null;
    throw err;
  });
}

function isThere(store: ObjectStore, key: string): Promise<boolean> {
  return store.size(key).then(
    () => true,
    (err) => {
      if (err instanceof ObjectMissing) return false;
      throw err;
    },
  );
}

interface Rewrite {
  key: string;
  erasure: string;
  eraser: ValueEraser;
}

/** A segment's bytes without the value; null when it is not in them. */
function withoutValue(
  file: Buffer,
  { key, erasure, eraser }: Rewrite,
): { old: string; bytes: Buffer; manifest: SegmentManifest; pairs: number; paths: CleanPath[] } | null {
  let pairs = 0;
  const paths: CleanPath[] = [];
  let old: SegmentManifest | null = null;
  let length = 0;
  let rawBytes = 0;
  const parts: Buffer[] = [];
  const frames: SegmentManifest['frames'] = [];
  for (const block of segmentBlocks(file)) {
    if (block.kind === 'manifest') {
      old = block.manifest;
      continue;
    }
    const lines = decodeFrame(block.data);
    const clean = lines.map((line) => eraser.line(line));
    for (const [line, text] of clean.entries()) {
      if (text === lines[line]) continue;
      pairs += 1;
      const path = pathOf(checked(text));
      if (path !== pathOf(JSON.parse(lines[line]!))) paths.push({ frame: block.header.frame, line, path });
    }
    const ndjson = Buffer.from(clean.map((line) => `${line}\n`).join(''));
    const { v: _v, length: _length, crc: _crc, ...header } = block.header;
    const cleanHeader = eraser.json(header) as typeof header;
    const made = encodeFrame(ndjson, {
      ...{ ...cleanHeader, tenant: header.tenant, segment: newSegmentId(header.segment, erasure) },
      // Our own numbers, even when the value is one of them.
      ...{ frame: header.frame, lines: header.lines, cursors: header.cursors },
    });
    frames.push({ offset: length + made.dataOffset, length: made.dataLength, lines: lines.length });
    parts.push(made.bytes);
    length += made.bytes.length;
    rawBytes += ndjson.length;
  }
  if (old === null) {
    throw new OperatingError(
      'segment_damaged',
      `The segment ${key} is damaged, so it cannot be told what is in it; restore it from a copy of the store or remove it, then erase again.`,
    );
  }
  const clean = eraser.json(old) as SegmentManifest;
  if (pairs === 0 && clean === old) return null;
  const segment = newSegmentId(old.segment, erasure);
  const { openedAt, closedAt, firstTs, lastTs, pairs: lines } = old;
  const manifest: SegmentManifest = {
    ...{ ...clean, tenant: old.tenant, openedAt, closedAt, firstTs, lastTs, pairs: lines },
    ...{ segment, key: segmentKey(old.tenant, segment, old.openedAt), frames, rawBytes },
  };
  return {
    old: old.segment,
    bytes: Buffer.concat([...parts, encodeManifest(manifest)]),
    manifest,
    pairs,
    paths,
  };
}

/** As the index has it. */
const pathOf = (pair: RRPair) => requestLine(pair).path;

/** A word of the record's own form, such as `headers`, cannot be taken out of it. */
function checked(line: string): RRPair {
  const parsed = RRPair.safeParse(JSON.parse(line));
  if (parsed.success) return parsed.data;
  throw new OperatingError(
    'value_too_common',
    'The value is a word that records are made of, so that taking it out would leave none readable; erase a longer one.',
  );
}

/** The id of the segment that stands for another after an erasure: the same each time, and of the same age. */
export function newSegmentId(old: string, erasure: string): string {
  const digest = createHash('sha256').update(`${erasure} ${old}`).digest('hex');
  const variant = ((Number.parseInt(digest[3]!, 16) & 3) | 8).toString(16);
  return `${old.slice(0, 13)}-7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`;
}

async function eraseSnapshotFile(
  { store, tenant, eraser }: EraseWork,
  key: string,
  erased: Erased,
): Promise<void> {
  const file = await readIfThere(store, key);
  if (file === null) return;
  erased.scannedBytes += file.length;
  const isPacked = key.endsWith(`/${ARTIFACTS.pairs}`);
  const text = isPacked ? await unpacked(file, key) : file.toString('utf8');
  if (!eraser.mayHold(text)) return;
  const clean = key.endsWith('.json') ? cleanJson(text, eraser) : cleanLines(text, eraser);
  if (clean === text) return;
  await store.put(key, isPacked ? packed(clean) : Buffer.from(clean));
  const snapshot = key.slice(`${tenant}/snapshots/`.length).split('/')[0]!;
  if (!erased.snapshots.includes(snapshot)) erased.snapshots.push(snapshot);
}

function cleanJson(text: string, eraser: ValueEraser): string {
  const parsed: unknown = JSON.parse(text);
  const clean = eraser.json(parsed);
  return clean === parsed ? text : `${JSON.stringify(clean, null, 2)}\n`;
}

const cleanLines = (text: string, eraser: ValueEraser) =>
  text
    .split('\n')
    .map((line) => (line === '' ? line : eraser.line(line)))
    .join('\n');

/** All frames: Node's decoder ends with the first one. */
async function unpacked(file: Buffer, key: string): Promise<string> {
  const contents: Buffer[] = [];
  for await (const content of zstdContents(one(file), key)) contents.push(content);
  return Buffer.concat(contents).toString('utf8');
}

async function* one(file: Buffer): AsyncGenerator<Buffer> {
  yield file;
}

function packed(text: string): Buffer {
  const lines = text.trimEnd().split('\n');
  const frames: Buffer[] = [];
  for (let at = 0; at < lines.length; at += LINES_PER_FRAME) {
    const chunk = lines.slice(at, at + LINES_PER_FRAME);
    frames.push(zstdCompressSync(Buffer.from(`${chunk.join('\n')}\n`)));
  }
  return Buffer.concat(frames);
}
