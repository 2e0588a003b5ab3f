// Commands that are about this forwarder's own disk: ship what is open, bring back what the ring holds, take a value out
// of ring and spool. It must not know how commands arrive, or the store.
import { ValueEraser } from '@echoplane/archive';
import { OperatingError } from '@echoplane/runtime';
import { decodeFrame } from '@echoplane/traffic';
import type { CommandHandlers } from './agent/command-handlers.ts';
import type { Flow } from './flow.ts';
import { storedIds } from './spool/local-pairs.ts';
import { recall } from './spool/recall.ts';
import { framesIfThere } from './spool/segment-reading.ts';
import { openedAtOf } from './spool/segment-summary.ts';

const FLUSH_DEADLINE_MS = 60_000;
/** A segment that was open when the command was made was opened at most this long before. */
const LONGEST_OPEN_US = 86_400_000_000;

/** Handlers of `flush` and `recall`. */
export function flowHandlers(flow: Flow): Pick<CommandHandlers, 'flush' | 'recall'> {
  return {
    flush: async () => ({ flushed: await flow.flush(FLUSH_DEADLINE_MS) }),
    async recall(body, { id, resumed, signal }) {
      const since = openedAtOf(id) - LONGEST_OPEN_US;
      const ruleVersion = flow.refinery.ruleVersion;
      const result = await recall(flow.ring, body, {
        ...{ id, resumed, signal },
        store: (refined) =>
          flow.store({ ...{ stream: null, seq: 0, report: null, refined, undecodable: 0, ruleVersion } }),
        stored: (ids) => storedIds(flow, ids, since),
      });
      return { ...result, segment: result.pairs === 0 ? null : (flow.spool.openSegment?.id ?? null) };
    },
  };
}

/**
 * Takes the values out of spool and ring: what is in the spool is shipped first, where the erasure of the store finds it;
 * files of the ring that hold one are removed whole. Throws OperatingError when the spool cannot be emptied.
 */
export async function eraseLocal(
  flow: Flow,
  values: readonly string[],
  signal: AbortSignal,
): Promise<{ pairs: number }> {
  if (!(await flow.flush(FLUSH_DEADLINE_MS))) {
    throw new OperatingError(
      'spool_not_empty',
      'The spool could not be shipped, so the value may still be in it; look at lag in /status and erase again.',
    );
  }
  await flow.ring.flush();
  const eraser = new ValueEraser(values);
  let pairs = 0;
  for (const file of [...flow.ring.files]) {
    const found = await linesWith(eraser, file.path, signal);
    if (found > 0) await flow.ring.remove(file);
    pairs += found;
  }
  return { pairs };
}

async function linesWith(eraser: ValueEraser, path: string, signal: AbortSignal): Promise<number> {
  let found = 0;
  for await (const { data } of framesIfThere(path)) {
    signal.throwIfAborted();
    for (const line of decodeFrame(data)) if (eraser.mayHold(line)) found++;
  }
  return found;
}
