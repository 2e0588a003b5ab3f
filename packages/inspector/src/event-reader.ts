// One stream of events, read to its end: it ends when it falls silent, and when an event is longer than any may be. What is
// unread while an event is taken stays in the sockets. It must not know what events say.
import type { Readable } from 'node:stream';
import { type Clock, OperatingError } from '@echoplane/runtime';
import { createParser } from 'eventsource-parser';

/** The control plane pings every 15 s at the latest. */
const SILENCE_MS = 45_000;
/** Longest event, in characters: a command of 1 MiB in an envelope has 1.4 million. */
const MAX_EVENT = 2 << 20;

export interface EventReaderOptions {
  open(signal: AbortSignal): Promise<Readable>;
  /** The stream is open. */
  opened(): void;
  /** Takes the data of a command; nothing is read meanwhile. */
  take(data: string): Promise<void>;
  clock: Clock;
}

/** Throws what ended the stream, also what `take` throws. */
export async function readEvents(
  { open, opened, take, clock }: EventReaderOptions,
  signal: AbortSignal,
): Promise<void> {
  const silence = new AbortController();
  const stream = await open(AbortSignal.any([signal, silence.signal]));
  opened();
  let heardUs = clock.nowUs();
  let isTaking = false;
  const watch = setInterval(() => {
    const isSilent = clock.nowUs() - heardUs > SILENCE_MS * 1_000;
    if (isSilent && !isTaking) silence.abort(new Error('the stream fell silent'));
  }, SILENCE_MS / 3);
  const waiting: string[] = [];
  const parser = createParser({
    maxBufferSize: MAX_EVENT,
    onEvent: ({ event, data }) => void (event === 'command' && waiting.push(data)),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded')
        throw new OperatingError('event_too_large', `An event has more than ${MAX_EVENT} characters.`);
    },
  });
  try {
    for await (const chunk of stream.setEncoding('utf8')) {
      parser.feed(chunk as string);
      isTaking = true;
      for (const data of waiting.splice(0)) await take(data);
      isTaking = false;
      heardUs = clock.nowUs();
    }
  } finally {
    clearInterval(watch);
    stream.destroy();
  }
}
