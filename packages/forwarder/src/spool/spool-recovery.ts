// Start-up: what a former life left in the spool folder. An open segment is read up to its first damaged byte, cut
// there, and closed; cursors and counters come back from the state file and the frame headers. Everything found is
// sent to the index again, which changes nothing where it is known.
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, type Logger, OperatingError } from '@echoplane/runtime';
import { type Block, decodeFrame, type RRPair, segmentBlocks, segmentKey } from '@echoplane/traffic';
import { type Ledger, SpoolState } from './ledger.ts';
import { frameRows, openedAtOf, SegmentSummary } from './segment-summary.ts';
import { STATE_FILE } from './spool.ts';
import {
  closeSegmentFile,
  listSegments,
  RING_FOLDER,
  readIfPresent,
  readManifest,
  replaceFile,
  type SpoolFiles,
  type SpoolSegment,
} from './spool-files.ts';

export interface RecoveryOptions {
  files: SpoolFiles;
  tenant: string;
  ledger: Ledger;
  nowUs: number;
  log: Logger;
}

interface OpenRemains {
  segment: SpoolSegment;
  summary: SegmentSummary;
  dataBytes: number;
  hasManifest: boolean;
}

/** Restores the ledger and returns the segments found, all closed, oldest first. */
export async function recoverSpool(options: RecoveryOptions): Promise<SpoolSegment[]> {
  const { files, tenant, ledger, nowUs, log } = options;
  const state = await readState(files);
  if (state) ledger.restore(state, nowUs);
  const segments: SpoolSegment[] = [];
  const remains: OpenRemains[] = [];
  for (const { id, path, closed } of await listSegments(files)) {
    const open = closed ? null : await readRemains({ id, path, tenant }, ledger, nowUs);
    const hasLeft = id === state?.retired.lastSegment;
    const isGone = hasLeft || open?.dataBytes === 0;
    // Shipped, it is the ring's: a recall that goes on looks there for what it brought back already.
    if (hasLeft && !state.lost.some(({ segment }) => segment === id)) await moveToRing(files, id, path);
    else if (isGone) await rm(path);
    else if (open) remains.push(open);
    segments.push(...(isGone ? [] : [open?.segment ?? (await closedSegment({ id, path, tenant }))]));
  }
  // As in the spool: first the state that covers the frame headers, then the closed name. It also keeps the
  // incarnation of a forwarder that never wrote a frame.
  await replaceFile(files, STATE_FILE, JSON.stringify(ledger.state()));
  for (const { segment, summary, dataBytes, hasManifest } of remains) {
    const manifest = summary.manifest(tenant, segment.id, nowUs, ledger.reports());
    await closeSegmentFile(files, segment, dataBytes, hasManifest ? null : manifest);
    log.info({ segment: segment.id, pairs: segment.pairs }, 'a segment was recovered');
  }
  return segments;
}

/** The books of a former life. Without them captured and delivered would begin anew: a damaged file is not passed over. */
async function readState(files: SpoolFiles): Promise<SpoolState | null> {
  const text = await readIfPresent(files, STATE_FILE);
  try {
    return text === null ? null : SpoolState.parse(JSON.parse(text));
  } catch (cause) {
    const sentence = `${files.dir}/${STATE_FILE} cannot be read by this version; start the version that wrote it, or move the file away to begin new books.`;
    throw new OperatingError('spool_state_unreadable', sentence, { cause });
  }
}

interface FoundFile {
  id: string;
  path: string;
  tenant: string;
}

/** What is shipped goes where its manifest says, so that must be a place of this tenant. */
function foreign(path: string): OperatingError {
  const sentence = `${path} is no segment of this spool: it names another segment or tenant; move it away to start.`;
  return new OperatingError('spool_segment_foreign', sentence);
}

async function moveToRing(files: SpoolFiles, id: string, path: string): Promise<void> {
  const folder = join(files.dir, RING_FOLDER);
  await ensureFolder(folder);
  await rename(path, join(folder, `${id}.shipped`));
}

async function closedSegment({ id, path, tenant }: FoundFile): Promise<SpoolSegment> {
  const { pairs, frames, ...manifest } = await readManifest(path);
  const key = segmentKey(tenant, id, openedAtOf(id));
  if (manifest.tenant !== tenant || manifest.segment !== id || manifest.key !== key) throw foreign(path);
  const sizeBytes = (await stat(path)).size;
  return { id, path, closed: true, sizeBytes, pairs, frames, unsettled: 0, refused: 0 };
}

async function readRemains(
  { id, path, tenant }: FoundFile,
  ledger: Ledger,
  nowUs: number,
): Promise<OpenRemains> {
  const summary = new SegmentSummary();
  let dataBytes = 0;
  let hasManifest = false;
  for (const block of wholeBlocks(await readFile(path))) {
    dataBytes = block.end;
    const { tenant: owner, segment } = block.kind === 'manifest' ? block.manifest : block.header;
    if (owner !== tenant || segment !== id) throw foreign(path);
    if (block.kind === 'manifest') {
      hasManifest = true;
      continue;
    }
    const { header, data, dataOffset } = block;
    const { ruleVersion = null, folded = [], withheld = {} } = header;
    const lines = decodeFrame(data);
    const place = { segment: id, number: header.frame, offset: dataOffset, length: header.length };
    const rows = frameRows(
      lines.map((line) => JSON.parse(line) as RRPair),
      place,
      ruleVersion,
    );
    const rawBytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
    summary.add({ rows, folded, withheld }, place, { rawBytes, ruleVersion });
    ledger.replay(header.cursors, header.reports, nowUs);
  }
  const { pairs, frames } = summary;
  const counts = { sizeBytes: dataBytes, pairs, unsettled: 0, refused: 0 };
  return { segment: { id, path, closed: false, frames, ...counts }, summary, dataBytes, hasManifest };
}

/** The blocks before the first damage; a manifest that cannot be read (it has no checksum) counts as damage too. */
function* wholeBlocks(file: Buffer): Generator<Block> {
  try {
    yield* segmentBlocks(file);
  } catch {
    return;
  }
}
