// A recorded conversation (a WebSocket's, a call's with streams) played from the server's side: what is said after which message
// of the client, and whether the client says what it said then. Pure; it must not know sockets or clocks.
import { atomsIn, bodyLeaves, kindOf, type Leaf, shapeOf } from '@echoplane/replay';
import type { Body, HeaderList, StreamMessage } from '@echoplane/traffic';

/** Something the server said: `afterUs` counts from the client's message it follows, or from the beginning. */
export interface Saying {
  message: StreamMessage;
  afterUs: number;
}

export interface Heard {
  /** The first difference to what was recorded, `message[2].body.id: 17 → 18`; null: none. */
  difference: string | null;
  /** Recorded generated values and what stands in their place now. */
  learned: [recorded: string, live: string][];
  /** What the server said to it. */
  says: Saying[];
}

/** Kinds that only carry the conversation: they are answered by whoever ends the protocol. */
const CARRIERS = new Set(['ping', 'pong', 'close']);

export class Conversation {
  /** Turns: a message of the client (none before the first) and what the server said until the client's next. */
  readonly #turns: { asked: StreamMessage | null; says: Saying[] }[] = [{ asked: null, says: [] }];
  /** Say what the messages are, as a body's headers do. */
  readonly #headers: HeaderList;
  #heard = 0;

  /** `startUs`: when it began, on the clock of the messages' offsets. */
  constructor(messages: readonly StreamMessage[], startUs = 0, headers: HeaderList = []) {
    this.#headers = headers;
    let sinceUs = startUs;
    let hasClientClosed = false;
    for (const message of messages) {
      if (message.from === 'client') {
        hasClientClosed ||= message.kind === 'close';
        if (CARRIERS.has(message.kind)) continue;
        sinceUs = message.offsetUs;
        this.#turns.push({ asked: message, says: [] });
      } else if (message.kind !== 'pong' && !(message.kind === 'close' && hasClientClosed)) {
        this.#turns.at(-1)!.says.push({ message, afterUs: Math.max(0, message.offsetUs - sinceUs) });
      }
    }
  }

  /** Messages of the client that were recorded and did not come yet. */
  get missing(): number {
    return this.#turns.length - 1 - this.#heard;
  }

  /** What the server said before the client said anything. */
  open(): Saying[] {
    return this.#turns[0]!.says;
  }

  /** The client's next message, in the form of the recording. One that differs is answered as the recorded one was. */
  hear(kind: string, body: Body): Heard {
    const n = this.#heard++;
    const turn = this.#turns[n + 1];
    if (!turn) return { difference: `message[${n}]: absent → ${this.#shown(body)}`, learned: [], says: [] };
    const { asked, says } = turn;
    if (asked!.kind !== kind) {
      return { difference: `message[${n}].kind: ${asked!.kind} → ${kind}`, learned: [], says };
    }
    return { ...this.#compared(bodyOf(asked!), body, `message[${n}].`), says };
  }

  /** The recorded message that comes next; null: none. */
  get next(): StreamMessage | null {
    return this.#turns[this.#heard + 1]?.asked ?? null;
  }

  #shown(body: Body): string {
    const [first] = bodyLeaves(body, this.#headers);
    return first ? `${first.path} ${printed(first)}` : 'an empty message';
  }

  #compared(recorded: Body, live: Body, prefix: string): Omit<Heard, 'says'> {
    const leaves = new Map(bodyLeaves(live, this.#headers).map((leaf) => [leaf.path, leaf]));
    const learned: [string, string][] = [];
    for (const leaf of bodyLeaves(recorded, this.#headers)) {
      const now = leaves.get(leaf.path);
      leaves.delete(leaf.path);
      const pieces = now && learnedFrom(leaf, now);
      if (!pieces)
        return { difference: `${prefix}${leaf.path}: ${printed(leaf)} → ${printed(now)}`, learned };
      learned.push(...pieces);
    }
    const [more] = leaves.values();
    return { difference: more ? `${prefix}${more.path}: absent → ${printed(more)}` : null, learned };
  }
}

/** A message's payload as a body. */
export function bodyOf({ size, text, json, base64 }: StreamMessage): Body {
  const kept = text !== undefined ? { text } : json !== undefined ? { json } : { base64: base64 ?? '' };
  return { size, encoding: 'identity', ...(size > 0 ? kept : {}) };
}

/** The generated pieces that differ; null when more than those does. */
function learnedFrom({ value: recorded }: Leaf, { value: live }: Leaf): [string, string][] | null {
  if (recorded === live) return [];
  if (typeof recorded !== typeof live || kindOf(recorded) === null) return null;
  if (typeof recorded !== 'string' || typeof live !== 'string') {
    return kindOf(recorded) === kindOf(live) ? [] : null;
  }
  if (shapeOf(recorded) !== shapeOf(live)) return null;
  const now = atomsIn(live);
  return atomsIn(recorded)
    .map(({ value }, n): [string, string] => [value, now[n]!.value])
    .filter(([was, is]) => was !== is);
}

function printed(leaf: Leaf | undefined): string {
  return leaf ? JSON.stringify(leaf.value) : 'absent';
}
