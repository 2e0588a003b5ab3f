// RRPairs from segments: one range read for each frame, decoded once, and a check that the line is the pair that the index
// says it is. It knows the object store and the segment format, no database and no request.
import { type ObjectStore, OperatingError } from '@echoplane/runtime';
import { decodeFrame, type FramePosition, MAX_FRAME_BYTES, RRPair } from '@echoplane/traffic';

export interface PairPosition extends FramePosition {
  id: string;
}

/** Reads pairs one after the other; positions of one frame that follow each other cost one read. */
export class PairReader {
  readonly #store: ObjectStore;
  #frame: { name: string; lines: string[] } | null = null;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async read(key: string, position: PairPosition): Promise<RRPair> {
    // By place, not by number: an object that a delivery stream wrote holds frames of several segments.
    const name = `${key} ${position.frameOffset}`;
    if (this.#frame?.name !== name) this.#frame = { name, lines: await this.#readFrame(key, position) };
    const line = this.#frame.lines[position.line];
    const pair = line === undefined ? null : parsePair(line);
    if (pair?.id !== position.id) throw damaged(key, position);
    return pair;
  }

  async #readFrame(key: string, position: PairPosition): Promise<string[]> {
    // The length is what a data plane said: it must not take the memory of who reads.
    if (position.frameLength > MAX_FRAME_BYTES) throw damaged(key, position);
    const bytes = await this.#store.read(key, position.frameOffset, position.frameLength);
    try {
      return decodeFrame(bytes);
    } catch (cause) {
      throw damaged(key, position, cause);
    }
  }
}

function parsePair(line: string): RRPair | null {
  try {
    return RRPair.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

/** One pair. Throws ObjectMissing, or OperatingError when the segment does not hold it where the index says. */
export function readPair(store: ObjectStore, key: string, position: PairPosition): Promise<RRPair> {
  return new PairReader(store).read(key, position);
}

function damaged(key: string, { frame, line, id }: PairPosition, cause?: unknown): OperatingError {
  return new OperatingError(
    'segment_damaged',
    `The segment ${key} does not hold the RRPair ${id} at frame ${frame}, line ${line}; restore it from a copy of the store.`,
    { cause },
  );
}
