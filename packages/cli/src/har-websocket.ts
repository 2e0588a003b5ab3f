// The messages of a WebSocket in a HAR entry (`_webSocketMessages` of Chromium and Playwright) as the parts of a stream:
// pairs behind the one of its upgrade. Pure but for the ids, which are the caller's.
import type { CapturedPair, StreamMessage } from '@echoplane/wire';

/** Bounds of a part as the sidecar has them, and what is kept of one message. */
const PART_MESSAGES = 256;
const PART_BYTES = 2 << 20;
const MESSAGE_BYTES = 1 << 20;
/** Times are seconds since the epoch in Chromium and milliseconds in Playwright; nothing was recorded before 1973. */
const FIRST_MS = 1e11;
const KINDS: Record<number, string> = { 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' };

interface Timed extends Omit<StreamMessage, 'offsetUs'> {
  atUs: number;
}

/** The parts of the WebSocket that `upgrade` opened; none when the file has no messages of it. */
export function webSocketParts(
  upgrade: CapturedPair,
  messages: unknown,
  { newId, shiftUs }: { newId(tsUs: number): string; shiftUs: number },
): CapturedPair[] {
  const timed = (Array.isArray(messages) ? messages : []).flatMap((one) => timedMessage(one, shiftUs));
  const parts = cut(timed);
  return parts.map((part, index) => {
    const tsUs = part[0]!.atUs;
    const bytes = (from: string) =>
      part.filter((one) => one.from === from).reduce((sum, { size }) => sum + size, 0);
    return {
      ...upgrade,
      id: newId(tsUs),
      tsUs,
      durationUs: Math.max(0, part.at(-1)!.atUs - tsUs),
      ttfbUs: -1,
      protocol: 'websocket',
      seq: upgrade.seq + 1,
      ...{ request: null, response: null, sentBytes: bytes('client'), receivedBytes: bytes('server') },
      messages: part.map(({ atUs, ...one }) => ({ ...one, offsetUs: Math.max(0, atUs - tsUs) })),
      part: { index, last: index === parts.length - 1 },
    };
  });
}

function cut(messages: readonly Timed[]): Timed[][] {
  const parts: Timed[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const open = parts.at(-1);
    bytes += message.data.length;
    if (open && open.length < PART_MESSAGES && bytes <= PART_BYTES) {
      open.push(message);
    } else {
      parts.push([message]);
      bytes = message.data.length;
    }
  }
  return parts;
}

function timedMessage(value: unknown, shiftUs: number): Timed[] {
  const { type, time, opcode, data } = (value ?? {}) as Record<string, unknown>;
  if (typeof time !== 'number' || !Number.isFinite(time) || time <= 0 || typeof data !== 'string') return [];
  const kind = KINDS[Number(opcode)] ?? 'binary';
  const bytes = Buffer.from(data, kind === 'text' ? 'utf8' : 'base64');
  return [
    {
      from: type === 'send' ? 'client' : 'server',
      kind,
      atUs: Math.round(time * (time < FIRST_MS ? 1e6 : 1e3)) + shiftUs,
      size: bytes.length,
      data: bytes.subarray(0, MESSAGE_BYTES),
    },
  ];
}
