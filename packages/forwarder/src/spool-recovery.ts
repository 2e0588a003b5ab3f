// Start-up: what a former life left in the spool folder. An open segment is read up to its first damaged byte, cut
// there, and closed; cursors and counters come back from the state file and the frame headers. Everything found is
// sent to the index again, which changes nothing where it is known.
import { readFile, rm, stat } from 'node:fs/promises';
import type { Logger } from '@echoplane/runtime';
import { type Block, decodeFrame, type RRPair, segmentBlocks } from '@echoplane/traffic';
import { type Ledger, SpoolState } from './ledger.ts';
import { SegmentSummary } from './segment-summary.ts';
import { STATE_FILE } from './spool.ts';
import {
  closeSegmentFile,
  listSegments,
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
  const text = await readIfPresent(files, STATE_FILE);
  const state = text === null ? null : SpoolState.parse(JSON.parse(text));
  if (state) ledger.restore(state, nowUs);
  const segments: SpoolSegment[] = [];
  const remains: OpenRemains[] = [];
  for (const { id, path, closed } of await listSegments(files)) {
    const open = closed ? null : await readRemains(id, path, ledger, nowUs);
    const isGone = id === state?.retired.lastSegment || open?.dataBytes === 0;
    if (isGone) await rm(path);
    else if (open) remains.push(open);
    segments.push(...(isGone ? [] : [open?.segment ?? (await closedSegment(id, path))]));
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

async function closedSegment(id: string, path: string): Promise<SpoolSegment> {
  const { pairs, frames } = await readManifest(path);
  const sizeBytes = (await stat(path)).size;
  return { id, path, closed: true, sizeBytes, pairs, frames, delivered: 0, refused: 0 };
}

async function readRemains(id: string, path: string, ledger: Ledger, nowUs: number): Promise<OpenRemains> {
  const summary = new SegmentSummary();
  let dataBytes = 0;
  let hasManifest = false;
  for (const block of wholeBlocks(await readFile(path))) {
    dataBytes = block.end;
    if (block.kind === 'manifest') {
      hasManifest = true;
      continue;
    }
    const { header, data, dataOffset } = block;
    const lines = decodeFrame(data);
    const pairs = lines.map((line) => JSON.parse(line) as RRPair);
    const rawBytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
    summary.add(
      pairs,
      { segment: id, number: header.frame, offset: dataOffset, length: header.length },
      rawBytes,
    );
    ledger.replay(header.cursors, header.reports, nowUs);
  }
  const { pairs, frames } = summary;
  const counts = { sizeBytes: dataBytes, pairs, delivered: 0, refused: 0 };
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
