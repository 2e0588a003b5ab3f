// Writes an answer piece by piece: at the recorded times, no faster than the client takes it, and broken off where chaos says
// so. It must not know where pieces and endings come from.
import type { Clock } from '@echoplane/runtime';
import type { Ending } from './chaos.ts';
import type { Piece } from './paced-body.ts';
import type { Reply } from './reply.ts';
import type { Turn } from './turn.ts';

/** An answer that hangs is let go after this, for clients without a timeout of their own. */
const MAX_STALL_MS = 600_000;

export interface Delivery {
  reply: Reply;
  /** Of the reply's body. */
  pieces: readonly Piece[];
  ending: Ending | null;
  clock: Clock;
  /** Aborting it ends the waits. */
  signal: AbortSignal;
}

/** Whether the client took all of the answer; never when an ending broke it off. */
export async function deliver(turn: Turn, delivery: Delivery): Promise<boolean> {
  const { reply, ending, clock } = delivery;
  if (ending?.type === 'reset') turn.reset();
  if (ending?.type === 'close') turn.destroy();
  if (ending?.type === 'reset' || ending?.type === 'close') return false;
  const bytes = reply.body.length;
  const limit = ending ? Math.min(ending.bytes ?? bytes >> 1, bytes) : bytes;
  const signal = AbortSignal.any([delivery.signal, turn.left]);
  const isBare = bytes === 0 && reply.trailers.length === 0 && !ending;
  const stream = turn.open(reply, { endsHere: isBare });
  const firstByteUs = clock.nowUs();
  let written = 0;
  for (const piece of delivery.pieces) {
    const part = piece.bytes.subarray(0, limit - written);
    if (part.length === 0) break;
    const waitMs = (firstByteUs + piece.atUs - clock.nowUs()) / 1000;
    if (waitMs > 0) await clock.sleep(waitMs, signal);
    if (signal.aborted || !(await stream.write(part))) return brokenOff(turn);
    written += part.length;
  }
  if (!ending) return stream.end(reply.trailers);
  if (ending.type === 'stall') await clock.sleep(MAX_STALL_MS, signal);
  return brokenOff(turn);
}

function brokenOff(turn: Turn): false {
  turn.destroy();
  return false;
}
