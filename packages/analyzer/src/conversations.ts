// WebSockets: the upgrade is a test or a mock, and what was said on its connection is recorded in parts behind it. Finds the
// upgrade of each part; the messages travel as lines that sort to it. Pure.
import { type RRPair, StreamMessage } from '@echoplane/traffic';
import { EDGE, edgeLine } from './tokens.ts';
import { sortable } from './workspace.ts';

const MAX_OPEN = 20_000;
/** Kept of one conversation. */
const MAX_CHARS = 16 << 20;

interface Opened {
  pair: number;
  ts: number;
  chars: number;
}

export class Conversations {
  readonly #open = new Map<string, Opened>();

  /** A pair with an answer: an upgrade begins a conversation on its connection. */
  opened(pair: RRPair, number: number): void {
    if (pair.response?.status !== 101) return;
    if (this.#open.size >= MAX_OPEN) this.#open.delete(this.#open.keys().next().value!);
    this.#open.set(keyOf(pair), { pair: number, ts: pair.ts, chars: 0 });
  }

  /** The line of a part's messages; null when it is no part of a conversation that was seen to begin. */
  part(pair: RRPair): string | null {
    if (pair.protocol !== 'websocket' || !pair.messages || pair.gaps) return null;
    const opened = this.#open.get(keyOf(pair));
    if (!opened) return null;
    const shiftUs = Math.max(0, pair.ts - opened.ts);
    const messages = JSON.stringify(
      pair.messages.map((one) => ({ ...one, offsetUs: one.offsetUs + shiftUs })),
    );
    opened.chars += messages.length;
    if (opened.chars > MAX_CHARS) return null;
    return edgeLine(opened.pair, EDGE.messages, sortable(pair.part?.index ?? 0), messages);
  }
}

/** The messages of a line, its fields behind number and kind. */
export function messagesOf(fields: readonly string[]): StreamMessage[] {
  return StreamMessage.array().parse(JSON.parse(fields[1]!));
}

function keyOf({ direction, connection }: RRPair): string {
  return `${direction} ${connection.id}`;
}
