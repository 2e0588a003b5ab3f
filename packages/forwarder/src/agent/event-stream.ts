// The stream of events from the control plane: one connection, opened by us, read until it ends, falls silent or says too
// much. It waits for whoever takes an event before it reads on, so what is unread stays in the sockets. It must not
// know what events mean.
import { type ApiClient, STREAM_EVENTS, type StreamEvent } from '@echoplane/api';
import { type Clock, OperatingError } from '@echoplane/runtime';
import { createParser } from 'eventsource-parser';
import { within } from './deadline.ts';

/** The control plane pings every 15 s at the latest. */
export const SILENCE_MS = 45_000;
/** Longest event, in characters: a command of 1 MiB in an envelope has 1.4 million. */
export const MAX_EVENT = 2 << 20;
const JITTER = { minMs: 1_000, firstMs: 5_000, maxMs: 30_000 };

export interface AgentEvent {
  kind: StreamEvent;
  /** Text of the event; that of a command or of configuration is a signed envelope. */
  data: string;
}

export interface EventStreamOptions {
  client: ApiClient;
  clock: Clock;
  agent: string;
  /** The stream is open. */
  opened(): void;
  take(event: AgentEvent): Promise<void>;
}

/** Reads one stream to its end. Throws what ended it; kinds of events that are not known are passed over. */
export async function followEvents(options: EventStreamOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, agent } = options;
  const limit = { clock, ms: SILENCE_MS, what: 'the silence of the agent stream' };
  const ended = new AbortController();
  const connection = AbortSignal.any([signal, ended.signal]);
  try {
    const response = await within(limit, connection, () =>
      client.stream('agentStream', { query: { agent } }, connection),
    );
    const reader = bodyOf(response).getReader();
    options.opened();
    const parser = new EventReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await within(limit, connection, () => reader.read());
      if (done) return;
      for (const event of parser.feed(decoder.decode(value, { stream: true }))) await options.take(event);
    }
  } finally {
    ended.abort();
  }
}

/** ms before attempt `attempt` (from 1) to connect again: full jitter, so that many agents do not return at once. */
export function reconnectMs(attempt: number, random: number): number {
  const { minMs, firstMs, maxMs } = JITTER;
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 10));
  return minMs + (ceiling - minMs) * random;
}

/** Text in, events out; an event that is too long ends the stream. */
class EventReader {
  #events: AgentEvent[] = [];
  #overflow = false;
  readonly #parser = createParser({
    maxBufferSize: MAX_EVENT,
    onEvent: ({ event, data }) => {
      const kind = STREAM_EVENTS.find((known) => known === event);
      if (data.length > MAX_EVENT) this.#overflow = true;
      else if (kind) this.#events.push({ kind, data });
    },
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') this.#overflow = true;
    },
  });

  feed(text: string): AgentEvent[] {
    this.#parser.feed(text);
    const sentence = `The control plane sent an event of more than ${MAX_EVENT} characters; the stream is opened again.`;
    if (this.#overflow) throw new OperatingError('event_too_large', sentence);
    return this.#events.splice(0);
  }
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  const type = response.headers.get('content-type') ?? '';
  if (response.body && /^text\/event-stream\b/i.test(type)) return response.body;
  const sentence = `What answers at the address of the control plane sends ${type || 'nothing'} instead of the agent stream; let proxies and ingresses on the way pass it through.`;
  throw new OperatingError('not_an_event_stream', sentence);
}
