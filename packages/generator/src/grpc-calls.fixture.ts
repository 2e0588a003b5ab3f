// Recorded sides of gRPC calls, of messages with one text field. For tests only.
import type { Body } from '@echoplane/traffic';

const HEAD_BYTES = 5;

/** A protobuf message with one text field. */
export function textMessage(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)]);
}

export function textOf(message: Buffer): string {
  return message.subarray(2).toString();
}

/** The frames of such messages. */
export function framed(texts: readonly string[]): Buffer {
  const frames = texts.flatMap((text) => {
    const message = textMessage(text);
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32BE(message.length, 1);
    return [head, message];
  });
  return Buffer.concat(frames);
}

/** Messages with when they came, µs after the call's start. */
export type Timed = readonly (readonly [text: string, atUs: number])[];

/** The body of one side of a call. */
export function bodyOf(messages: Timed): Body {
  const bytes = framed(messages.map(([text]) => text));
  const chunks = messages.map(([text, atUs]): [number, number] => [framed([text]).length, atUs]);
  return { size: bytes.length, encoding: 'identity', base64: bytes.toString('base64'), chunks };
}
