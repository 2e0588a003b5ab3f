/** What must hold of the framer for any bytes: the cut does not matter, and http-parser-js sees the same messages. */
import fc from 'fast-check';
import { HTTPParser } from 'http-parser-js';
import { describe, expect, test } from 'vitest';
import { parseHead, parseTrailers } from './http-head.ts';
import { bytes, conversation, cut, cuts, damage, frame, methodsInOrder } from './http1.fixture.ts';

const SMALL = { maxHeadBytes: 120, maxTrailerBytes: 20, maxChunkLineBytes: 8 };
const runs = { numRuns: 200 };

function oneByOne(whole: Buffer): Buffer[] {
  return Array.from(whole, (_, at) => whole.subarray(at, at + 1));
}

/** The parts of a message both parsers report. */
interface Seen {
  start: (string | number)[];
  headers: string[];
  body: string;
  trailers: string[];
  isComplete: boolean;
}

function withOracle(kind: 'REQUEST' | 'RESPONSE', pieces: Buffer[], methods: string[]): Seen[] {
  const seen: Seen[] = [];
  const parser = new HTTPParser(kind);
  HTTPParser.encoding = 'latin1';
  const nextMethod = methodsInOrder(methods);
  parser[HTTPParser.kOnHeadersComplete] = (info) => {
    const version = `${info.versionMajor}.${info.versionMinor}`;
    const start =
      kind === 'REQUEST'
        ? [HTTPParser.methods[info.method]!, info.url, version]
        : [version, info.statusCode, info.statusMessage];
    seen.push({ start, headers: [...info.headers], body: '', trailers: [], isComplete: false });
    // As node:http does it: the parser does not know the request, nor that a 304's length is not its own.
    if (kind === 'REQUEST' || info.statusCode < 200) return 0;
    return nextMethod() === 'HEAD' || info.statusCode === 304 ? 1 : 0;
  };
  parser[HTTPParser.kOnBody] = (chunk, offset, length) => {
    seen.at(-1)!.body += chunk.toString('latin1', offset, offset + length);
  };
  parser[HTTPParser.kOnHeaders] = (trailers) => {
    seen.at(-1)!.trailers = [...trailers] as string[];
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    seen.at(-1)!.isComplete = true;
  };
  for (const piece of pieces) {
    const result: unknown = parser.execute(piece);
    if (result instanceof Error) throw result;
  }
  parser.finish();
  return seen;
}

function withFramer(kind: 'request' | 'response', pieces: Buffer[], methods: string[]): Seen[] {
  const framed = frame(kind, pieces, { requestMethod: methodsInOrder(methods) });
  expect(framed.opaque).toBeNull();
  return framed.messages.map(({ start, body, trailers, isComplete }) => {
    const head = parseHead(bytes(start))!;
    return {
      start:
        head.kind === 'request'
          ? [head.method, head.target, head.version]
          : [head.version, head.status, head.reason],
      headers: head.headers.flat(),
      body,
      trailers: trailers === null ? [] : parseTrailers(bytes(trailers)).flat(),
      isComplete,
    };
  });
}

describe('Http1Framer, for any bytes', () => {
  test('gives the same events for every cut of a valid conversation', () => {
    const property = fc.property(conversation, cuts, ({ requests, responses, methods }, positions) => {
      const up = Buffer.concat(requests);
      const whole = frame('request', [up]);
      expect(whole.opaque).toBeNull();
      expect(whole.messages.every(({ isComplete }) => isComplete)).toBe(true);
      expect(whole.messages).toHaveLength(requests.length);
      expect(frame('request', cut(up, positions))).toEqual(whole);
      expect(frame('request', oneByOne(up))).toEqual(whole);
      const down = Buffer.concat(responses);
      const options = () => ({ requestMethod: methodsInOrder(methods) });
      expect(frame('response', cut(down, positions), options())).toEqual(
        frame('response', [down], options()),
      );
    });
    fc.assert(property, runs);
  });

  test('gives the same events for every cut of damaged bytes, within tight limits too', () => {
    const property = fc.property(
      conversation,
      damage,
      cuts,
      fc.boolean(),
      (talk, harm, positions, isTight) => {
        for (const kind of ['request', 'response'] as const) {
          const whole = harm(Buffer.concat(kind === 'request' ? talk.requests : talk.responses));
          const options = () => ({ ...(isTight ? SMALL : {}), requestMethod: methodsInOrder(talk.methods) });
          const expected = frame(kind, [whole], options());
          expect(frame(kind, cut(whole, positions), options())).toEqual(expected);
          expect(frame(kind, oneByOne(whole), options())).toEqual(expected);
        }
      },
    );
    fc.assert(property, runs);
  });

  test('agrees with http-parser-js on valid conversations', () => {
    const property = fc.property(conversation, cuts, ({ requests, responses, methods }, positions) => {
      const up = cut(Buffer.concat(requests), positions);
      expect(withFramer('request', up, methods)).toEqual(withOracle('REQUEST', up, methods));
      const down = cut(Buffer.concat(responses), positions);
      expect(withFramer('response', down, methods)).toEqual(withOracle('RESPONSE', down, methods));
    });
    fc.assert(property, runs);
  });
});
