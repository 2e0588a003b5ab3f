// Files that requests upload: nothing of them leaves, and they can be sent again.
import { deflateSync, inflateSync } from 'node:zlib';
import { bodyBytes, type RRPair, storeBody } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { watched } from './redactor.fixture.ts';
import { sketch } from './redactor-pair.fixture.ts';
import { standIn } from './stand-in.ts';

const SECRET = 'alice@shop.example';
const marked = (text: string) => `rdx_${text.slice(0, 20)}`;
const scan = Buffer.concat([Buffer.from([0, 1, 2, 0xff]), Buffer.from(SECRET), Buffer.alloc(200, 0xfe)]);

/** A picture of so many pixels, and a comment with something to hide. */
function png(width: number, height: number): Buffer {
  const size = Buffer.alloc(8);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  const head = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  const rest = Buffer.concat([Buffer.from([8, 2, 0, 0, 0, 0, 0, 0, 0]), scan, deflateSync(scan)]);
  return Buffer.concat([head, size, rest]);
}

function uploaded(contentType: string, bytes: Buffer, more: Partial<NonNullable<RRPair['request']>> = {}) {
  const pair = sketch();
  const request = { ...pair.request!, method: 'PUT', ...more };
  request.headers = [...(more.headers ?? []), ['Content-Type', contentType]];
  request.body = storeBody(bytes, '');
  pair.request = request;
  watched().redactor.pair(pair);
  return { pair, sent: bodyBytes(request.body) };
}

describe('a file of its own', () => {
  test('has its size and its beginning, and nothing else of it', () => {
    const bytes = Buffer.concat([Buffer.from('%PDF-1.7\n'), scan]);
    const { pair, sent } = uploaded('application/pdf', bytes);
    expect(pair.gaps).toBeUndefined();
    expect(pair.redactions).toContainEqual({ path: 'request.body', kind: 'unredactable', rule: 'stand-in' });
    expect(sent.length).toBe(bytes.length);
    expect(sent.toString('latin1')).toMatch(/^%PDF-1\.7stand-in (?:[a-z]{4} ){4}stand-in/);
  });

  test('is the same for the same file, another for another, and its own', () => {
    const [one, other] = [
      Buffer.from([0, 255, 1, ...Array(90).fill(7)]),
      Buffer.from([0, 255, 2, ...Array(90).fill(7)]),
    ];
    const made = standIn(one, marked);
    expect(standIn(Buffer.from(one), marked)).toEqual(made);
    expect(standIn(other, marked)).not.toEqual(made);
    expect(standIn(made, marked)).toEqual(made);
    expect(standIn(standIn(png(9, 5), marked), marked)).toEqual(standIn(png(9, 5), marked));
  });

  test('is withheld in an answer, and as a message of a program', () => {
    expect(uploaded('application/msgpack', scan).pair.gaps?.reason).toBe('unredactable');
    const answer = sketch();
    answer.response!.headers = [['Content-Type', 'image/png']];
    answer.response!.body = storeBody(png(3, 3), '');
    watched().redactor.pair(answer);
    expect(answer.gaps?.reason).toBe('unredactable');
  });
});

describe('a picture is as wide and as high', () => {
  test('PNG', () => {
    const made = standIn(png(20, 10), marked);
    expect(made.length).toBe(png(20, 10).length);
    expect(made.subarray(0, 24)).toEqual(png(20, 10).subarray(0, 24));
    const at = made.indexOf('IDAT');
    const rows = inflateSync(made.subarray(at + 4, at + 4 + made.readUInt32BE(at - 4)));
    expect(rows.length).toBe((3 + 1) * 10);
    expect(made.toString('latin1')).not.toContain(SECRET);
  });

  test('JPEG and GIF', () => {
    const frame = [0xff, 0xc0, 0, 11, 8, 0, 48, 0, 64, 1, 1, 0x11, 0];
    const jpeg = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, ...frame]), scan, scan]);
    const made = standIn(jpeg, marked);
    expect(made.length).toBe(jpeg.length);
    expect(made.indexOf(Buffer.from(frame))).toBeGreaterThan(0);
    expect(made.toString('latin1')).not.toContain(SECRET);
    const gif = Buffer.concat([Buffer.from('GIF89a\x10\0\x08\0\x80\0\0', 'latin1'), scan]);
    expect(standIn(gif, marked).subarray(0, 10)).toEqual(gif.subarray(0, 10));
    expect(standIn(gif, marked).length).toBe(gif.length);
  });
});

test('a form keeps its fields beside a file', () => {
  const part = (head: string, content: Buffer | string) =>
    Buffer.concat([
      Buffer.from(`--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]);
  const photo = png(4, 4);
  const body = Buffer.concat([
    part('name="title"', 'Grüße aus Rom'),
    part('name="mail"', SECRET),
    part('name="photo"; filename="rom.png"\r\nContent-Type: image/png', photo),
    Buffer.from('--b--\r\n'),
  ]);
  const { pair, sent } = uploaded('multipart/form-data; boundary=b', body);
  const text = sent.toString('utf8');
  expect(pair.gaps).toBeUndefined();
  expect(text).toContain('name="title"\r\n\r\nGrüße aus Rom\r\n--b');
  expect(text).toMatch(/name="mail"\r\n\r\nu-[a-z0-9]{12}@redacted\.example\.com\r\n--b/);
  expect(sent.includes(photo.subarray(0, 24))).toBe(true);
  expect(sent.includes(scan)).toBe(false);
  expect(sent.subarray(-7).toString()).toBe('--b--\r\n');
});
