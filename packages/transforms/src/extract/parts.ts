// Extractors of parts of a body that is no JSON: of multipart forms, of gRPC messages.
import { bodyBytes, header } from '@echoplane/traffic';
import { z } from 'zod';
import { openCoding } from '../content-coding.ts';
import { defineExtractor, of, type Place } from '../extractor-kind.ts';
import type { Draft, Side } from '../message.ts';
import { FIELD_TYPES, readField, writeField } from '../protobuf-field.ts';
import { bytesOf, fromBytes, miss } from '../value.ts';

export const multipart = defineExtractor(
  'multipart',
  'The content of a part of a multipart form.',
  { of: of(), part: z.string().min(1).max(1_000).describe('Name of the part.') },
  ({ of: chosen, part }, setting): Place => {
    const side = chosen ?? setting.side;
    return {
      path: `${side}.body.part.${part}`,
      read: (draft) => {
        const found = findPart(draft, side, part);
        return found && fromBytes(found.bytes.subarray(found.start, found.end));
      },
      write: (draft, value) => {
        const { bytes, start, end } = findPart(draft, side, part)!;
        const made = Buffer.concat([bytes.subarray(0, start), bytesOf(value), bytes.subarray(end)]);
        draft.setBody(side, made, false);
      },
    };
  },
);

interface Part {
  bytes: Buffer;
  start: number;
  end: number;
}

function findPart(draft: Draft, side: Side, name: string): Part | undefined {
  const message = draft.side(side);
  const body = draft.body(side, false);
  const type = message && header(message.headers, 'content-type');
  const boundary = /^multipart\/.*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type ?? '');
  if (!boundary || body === undefined) return undefined;
  const bytes = bytesOf(body);
  const line = Buffer.from(`--${boundary[1] ?? boundary[2]}`);
  for (let at = bytes.indexOf(line); at >= 0; ) {
    const next = bytes.indexOf(line, at + line.length);
    const headersEnd = bytes.indexOf('\r\n\r\n', at);
    if (next < 0 || headersEnd < 0 || headersEnd > next) return undefined;
    const head = bytes.subarray(at, headersEnd).toString('utf8');
    // The line break before a boundary belongs to the boundary.
    if (/content-disposition:[^\r\n]*[;\s]name="?([^";\r\n]*)/i.exec(head)?.[1] === name)
      return { bytes, start: headersEnd + 4, end: Math.max(headersEnd + 4, next - 2) };
    at = next;
  }
  return undefined;
}

const FRAME_HEAD = 5;

export const grpc = defineExtractor(
  'grpc',
  'A field of a gRPC message by its number; no schema is needed.',
  {
    of: of(),
    field: z
      .string()
      .regex(/^[1-9]\d{0,8}(\.[1-9]\d{0,8}){0,30}$/, 'wants field numbers, 1.2.3')
      .describe('Field numbers from the message inwards, `1.2`.'),
    message: z.int().nonnegative().default(0).describe('Which message of a stream, from 0.'),
    as: z.enum(FIELD_TYPES).default('auto').describe('How the bytes are read; the wire decides without it.'),
  },
  (config, setting): Place => {
    const side = config.of ?? setting.side;
    const path = config.field.split('.').map(Number);
    return {
      path: `${side}.body[${config.message}].${config.field}`,
      read: (draft) => {
        const frame = frameAt(draft, side, config.message);
        return frame && readField(frame.plain, path, config.as);
      },
      write: (draft, value) => {
        const frame = frameAt(draft, side, config.message)!;
        const payload = frame.close(writeField(frame.plain, path, config.as, value));
        const head = Buffer.from([frame.bytes[frame.start]!, 0, 0, 0, 0]);
        head.writeUInt32BE(payload.length, 1);
        const parts = [frame.bytes.subarray(0, frame.start), head, payload, frame.bytes.subarray(frame.end)];
        draft.setBody(side, Buffer.concat(parts), true);
      },
    };
  },
);

interface Frame {
  bytes: Buffer;
  /** Of the frame, head included. */
  start: number;
  end: number;
  plain: Buffer;
  close(bytes: Buffer): Buffer;
}

function frameAt(draft: Draft, side: Side, index: number): Frame | undefined {
  const message = draft.side(side);
  if (!message) return undefined;
  const bytes = bodyBytes(message.body);
  let start = 0;
  for (let i = 0; start + FRAME_HEAD <= bytes.length; i++) {
    const end = start + FRAME_HEAD + bytes.readUInt32BE(start + 1);
    if (end > bytes.length) return miss('the body is no gRPC message');
    if (i === index)
      return {
        bytes,
        start,
        end,
        ...openFrame(bytes.subarray(start, end), header(message.headers, 'grpc-encoding')),
      };
    start = end;
  }
  return undefined;
}

function openFrame(frame: Buffer, encoding = 'identity'): Pick<Frame, 'plain' | 'close'> {
  const payload = frame.subarray(FRAME_HEAD);
  if (frame[0] === 0) return { plain: payload, close: (bytes) => bytes };
  return openCoding(encoding, payload);
}
