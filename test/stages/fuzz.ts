// What all fuzzing of decoders shares: how long it runs, damage that is likely to hurt, and cuts. The seed of a failure is in
// its message; `FUZZ_RUNS` makes the runs of each property more than its few seconds allow.
import fc from 'fast-check';

const SECONDS = 3;
const RUNS = Number(process.env.FUZZ_RUNS ?? 0);

/** Holds a property for as many runs as were asked for, or as many as a few seconds allow. */
export function holds<T>(property: fc.IProperty<T>): void {
  const bounded = { numRuns: 2_000, interruptAfterTimeLimit: SECONDS * 1_000 };
  fc.assert(property, RUNS > 0 ? { numRuns: RUNS } : bounded);
}

const position = fc.nat();
const telling = fc.oneof(
  fc.constantFrom(0x00, 0x0a, 0x0d, 0x20, 0x30, 0x3a, 0x3b, 0x7f, 0x80, 0xff),
  fc.nat(255),
);

/** Turns bytes, and others of their kind, into damaged ones. */
export type Damage = (whole: Buffer, other: Buffer) => Buffer;

const kinds = fc.constantFrom('flip', 'set', 'drop', 'duplicate', 'insert', 'truncate', 'splice');

/** One to four injuries; positions are taken modulo the length. */
export const damage: fc.Arbitrary<Damage> = fc
  .array(
    fc.record({
      kind: kinds,
      position,
      length: fc.integer({ min: 1, max: 40 }),
      byte: telling,
      times: fc.nat(20),
    }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((injuries) => (whole: Buffer, other: Buffer) => {
    let bytes: Buffer = Buffer.from(whole);
    for (const { kind, position: where, length, byte, times } of injuries) {
      const at = where % (bytes.length + 1);
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
      if (kind === 'flip' && after.length > 0) after[0]! ^= 1 << (byte & 7);
      else if (kind === 'set' && after.length > 0) after[0] = byte;
      else if (kind === 'drop') bytes = Buffer.concat([before, after.subarray(length)]);
      else if (kind === 'duplicate') {
        const again = Array<Buffer>(times).fill(Buffer.from(after.subarray(0, length)));
        bytes = Buffer.concat([before, ...again, after]);
      } else if (kind === 'insert') bytes = Buffer.concat([before, Buffer.alloc(length, byte), after]);
      else if (kind === 'truncate') bytes = Buffer.from(before);
      else if (kind === 'splice') bytes = Buffer.concat([before, other.subarray(where % (other.length + 1))]);
    }
    return bytes;
  });

/** A bound that is looked at after every byte: an `expect` would take most of the time. */
export function within(value: number, most: number, what: string): void {
  if (!(value <= most)) throw new Error(`${what}: ${value}, more than ${most}`);
}

export const cuts = fc.array(fc.nat(), { maxLength: 12 });

/** Cuts at positions taken modulo the length; equal positions make empty pieces. */
export function cut(whole: Buffer, positions: readonly number[]): Buffer[] {
  const sorted = positions.map((one) => one % (whole.length + 1)).sort((a, b) => a - b);
  return [...sorted, whole.length].map((end, index) => whole.subarray(sorted[index - 1] ?? 0, end));
}

export function bytewise(whole: Buffer): Buffer[] {
  return Array.from(whole, (_, at) => whole.subarray(at, at + 1));
}

/** Bytes of both directions in the order in which they passed. */
export type Talk = readonly (readonly [side: 'client' | 'server', bytes: Buffer])[];

/** A talk of which some turns are damaged, by what other talks of the kind say. */
export function damagedTalk(talk: fc.Arbitrary<Talk>): fc.Arbitrary<Talk> {
  return fc
    .tuple(talk, talk, fc.array(fc.tuple(fc.nat(), damage), { maxLength: 3 }))
    .map(([turns, others, injuries]) => {
      const result = [...turns];
      for (const [where, injure] of injuries) {
        const at = where % result.length;
        const [side, bytes] = result[at]!;
        const [, other] = others[where % others.length]!;
        result[at] = [side, injure(bytes, other)];
      }
      return result;
    });
}

/** The same talk in smaller pieces, each in memory of its own that is overwritten when `feed` returns, as a socket's is. */
export function play(
  talk: Talk,
  positions: readonly number[] | 'bytewise',
  feed: (side: 'client' | 'server', piece: Buffer) => void,
): void {
  for (const [side, bytes] of talk)
    for (const piece of positions === 'bytewise' ? bytewise(bytes) : cut(bytes, positions)) {
      const lent = Buffer.from(piece);
      feed(side, lent);
      lent.fill(0x21);
    }
}
