// The capture stream, fuzzed: a damaged one is refused with the documented error or read as far as it is sound, the same way
// however it is cut, and never held beyond one frame.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cut, cuts, damage, holds, within } from '../../../test/stages/fuzz.ts';
import {
  CAPTURE_PREFACE,
  CaptureFrameDecoder,
  CaptureStreamError,
  encodeCaptureFrame,
} from './capture-frames.ts';
import { type CaptureMessage, decodeCaptureMessage, encodeCaptureMessage } from './capture-messages.ts';

const MAX_FRAME_BYTES = 4_096;

const message: fc.Arbitrary<CaptureMessage> = fc.oneof(
  fc.record({ batch: fc.nat() }).map((value) => ({ type: 'ack' as const, value })),
  fc
    .record({ lastBatch: fc.nat(), windowBytes: fc.nat() })
    .map((value) => ({ type: 'welcome' as const, value })),
  fc
    .record({ code: fc.string({ maxLength: 9 }), message: fc.string({ maxLength: 60 }) })
    .map((value) => ({ type: 'refusal' as const, value }) as CaptureMessage),
);

const stream = fc
  .array(message, { minLength: 1, maxLength: 6 })
  .map((messages) => Buffer.concat([CAPTURE_PREFACE, ...messages.map(encodeCaptureFrame)]));

/** What a decoder makes of the pieces: messages, and at most one error at the end. */
function decoded(pieces: readonly Buffer[]): unknown[] {
  const decoder = new CaptureFrameDecoder({ preface: true, maxFrameBytes: MAX_FRAME_BYTES });
  const seen: unknown[] = [];
  try {
    for (const piece of pieces) {
      for (const one of decoder.feed(Buffer.from(piece))) seen.push(JSON.stringify(one));
      within(decoder.heldBytes, 2 * (MAX_FRAME_BYTES + 8) + piece.length, 'heldBytes');
    }
  } catch (error) {
    expect(error).toBeInstanceOf(CaptureStreamError);
    seen.push((error as CaptureStreamError).code);
  }
  return seen;
}

test('CaptureFrameDecoder: the cut does not matter, and damage is its error', () => {
  const property = fc.property(stream, stream, fc.option(damage), cuts, (sound, other, injure, positions) => {
    const bytes = injure?.(sound, other) ?? sound;
    const whole = decoded([bytes]);
    expect(decoded(cut(bytes, positions))).toEqual(whole);
    expect(decoded(cut(bytes, [...bytes.keys()]))).toEqual(whole);
  });
  holds(property);
});

test('decodeCaptureMessage: a damaged payload is read or refused, and reads as what it is written as', () => {
  const property = fc.property(message, message, damage, (one, other, injure) => {
    const { number, payload } = encodeCaptureMessage(one);
    const damaged = injure(Buffer.from(payload), Buffer.from(encodeCaptureMessage(other).payload));
    let read: CaptureMessage | null = null;
    try {
      read = decodeCaptureMessage(number, damaged);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
      return;
    }
    if (!read) return;
    const again = encodeCaptureMessage(read);
    expect(decodeCaptureMessage(again.number, Buffer.from(again.payload))).toEqual(read);
  });
  holds(property);
});
