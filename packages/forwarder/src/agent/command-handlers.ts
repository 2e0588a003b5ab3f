// The work behind each kind of command, as it is handed in, and what is settled about each kind: which of them may run
// beside each other, and whose results hold recorded traffic.
import type { CommandBody, CommandKind, CommandResults, Positions } from '@echoplane/api';
import type { z } from 'zod';

export interface CommandContext {
  id: string;
  /** Aborts when the forwarder stops; the command is begun again in the next life. */
  signal: AbortSignal;
  /** Whether an earlier life of the forwarder began it: what lies there half done is to be gone on with, or made anew. */
  resumed: boolean;
  /** Says how far it is (0 to 1); may be called as often as one likes, and the last word of a second is told. */
  progress(share: number, message: string): void;
  /** The rows the command works on, page by page in the order of segments and frames. */
  positions(): AsyncIterable<z.infer<typeof Positions>['items']>;
  /** Opens a value that was sealed for this agent. Throws OperatingError when it was not. */
  unseal(sealed: string): Buffer;
}

/**
 * What the data plane can do. A handler that throws OperatingError fails its command with that sentence; any other error
 * is told in the log alone, because its message may quote recorded traffic.
 */
export type CommandHandlers = {
  [K in CommandKind]: (
    body: Extract<CommandBody, { kind: K }>,
    context: CommandContext,
  ) => Promise<z.input<(typeof CommandResults)[K]>>;
};

export type LaneName = 'fast' | 'ring' | 'heavy';
interface KindFacts {
  lane: LaneName;
  /** Then the result is not journalled: it would outlive an erasure. After a crash it is made again. */
  holdsTraffic: boolean;
}

/** A person waits for `fast`; `ring` must come before the ring is overwritten; `heavy` works on the store. */
export const KINDS = {
  'fetch-pair': { lane: 'fast', holdsTraffic: true },
  flush: { lane: 'ring', holdsTraffic: false },
  recall: { lane: 'ring', holdsTraffic: false },
  search: { lane: 'heavy', holdsTraffic: false },
  erase: { lane: 'heavy', holdsTraffic: false },
  'make-snapshot': { lane: 'heavy', holdsTraffic: true },
  'edit-snapshot': { lane: 'heavy', holdsTraffic: true },
  'make-report': { lane: 'heavy', holdsTraffic: true },
} as const satisfies Record<CommandKind, KindFacts>;
