// Many directions that share the read buffers, over a model of sockets: whatever order reads, finished writes and closes
// come in, nobody's bytes change between a write and its end, and every buffer comes back.
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BULK_BYTES, ReadBuffers, SCRATCH_BYTES } from './read-buffers.ts';
import { SpliceReader } from './splice-reader.ts';

interface Write {
  chunk: Buffer;
  meant: number;
  done: (() => void) | undefined;
}

/** The peer of a direction: writes wait until they are taken, unless there is room. */
class Peer extends EventEmitter {
  readonly waiting: Write[] = [];
  hasRoom = true;
  writableLength = 0;
  writableNeedDrain = false;
  destroyed = false;

  write(chunk: Buffer, done?: () => void): void {
    if (this.destroyed || (this.hasRoom && this.waiting.length === 0 && !('encrypted' in this))) {
      done?.();
      return;
    }
    this.writableLength += chunk.length;
    this.writableNeedDrain ||= this.writableLength >= SCRATCH_BYTES;
    this.waiting.push({ chunk, meant: chunk[0] ?? 0, done });
  }

  /** Ends the oldest write; `false`: its bytes are not the ones that were meant. */
  take(): boolean {
    const write = this.waiting.shift();
    if (!write) return true;
    this.writableLength -= write.chunk.length;
    const isDrained = this.writableNeedDrain && this.writableLength === 0;
    if (isDrained) this.writableNeedDrain = false;
    if (isDrained) this.emit('drain');
    const isIntact = write.chunk.every((byte) => byte === write.meant);
    write.done?.();
    return isIntact;
  }

  close(): void {
    this.destroyed = true;
    for (const { done } of this.waiting.splice(0)) done?.();
    this.emit('close');
  }
}

/** One direction: a source that is read into the buffer it was given last, as libuv does. */
class Direction {
  readonly peer: Peer;
  readonly source: EventEmitter & { destroyed: boolean; resume(): void };
  readonly #reader: SpliceReader;
  #buffer: Buffer;
  #isPaused = false;

  constructor(buffers: ReadBuffers, kinds: { from: boolean; to: boolean }) {
    const resume = () => {
      this.#isPaused = false;
    };
    this.source = Object.assign(new EventEmitter(), { destroyed: false, resume });
    this.peer = new Peer();
    if (kinds.from) Object.assign(this.source, { encrypted: true });
    if (kinds.to) Object.assign(this.peer, { encrypted: true });
    const pass = (chunk: Buffer, written?: () => void) => this.peer.write(chunk, written);
    const [from, to] = [this.source as unknown as Socket, this.peer as unknown as Socket];
    this.#reader = new SpliceReader(from, to, pass, buffers);
    this.peer.on('drain', () => this.#reader.drained());
    this.#buffer = this.#reader.next();
  }

  /** TLS hands out what it has decrypted, paused or not. */
  read(bytes: number, value: number): void {
    if (this.source.destroyed || (this.#isPaused && !('encrypted' in this.source))) return;
    const count = Math.min(bytes, this.#buffer.length);
    this.#buffer.fill(value, 0, count);
    if (!this.#reader.read(count)) this.#isPaused = true;
    this.#buffer = this.#reader.next();
  }

  closeSource(): void {
    if (this.source.destroyed) return;
    this.source.destroyed = true;
    this.source.emit('close');
  }
}

const DIRECTIONS = 3;

const step = fc.record({
  at: fc.nat(DIRECTIONS - 1),
  what: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom('read', 'read', 'take') },
    { weight: 4, arbitrary: fc.constantFrom('room', 'full') },
    { weight: 1, arbitrary: fc.constantFrom('close peer', 'close source') },
  ),
  bytes: fc.constantFrom(1, 5_000, SCRATCH_BYTES, BULK_BYTES),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function perform(direction: Direction, { what, bytes }: Step, value: number): boolean {
  const { peer } = direction;
  if (what === 'read') direction.read(bytes, value);
  else if (what === 'take') return peer.take();
  else if (what === 'close peer') peer.destroyed || peer.close();
  else if (what === 'close source') direction.closeSource();
  else peer.hasRoom = what === 'room';
  return true;
}

test.each([
  { from: false, to: false },
  { from: true, to: false },
  { from: false, to: true },
  { from: true, to: true },
])('SpliceReader keeps bytes until they are written, and gives all buffers back (TLS: %o)', (kinds) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 100, size: 'max' }), (steps) => {
      const buffers = new ReadBuffers(8 * BULK_BYTES);
      const directions = Array.from({ length: DIRECTIONS }, () => new Direction(buffers, kinds));
      for (const [i, one] of steps.entries()) expect(perform(directions[one.at]!, one, i % 251)).toBe(true);
      for (const { peer } of directions) while (peer.waiting.length > 0) expect(peer.take()).toBe(true);
      for (const direction of directions) {
        direction.closeSource();
        if (!direction.peer.destroyed) direction.peer.close();
      }
      expect(buffers.takenBytes).toBe(0);
    }),
    { numRuns: 200 },
  );
});
