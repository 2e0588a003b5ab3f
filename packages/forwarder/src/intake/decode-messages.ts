// The messages of a stream (a WebSocket's) as an RRPair keeps them: text readable, everything else as base64, sizes of
// what was not kept. Pure; it must not know which protocol they came from.
import { isUtf8 } from 'node:buffer';
import { type RRPair, storeBody } from '@echoplane/traffic';
import type { CapturedPair, StreamMessage } from '@echoplane/wire';

type StoredMessage = NonNullable<RRPair['messages']>[number];

const MAX_KIND = 32;

/** Messages and part of a captured pair, as far as it has them; older senders leave both out. */
export function streamOf({ messages, part }: CapturedPair): Pick<RRPair, 'messages' | 'part'> {
  return {
    ...(messages && messages.length > 0 ? { messages: messages.map(storedMessage) } : {}),
    ...(part ? { part: { index: part.index, last: part.last } } : {}),
  };
}

/** Whether every number and name in them is in the range its schema wants. */
export function isSoundStream({ messages, part }: CapturedPair): boolean {
  if (part && !isCount(part.index)) return false;
  return (messages ?? []).every(
    ({ from, kind, offsetUs, size }) =>
      (from === 'client' || from === 'server') &&
      kind.length > 0 &&
      kind.length <= MAX_KIND &&
      isCount(offsetUs) &&
      isCount(size),
  );
}

/** Bytes of one side's messages that were not kept. */
export function lostOf(messages: readonly StreamMessage[] | undefined, from: StreamMessage['from']): number {
  let lost = 0;
  for (const one of messages ?? []) if (one.from === from) lost += Math.max(0, one.size - one.data.length);
  return lost;
}

function storedMessage({ from, kind, offsetUs, size, data }: StreamMessage): StoredMessage {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const message = { from, kind, offsetUs, size: Math.max(size, bytes.length) };
  if (bytes.length === 0) return message;
  if (kind !== 'text') return { ...message, base64: bytes.toString('base64') };
  const { text, json, base64 } = storeBody(bytes.length < size ? wholeCharacters(bytes) : bytes, '');
  if (text !== undefined) return { ...message, text };
  return json === undefined ? { ...message, base64: base64 ?? '' } : { ...message, json };
}

/** A text that was cut may end within a character: up to three bytes less are text again. */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let less = 0; less < 4 && less < bytes.length; less++) {
    const whole = bytes.subarray(0, bytes.length - less);
    if (isUtf8(whole)) return whole;
  }
  return bytes;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
