// Faults of gRPC answers: fields of protobuf messages by number, without a schema, and the status in the trailers.
import { grpcFrames } from '@echoplane/traffic';
import { type Answer, contentType } from './answer.ts';
import { type Fault, messageFault } from './fault.ts';
import { type Field, type Fields, readFields, writeFields } from './protobuf.ts';

const FRAME_HEAD = 5;

/** Pattern of a field: `body[].1.3`; indices of repeated fields are left out. */
function* patternsOf(fields: Fields, at: string): Iterable<[string, Field]> {
  for (const field of fields) {
    const pattern = `${at}.${field.number}`;
    yield [pattern, field];
    if (Array.isArray(field.value)) yield* patternsOf(field.value, pattern);
  }
}

function edited(
  fields: Fields,
  target: string,
  change: (field: Field) => Fields | undefined,
  at: string,
): Fields {
  return fields.flatMap((field) => {
    const pattern = `${at}.${field.number}`;
    if (pattern === target) return change(field) ?? [field];
    if (!Array.isArray(field.value)) return [field];
    return [{ ...field, value: edited(field.value, target, change, pattern) }];
  });
}

/** The messages of an answer, or null when it has none. */
function messagesOf({ body }: Answer): Fields[] | null {
  const { frames } = grpcFrames(body);
  const messages = frames.map((frame) => (frame[0] === 0 ? readFields(frame.subarray(FRAME_HEAD)) : null));
  return messages.length > 0 && messages.every((one) => one !== null) ? messages : null;
}

function framesOf(messages: readonly Fields[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const bytes = writeFields(message);
      const head = Buffer.alloc(FRAME_HEAD);
      head.writeUInt32BE(bytes.length, 1);
      return [head, bytes];
    }),
  );
}

const isGrpc = (answer: Answer) => contentType(answer).startsWith('application/grpc');

function field(
  name: string,
  what: string,
  needs: Fault['needs'],
  change: (field: Field) => Fields | undefined,
): Fault {
  return {
    ...{ name, what, needs },
    targetsOf(answer) {
      const messages = isGrpc(answer) ? messagesOf(answer) : null;
      return new Set(
        (messages ?? []).flatMap((one) => [...patternsOf(one, 'body[]')].map(([pattern]) => pattern)),
      );
    },
    change(answer, target) {
      const messages = isGrpc(answer) ? messagesOf(answer) : null;
      const body = messages && framesOf(messages.map((one) => edited(one, target, change, 'body[]')));
      return body === null || body.equals(answer.body) ? null : { ...answer, body };
    },
  };
}

const trailer = (name: string, what: string, change: (value: string) => string): Fault =>
  messageFault(name, what, 'trailer.grpc-status', (answer) => {
    const trailers = answer.trailers.map(([key, value]): [string, string] => [
      key,
      key === 'grpc-status' ? change(value) : value,
    ]);
    return JSON.stringify(trailers) === JSON.stringify(answer.trailers) ? null : { ...answer, trailers };
  });

const text = (value: Field['value']) => (Buffer.isBuffer(value) ? value : null);

export const GRPC_FAULTS: readonly Fault[] = [
  field('gRPC field lost', 'a field is not in the message', 'nothing', () => []),
  field('gRPC field twice', 'a field is in the message twice', 'nothing', (one) => [one, one]),
  field('gRPC number +1', 'a number is one more', 'value', (one) =>
    typeof one.value === 'bigint' ? [{ ...one, value: one.value + 1n }] : undefined,
  ),
  field('gRPC big number rounded', 'a 64-bit number went through a double', 'value', (one) =>
    typeof one.value === 'bigint' && one.value > 2n ** 54n
      ? [{ ...one, value: (one.value >> 12n) << 12n }]
      : undefined,
  ),
  field('gRPC text changed', 'a text ends otherwise', 'value', (one) => {
    const bytes = text(one.value);
    return bytes && bytes.length > 0
      ? [{ ...one, value: Buffer.concat([bytes.subarray(0, -1), Buffer.from('~')]) }]
      : undefined;
  }),
  field('gRPC message emptied', 'an inner message without its fields', 'nothing', (one) =>
    Array.isArray(one.value) ? [{ ...one, value: [] }] : undefined,
  ),
  field('gRPC field number', 'a field under another number', 'nothing', (one) => [
    { ...one, number: one.number + 50 },
  ]),
  trailer('gRPC unavailable', 'UNAVAILABLE instead of OK', (value) => (value === '0' ? '14' : value)),
  trailer('gRPC OK', 'OK instead of an error', (value) => (value === '0' ? value : '0')),
];
