/**
 * Test support for the HTTP/1.1 layer: a sink that writes events down so that they do not depend on how
 * the bytes were cut, and generators of messages, conversations, cuts and damage.
 */
import fc from 'fast-check';
import { Http1Framer, type Http1FramerOptions, type Http1Sink } from './http1-framer.ts';

export interface FramedMessage {
  start: string;
  framing: string;
  keepAlive: boolean;
  body: string;
  trailers: string | null;
  isComplete: boolean;
}

export interface Framed {
  messages: FramedMessage[];
  opaque: string | null;
  opaqueBytes: number;
}

/** Frames `pieces` as one direction and its end. */
export function frame(
  kind: 'request' | 'response',
  pieces: Buffer[],
  options: Http1FramerOptions = {},
): Framed {
  const framer = new Http1Framer(kind, options);
  const framed: Framed = { messages: [], opaque: null, opaqueBytes: 0 };
  const last = () => framed.messages.at(-1)!;
  const sink: Http1Sink = {
    head: ({ raw, framing, keepAlive }) =>
      framed.messages.push({
        start: raw.toString('latin1'),
        framing: framing.kind === 'length' ? `length ${framing.length}` : framing.kind,
        keepAlive,
        body: '',
        trailers: null,
        isComplete: false,
      }),
    body: (data) => {
      last().body += data.toString('latin1');
    },
    trailers: (raw) => {
      last().trailers = raw.toString('latin1');
    },
    complete: () => {
      last().isComplete = true;
    },
    opaque: (reason) => {
      framed.opaque = reason;
    },
  };
  for (const piece of pieces) framer.feed(piece, sink);
  framer.end(sink);
  framed.opaqueBytes = framer.opaqueBytes;
  return framed;
}

export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Cuts at any positions (taken modulo the length); equal positions make empty pieces. */
export function cut(whole: Buffer, positions: number[]): Buffer[] {
  const sorted = positions.map((position) => position % (whole.length + 1)).sort((a, b) => a - b);
  return [...sorted, whole.length].map((end, index) => whole.subarray(sorted[index - 1] ?? 0, end));
}

export const cuts = fc.array(fc.nat(), { maxLength: 12 });

const fieldName = fc.constantFrom('Host', 'X-A', 'accept', 'Content-Type', 'x_b.c', 'Cookie');
const fieldValue = fc.stringMatching(/^[ -~\xa0-\xff]{0,12}$/);
const fields = fc.array(
  fc
    .tuple(fieldName, fc.constantFrom('', ' ', '\t '), fieldValue)
    .map((field) => `${field[0]}:${field[1]}${field[2]}\r\n`),
  { maxLength: 4 },
);
const connection = fc.constantFrom('', '', 'Connection: close\r\n', 'connection: Keep-Alive\r\n');
const payload = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.constant('\r\n\r\nGET / HTTP/1.1\r\n\r\n0\r\n\r\n'),
);

const chunk = fc
  .tuple(
    payload.filter((data) => data.length > 0),
    fc.constantFrom('', ';a=b', ';q="x;y"'),
    fc.boolean(),
  )
  .map(([data, extension, isUpper]) => {
    const size = Buffer.byteLength(data).toString(16);
    return `${isUpper ? size.toUpperCase() : `0${size}`}${extension}\r\n${data}\r\n`;
  });
const chunkedBody = fc
  .tuple(fc.array(chunk, { maxLength: 4 }), fc.array(fc.constantFrom('X-T: 1\r\n', 'Digest: sha=x=\r\n')))
  .map(
    ([chunks, trailers]) =>
      `Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n${trailers.join('')}\r\n`,
  );
const sizedBody = payload.map((data) => `Content-Length: ${Buffer.byteLength(data)}\r\n\r\n${data}`);
const noBody = fc.constant('\r\n');

const request = fc
  .tuple(
    fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'M-SEARCH'),
    fc.constantFrom('/', '/a/b?c=d%20e', '*', 'http://h/x'),
    fc.constantFrom('1.1', '1.1', '1.0'),
    fields,
    connection,
    fc.oneof(noBody, sizedBody, chunkedBody),
  )
  .map(([method, target, wanted, lines, close, body]) => {
    const version = body.startsWith('Transfer') ? '1.1' : wanted;
    const head = `${method} ${target} HTTP/${version}\r\n${lines.join('')}${close}`;
    return { method, bytes: Buffer.from(head + body) };
  });

const interim = fc.constantFrom(
  '',
  '',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
);

function responseTo(method: string) {
  const isBodiless = method === 'HEAD';
  return fc
    .tuple(
      interim,
      fc.constantFrom(200, 201, 204, 304, 404, 500),
      fields,
      connection,
      sizedBody,
      fc.option(chunkedBody),
    )
    .map(([before, status, lines, close, sized, chunked]) => {
      const body = chunked ?? sized;
      const headOnly = body.slice(0, body.indexOf('\r\n\r\n') + 4);
      const rest = status === 204 ? '\r\n' : isBodiless || status === 304 ? headOnly : body;
      return Buffer.from(`${before}HTTP/1.1 ${status} Some Reason\r\n${lines.join('')}${close}${rest}`);
    });
}

/** Valid pipelined requests with their responses; the last response may run until close. */
export const conversation = fc
  .array(request, { minLength: 1, maxLength: 5 })
  .chain((requests) =>
    fc.record({
      requests: fc.constant(requests.map(({ bytes: raw }) => raw)),
      methods: fc.constant(requests.map(({ method }) => method)),
      responses: fc.tuple(...requests.map(({ method }) => responseTo(method))),
      untilClose: fc.option(payload.map((data) => Buffer.from(`HTTP/1.1 200 OK\r\n\r\n${data}`))),
    }),
  )
  .map(({ requests, methods, responses, untilClose }) => {
    const closes = untilClose !== null && methods.at(-1) !== 'HEAD';
    return { requests, methods, responses: closes ? [...responses.slice(0, -1), untilClose] : responses };
  });

/** Replaces, inserts or removes a few bytes, mostly by ones that mean something to the grammar. */
export const damage = fc
  .array(
    fc.tuple(
      fc.constantFrom('replace', 'insert', 'remove'),
      fc.nat(),
      fc.oneof(fc.constantFrom(...Buffer.from('\r\n\r\n :;,0fF\t\0')), fc.nat(255)),
    ),
    { maxLength: 4 },
  )
  .map((edits) => (whole: Buffer) => {
    const damaged = [...whole];
    for (const [kind, position, byte] of edits) {
      const at = position % (damaged.length + 1);
      if (kind === 'remove') damaged.splice(at, 1);
      else damaged.splice(at, kind === 'replace' ? 1 : 0, byte);
    }
    return Buffer.from(damaged);
  });

/** Answers the framer's question from a list: one method for each final response. */
export function methodsInOrder(methods: string[]): () => string | undefined {
  const left = [...methods];
  return () => left.shift();
}
