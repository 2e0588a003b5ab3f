// WebSockets: the upgrade is a test or a mock, and what was said on its connection is recorded in parts behind it. Finds the
// upgrade of each part; the messages travel as lines that sort to it. What is handed out in them and sent in them is of the
// upgrade's test. Pure.
import { responseLeaves, saidPath } from '@echoplane/replay';
import { type RRPair, StreamMessage } from '@echoplane/traffic';
import { EDGE, edgeLine } from './tokens.ts';
import { eventLine, piecesOf, ROLE, type ValueKeys } from './value-events.ts';
import { sortable } from './workspace.ts';

const MAX_OPEN = 20_000;
/** Kept of one conversation. */
const MAX_CHARS = 16 << 20;

interface Opened {
  pair: number;
  id: string;
  ts: number;
  chars: number;
  /** The request, as people name it. */
  where: string;
  /** Data messages of either side so far. */
  said: Record<StreamMessage['from'], number>;
}

/** A part of a conversation: the line of its messages, and those of the generated values in them. */
export interface SpokenPart {
  edge: string;
  values: string[];
}

export class Conversations {
  readonly #open = new Map<string, Opened>();

  /** A pair with an answer: an upgrade begins a conversation on its connection. */
  opened(pair: RRPair, number: number, where: string): void {
    if (pair.response?.status !== 101) return;
    if (this.#open.size >= MAX_OPEN) this.#open.delete(this.#open.keys().next().value!);
    const said = { client: 0, server: 0 };
    this.#open.set(keyOf(pair), { pair: number, id: pair.id, ts: pair.ts, chars: 0, where, said });
  }

  /** What is said in a part; null when it is no part of a conversation that was seen to begin. */
  part(pair: RRPair, keys: ValueKeys): SpokenPart | null {
    if (pair.protocol !== 'websocket' || !pair.messages || pair.gaps) return null;
    const opened = this.#open.get(keyOf(pair));
    if (!opened) return null;
    const shiftUs = Math.max(0, pair.ts - opened.ts);
    const messages = JSON.stringify(
      pair.messages.map((one) => ({ ...one, offsetUs: one.offsetUs + shiftUs })),
    );
    opened.chars += messages.length;
    if (opened.chars > MAX_CHARS) return null;
    return {
      edge: edgeLine(opened.pair, EDGE.messages, sortable(pair.part?.index ?? 0), messages),
      values:
        pair.direction === 'IN' ? pair.messages.flatMap((one) => valuesOf(one, pair, opened, keys)) : [],
    };
  }
}

/** The generated values of a message, as occurrences in the upgrade. */
function valuesOf(message: StreamMessage, { ts }: RRPair, opened: Opened, keys: ValueKeys): string[] {
  const { from, kind, offsetUs, ...body } = message;
  if (kind !== 'text' && kind !== 'binary') return [];
  const n = opened.said[from]++;
  const leaves = responseLeaves({ status: 101, headers: [], body: { encoding: 'identity', ...body } });
  const inBody = leaves.filter(({ path }) => path.startsWith('body'));
  const isServer = from === 'server';
  const about = { pair: opened.pair, id: opened.id, timeUs: ts + offsetUs };
  return piecesOf(inBody).map(({ value, kind: of, path }) =>
    eventLine({
      ...{ ...about, key: keys.of(value), kind: of, path: saidPath(n, path) },
      ...{ role: isServer ? ROLE.service : ROLE.client, where: isServer ? opened.where : '' },
      value: isServer ? value : '',
    }),
  );
}

/** The messages of a line, its fields behind number and kind. */
export function messagesOf(fields: readonly string[]): StreamMessage[] {
  return StreamMessage.array().parse(JSON.parse(fields[1]!));
}

function keyOf({ direction, connection }: RRPair): string {
  return `${direction} ${connection.id}`;
}
