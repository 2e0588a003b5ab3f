import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HpackDecoder, MAX_HEAD_BYTES, MAX_TABLE_BYTES } from './hpack-decoder.ts';
import { HeadBlock } from './hpack-head.ts';
import {
  EOS_BITS,
  type Field,
  huffman,
  linesOf,
  packBits,
  type Representation,
  TestEncoder,
} from './http2.fixture.ts';

function decode(decoder: HpackDecoder, block: Buffer, isDiscarded = false) {
  const head = new HeadBlock();
  head.begin(isDiscarded);
  const error = decoder.decode(block, 0, block.length, head);
  return { error, head, text: head.take().toString('latin1') };
}

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
/** A literal without indexing under a new name. */
const literal = (name: Buffer, value: Buffer) =>
  Buffer.concat([Buffer.from([0, name.length]), name, Buffer.from([value.length]), value]);
const DATE = 'Mon, 21 Oct 2013 20:13:2';
const REQUESTS: Field[][] = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
];
const responseOf = (status: string, second: number, more: Field[] = []): Field[] => [
  [':status', status],
  ['cache-control', 'private'],
  ['date', `${DATE}${second} GMT`],
  ['location', 'https://www.example.com'],
  ...more,
];
const RESPONSES: Field[][] = [
  responseOf('302', 1),
  responseOf('307', 1),
  responseOf('200', 2, [
    ['content-encoding', 'gzip'],
    ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ]),
];
const REQUEST_BYTES = [57, 110, 164];
const RESPONSE_BYTES = [222, 222, 215];

describe('HpackDecoder decodes the examples of RFC 7541', () => {
  test.each([
    [
      'C.2.1',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      'custom-key: custom-header',
      55,
    ],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', ':path: /sample/path', 0],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', 'password: secret', 0],
    ['C.2.4', '82', ':method: GET', 0],
  ])('%s', (_, hex, line, usedBytes) => {
    const decoder = new HpackDecoder();
    expect(decode(decoder, bytes(hex))).toMatchObject({ error: null, text: `${line}\r\n\r\n` });
    expect(decoder.usedBytes).toBe(usedBytes);
  });

  test.each([
    [
      'C.3',
      REQUESTS,
      REQUEST_BYTES,
      '',
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    ],
    [
      'C.4, Huffman',
      REQUESTS,
      REQUEST_BYTES,
      '',
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    ],
    [
      'C.5, evictions',
      RESPONSES,
      RESPONSE_BYTES,
      '3fe101',
      [
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '4803 3330 37c1 c0bf',
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
      ],
    ],
    [
      'C.6, Huffman, evictions',
      RESPONSES,
      RESPONSE_BYTES,
      '3fe101',
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        '4883 640e ffc1 c0bf',
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ],
    ],
  ])('%s', (_, heads, sizes, resize, blocks) => {
    const decoder = new HpackDecoder();
    for (const [index, block] of blocks.entries()) {
      const { error, text } = decode(decoder, bytes(index === 0 ? resize + block : block));
      expect([error, text, decoder.usedBytes]).toEqual([null, linesOf(heads[index]!), sizes[index]]);
    }
  });
});

const anyName = fc.constantFrom(':path', 'a', 'x-b', 'content-length', 'cookie', 'x-long-name-of-a-field');
const anyValue = fc.oneof(
  fc.stringMatching(/^[ -~\x80-\xff]{0,40}$/),
  fc.constantFrom('1', 'v'.repeat(300), 'same value'),
);
const anyField = fc.tuple(
  fc.tuple(anyName, anyValue),
  fc.constantFrom<Representation>('incremental', 'incremental', 'without', 'never'),
  fc.boolean(),
);
const anyBlocks = fc.array(
  fc.tuple(
    fc.option(fc.constantFrom(0, 40, 120, 700, 4_096)),
    fc.array(anyField, { maxLength: 12 }),
    fc.boolean(),
  ),
  { maxLength: 20 },
);

