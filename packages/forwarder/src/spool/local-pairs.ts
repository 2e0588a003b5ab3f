// Finds RRPairs that are still on this disk: in the open segment, in one that waits to be shipped, in the ring. Reads
// only; it must not know who asks, or the store.
import { decodeFrame, type FramePosition, MAX_FRAME_BYTES, RRPair } from '@echoplane/traffic';
import type { ShipLine } from '../lines/ship-line.ts';
import type { Ring } from './ring.ts';
import { framesOf } from './segment-reading.ts';
import { openedAtOf } from './segment-summary.ts';
import type { Spool } from './spool.ts';
import { readAt } from './spool-files.ts';

export interface LocalFiles {
  spool: Pick<Spool, 'openSegment'>;
  shipLine: Pick<ShipLine, 'find'>;
  ring: Pick<Ring, 'files'>;
}

/** The pair at its position, or null when its segment is not here any more. */
export async function localPair(
  files: LocalFiles,
  id: string,
  { segment, frameOffset, frameLength, line }: FramePosition,
): Promise<RRPair | null> {
  if (frameLength > MAX_FRAME_BYTES) return null;
  // A file may be moved or removed while it is looked at: then it is found in its next place, or not at all.
  for (let look = 0; look < 2; look++) {
    const path = pathOf(files, segment);
    if (path === null) return null;
    const bytes = await readAt(path, frameOffset, frameLength).catch(() => null);
    const pair = bytes && pairIn(bytes, line);
    if (pair?.id === id) return pair;
  }
  return null;
}

/** Null when there is none, or bytes are not those of a frame: positions come from elsewhere. */
function pairIn(frame: Buffer, line: number): RRPair | null {
  try {
    return RRPair.parse(JSON.parse(decodeFrame(frame)[line] ?? 'null'));
  } catch {
    return null;
  }
}

/** Which of these ids are in segments opened since, here or shipped from here. */
export async function storedIds(
  files: LocalFiles & { shipLine: { segments(): readonly { id: string }[] } },
  ids: ReadonlySet<string>,
  sinceUs: number,
): Promise<ReadonlySet<string>> {
  const { spool, shipLine, ring } = files;
  const open = spool.openSegment;
  const shipped = ring.files.filter((file) => !file.held).map(({ segment }) => segment);
  const waiting = shipLine.segments().map(({ id }) => id);
  const found = new Set<string>();
  for (const segment of new Set([...shipped, ...waiting, ...(open ? [open.id] : [])])) {
    if (openedAtOf(segment) < sinceUs) continue;
    // As above: what was closed or shipped while others were read is in its next place.
    for (let look = 0; look < 3; look++) {
      const path = pathOf(files, segment);
      if (path === null || (await findIn(path, ids, found))) break;
    }
  }
  return found;
}

/** False when the file is not there any more. */
async function findIn(path: string, ids: ReadonlySet<string>, found: Set<string>): Promise<boolean> {
  try {
    for await (const { data } of framesOf(path)) {
      for (const line of decodeFrame(data)) {
        const pair = JSON.parse(line) as RRPair;
        if (ids.has(pair.id)) found.add(pair.id);
      }
    }
    return true;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw err;
  }
}

function pathOf({ spool, shipLine, ring }: LocalFiles, segment: string): string | null {
  if (spool.openSegment?.id === segment) return spool.openSegment.path;
  const waiting = shipLine.find(segment);
  return waiting?.path ?? ring.files.find((file) => file.segment === segment)?.path ?? null;
}
