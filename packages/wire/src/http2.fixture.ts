/**
 * Test support for HTTP/2: a small HPACK encoder that is told which representation to use, written apart from the
 * decoder; frames; and an exchange that writes down what it emits.
 */
import { HUFFMAN_LENGTHS } from './hpack-huffman.ts';
import { Http2Exchange, type Http2ExchangeOptions } from './http2-exchange.ts';
import type { RawHttpPair } from './raw-http-pair.ts';

export type Field = [name: string, value: string];
export type Representation = 'incremental' | 'without' | 'never';

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const CODES = huffmanCodes();

function huffmanCodes(): string[] {
  const codes: string[] = [];
  let next = 0n;
  let length = 0;
  const order = [...HUFFMAN_LENGTHS.keys()].sort(
    (a, b) => HUFFMAN_LENGTHS[a]! - HUFFMAN_LENGTHS[b]! || a - b,
  );
  for (const symbol of order) {
    next <<= BigInt(HUFFMAN_LENGTHS[symbol]! - length);
    length = HUFFMAN_LENGTHS[symbol]!;
    codes[symbol] = next.toString(2).padStart(length, '0');
    next++;
  }
  return codes;
}

/** Bits, padded with ones to whole octets. */
export function packBits(bits: string): Buffer {
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  return Buffer.from(padded.match(/.{8}/g)?.map((octet) => Number.parseInt(octet, 2)) ?? []);
}

export function huffman(text: string): Buffer {
  return packBits([...Buffer.from(text, 'latin1')].map((byte) => CODES[byte]).join(''));
}

export const EOS_BITS = CODES[256]!;

function integer(value: number, prefixBits: number, first: number): Buffer {
  const mask = 2 ** prefixBits - 1;
  if (value < mask) return Buffer.from([first | value]);
  const bytes = [first | mask];
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(0x80 | (rest % 128));
  return Buffer.from([...bytes, rest]);
}

function string(text: string, isHuffman: boolean): Buffer {
  const bytes = isHuffman ? huffman(text) : Buffer.from(text, 'latin1');
  return Buffer.concat([integer(bytes.length, 7, isHuffman ? 0x80 : 0), bytes]);
}

/** Encodes for one direction; its dynamic table is a plain list, newest first. */
export class TestEncoder {
  readonly table: Field[] = [];
  #tableBytes = 4_096;

  resize(bytes: number): Buffer {
    this.#tableBytes = bytes;
    this.#evict();
    return integer(bytes, 5, 0x20);
  }

  field([name, value]: Field, as: Representation = 'without', isHuffman = false): Buffer {
    const whole = this.table.findIndex((entry) => entry[0] === name && entry[1] === value);
    if (as === 'incremental' && whole >= 0) return integer(62 + whole, 7, 0x80);
    const known = this.table.findIndex((entry) => entry[0] === name);
    const [bits, first] = as === 'incremental' ? [6, 0x40] : [4, as === 'never' ? 0x10 : 0];
    const start = integer(known >= 0 ? 62 + known : 0, bits as number, first as number);
    const rest = [...(known >= 0 ? [] : [string(name, isHuffman)]), string(value, isHuffman)];
    if (as === 'incremental') {
      this.table.unshift([name, value]);
      this.#evict();
    }
    return Buffer.concat([start, ...rest]);
  }

  block(fields: Field[], as: Representation = 'incremental'): Buffer {
    return Buffer.concat(fields.map((field) => this.field(field, as)));
  }

  #evict(): void {
    const size = () => this.table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    while (size() > this.#tableBytes) this.table.pop();
  }
}

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
};
export const END_STREAM = 1;
export const END_HEADERS = 4;
export const PADDED = 8;
export const PRIORITY = 0x20;

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | string = '',
): Buffer {
  const body = Buffer.from(payload as string);
  const header = Buffer.alloc(9);
  header.writeUIntBE(body.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, body]);
}

export function settings(...entries: [id: number, value: number][]): Buffer {
  const payload = Buffer.alloc(6 * entries.length);
  for (const [index, [id, value]] of entries.entries()) {
    payload.writeUInt16BE(id, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  }
  return frame(FRAME.settings, 0, 0, payload);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export const GET: Field[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'shop'],
  [':path', '/a'],
];
export const OK: Field[] = [[':status', '200']];
export const GRPC_CALL: Field[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/shop.Orders/Watch'],
  ['content-type', 'application/grpc+proto'],
];

export function linesOf(fields: Field[]): string {
  return `${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** A pair as text, so that it compares whatever way its bytes were cut. */
export function plainPair(pair: RawHttpPair) {
  const body = ({ kept, size }: RawHttpPair['requestBody']) => [Buffer.concat(kept).toString('latin1'), size];
  return {
    seq: pair.seq,
    request: pair.requestHead.toString('latin1'),
    requestBody: body(pair.requestBody),
    requestTrailers: pair.requestTrailers?.toString('latin1') ?? null,
    response: pair.responseHead?.toString('latin1') ?? null,
    responseBody: body(pair.responseBody),
    responseTrailers: pair.responseTrailers?.toString('latin1') ?? null,
    error: pair.error,
  };
}

/** An exchange after both ends' first frames, one writer for each direction, and what was emitted. */
export class Talk {
  readonly pairs: RawHttpPair[] = [];
  readonly abandoned: string[] = [];
  opaque: [reason: string, abandoned: number] | null = null;
  readonly toServer = new TestEncoder();
  readonly toClient = new TestEncoder();
  readonly exchange: Http2Exchange;
  nowUs = 0;

  constructor(options: Http2ExchangeOptions = {}) {
    this.exchange = new Http2Exchange(
      {
        pair: (pair) => this.pairs.push(pair),
        abandoned: (reason) => this.abandoned.push(reason),
        opaque: (reason, abandoned) => {
          if (this.opaque) throw new Error('opaque twice');
          this.opaque = [reason, abandoned];
        },
      },
      options,
    );
    this.client(PREFACE, settings());
    this.server(settings());
  }

  client(...frames: Buffer[]): this {
    this.exchange.client(Buffer.concat(frames), ++this.nowUs);
    return this;
  }

  server(...frames: Buffer[]): this {
    this.exchange.server(Buffer.concat(frames), ++this.nowUs);
    return this;
  }

  request(id: number, fields: Field[], flags = END_STREAM): this {
    return this.client(frame(FRAME.headers, flags | END_HEADERS, id, this.toServer.block(fields)));
  }

  response(id: number, fields: Field[], flags = END_STREAM): this {
    return this.server(frame(FRAME.headers, flags | END_HEADERS, id, this.toClient.block(fields)));
  }
}