describe('HpackDecoder', () => {
  test('gives back every block however it is represented, also after blocks that are discarded', () => {
    fc.assert(
      fc.property(anyBlocks, (blocks) => {
        const encoder = new TestEncoder();
        const decoder = new HpackDecoder();
        for (const [resize, fields, isDiscarded] of blocks) {
          const block = Buffer.concat([
            resize === null ? Buffer.alloc(0) : encoder.resize(resize),
            ...fields.map(([field, as, isHuffman]) => encoder.field(field, as, isHuffman)),
          ]);
          const { error, text } = decode(decoder, block, isDiscarded);
          expect([error, text]).toEqual([null, linesOf(isDiscarded ? [] : fields.map(([field]) => field))]);
          const held = encoder.table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
          expect(decoder.usedBytes).toBe(held);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('decodes every octet of the Huffman code', () => {
    const value = String.fromCharCode(...Array(256).keys()).replace(/[\0\r\n]/g, '');
    const block = new TestEncoder().field(['a', value], 'without', true);
    expect(decode(new HpackDecoder(), block).text).toBe(`a: ${value}\r\n\r\n`);
  });

  test('holds a table of the largest size', () => {
    const encoder = new TestEncoder();
    const decoder = new HpackDecoder();
    decoder.allowedTableBytes = 1 << 20;
    const fields = Array.from({ length: 2_100 }, (_, n): Field => [n.toString(36), '']);
    encoder.resize(MAX_TABLE_BYTES);
    const first = Buffer.concat([new TestEncoder().resize(MAX_TABLE_BYTES), encoder.block(fields)]);
    expect(decode(decoder, first).text).toBe(linesOf(fields));
    const kept = [...encoder.table].reverse();
    expect(kept.length).toBeGreaterThan(1_800);
    expect(decode(decoder, encoder.block(kept)).text).toBe(linesOf(kept));
  });

  const huffmanValue = (coded: Buffer) =>
    Buffer.concat([bytes('0001 61'), Buffer.from([0x80 | coded.length]), coded]);
  test.each<[string, Buffer, string]>([
    ['an index of nothing', bytes('80'), 'bad-header-block'],
    ['an index beyond the tables', bytes('be'), 'bad-header-block'],
    ['a name beyond the tables', bytes('7f00 0161'), 'bad-header-block'],
    ['a cut string', bytes('0003 6162'), 'bad-header-block'],
    ['a cut integer', bytes('ff'), 'bad-header-block'],
    ['an endless integer', bytes('ffff ffff ffff ffff ff0f'), 'bad-header-block'],
    ['EOS in a string', huffmanValue(packBits(EOS_BITS)), 'bad-header-block'],
    [
      'padding of a whole octet',
      huffmanValue(Buffer.concat([huffman('0'), bytes('ff')])),
      'bad-header-block',
    ],
    ['padding that is not ones', huffmanValue(bytes('00')), 'bad-header-block'],
    ['a table larger than allowed', bytes('3fe2 1f'), 'bad-header-block'],
    ['a size update after a field', bytes('8220'), 'bad-header-block'],
  ])('refuses %s', (_, block, reason) => {
    expect(decode(new HpackDecoder(), block).error).toBe(reason);
  });

  test('refuses a table above its bound, even when the ends agreed on it', () => {
    const decoder = new HpackDecoder();
    decoder.allowedTableBytes = 1 << 20;
    expect(decode(decoder, new TestEncoder().resize(MAX_TABLE_BYTES)).error).toBeNull();
    expect(decode(decoder, new TestEncoder().resize(MAX_TABLE_BYTES + 1)).error).toBe(
      'header-table-too-large',
    );
  });

  test('refuses a block that decodes to much more than it is', () => {
    const decoder = new HpackDecoder();
    const field = new TestEncoder().field(['a', 'v'.repeat(4_000)], 'incremental');
    const bomb = Buffer.concat([field, Buffer.alloc(MAX_HEAD_BYTES / 4_000 + 1, 0xbe)]);
    expect(decode(decoder, bomb).error).toBe('head-too-large');
  });

  test.each<[string, Field, boolean]>([
    ['upper case in a name', ['Aa', 'v'], true],
    ['a blank in a name', ['a b', 'v'], true],
    ['a line end in a name', ['a\r\nb', 'v'], true],
    ['a colon in a name', ['a:b', 'v'], true],
    ['an empty name', ['', 'v'], true],
    ['a line end in a value', ['a', 'v\r\nb: c'], true],
    ['a lone LF in a value', ['a', 'v\n'], true],
    ['a NUL in a value', ['a', '\0'], true],
    ['a tab and octets beyond ASCII in a value', ['a', '\tv\xff'], false],
    ['a colon in a value', ['a', ':b: c'], false],
  ])('%s is malformed, or not, also when it comes from the table: %#', (_, field, isMalformed) => {
    const encoder = new TestEncoder();
    const decoder = new HpackDecoder();
    const isSo = (block: Buffer) => {
      const { error, head } = decode(decoder, block);
      expect(error).toBeNull();
      return head.isMalformed;
    };
    expect(isSo(encoder.field(field, 'incremental'))).toBe(isMalformed);
    expect(isSo(encoder.field(field, 'incremental'))).toBe(isMalformed);
    expect(isSo(encoder.field(['ok', 'v'], 'incremental'))).toBe(false);
  });

  test('a pseudo-header after another field is malformed', () => {
    const block = Buffer.concat([literal(Buffer.from('a'), Buffer.from('b')), bytes('82')]);
    expect(decode(new HpackDecoder(), block).head.isMalformed).toBe(true);
  });

  test('never throws and holds no more than its bound, whatever it is given', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), (blocks) => {
        const decoder = new HpackDecoder();
        for (const block of blocks) decode(decoder, Buffer.from(block));
        expect(decoder.usedBytes).toBeLessThanOrEqual(4_096);
      }),
      { numRuns: 2_000 },
    );
  });
});
