import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RequestSplitter } from './request-splitter.ts';

/** Everything the splitter makes of the pieces: heads as their request line, bodies joined. */
function split(pieces: Buffer[]): string[] {
  const splitter = new RequestSplitter();
  const parts: string[] = [];
  let body = '';
  for (const piece of pieces) {
    for (let rest = piece; rest.length > 0; ) {
      const part = splitter.take(rest);
      if (part.type === 'refused')
        return [...parts, body, `refused ${part.reason}`].filter((text) => text !== '');
      rest = part.type === 'more' ? Buffer.alloc(0) : part.rest;
      if (part.type === 'body') body += part.bytes.toString('latin1');
      if (part.type !== 'head') continue;
      parts.push(body, part.raw.toString('latin1'));
      body = '';
    }
  }
  return [...parts, body].filter((text) => text !== '');
}

const MESSAGES = [
  'GET http://a/1 HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST http://a/2 HTTP/1.1\r\nContent-Length: 5\r\n\r\n',
  'he\r\no',
  'PUT http://b/3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
  '5;ext="a"\r\nhello\r\n1\r\n\r\r\n0\r\nX-Sum: 1\r\n\r\n',
  'PUT http://b/4 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n',
  '0\r\n\r\n',
  'GET http://a/5 HTTP/1.1\r\n\r\n',
];

describe('RequestSplitter', () => {
  test('gives heads and raw bodies back exactly, however the bytes are cut', () => {
    const bytes = Buffer.from(MESSAGES.join(''), 'latin1');
    const cuts = fc.array(fc.nat(bytes.length), { maxLength: 40 });
    fc.assert(
      fc.property(cuts, (at) => {
        const points = [0, ...at.toSorted((a, b) => a - b), bytes.length];
        const pieces = points.slice(1).map((end, i) => bytes.subarray(points[i], end));
        expect(split(pieces)).toEqual(MESSAGES);
      }),
    );
    expect(split([...bytes].map((byte) => Buffer.from([byte])))).toEqual(MESSAGES);
  });

  test('says whether it is between requests', () => {
    const splitter = new RequestSplitter();
    const between = [splitter.isBetween];
    for (const piece of ['POST http://a/ HT', 'TP/1.1\r\nContent-Length: 2\r\n\r\n', 'a', 'b']) {
      splitter.take(Buffer.from(piece));
      between.push(splitter.isBetween);
    }
    expect(between).toEqual([true, false, false, false, true]);
  });

  test('refuses what two servers could read differently, and stays refused', () => {
    const bad = Buffer.from(
      'POST http://a/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    expect(split([bad, bad])).toEqual(['refused conflicting-framing']);
    const greetings = [Buffer.from([5, 1, 0]), Buffer.from([4, 1]), Buffer.from([0x16, 3, 1])];
    for (const greeting of greetings) expect(split([greeting])).toEqual(['refused not-http']);
    expect(split([Buffer.from(`\r\n${MESSAGES[0]}`)])[0]).toContain('GET http://a/1');
    const chunk = Buffer.from(`${MESSAGES[3]}zz\r\n`);
    expect(split([chunk])).toEqual([MESSAGES[3], 'refused bad-chunk']);
  });
});
