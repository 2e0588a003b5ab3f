// Recorded gRPC calls as mocks, and a client of grpc-js for them. For tests only.

import { promisify } from 'node:util';
import { signatureDigest, signatureOf } from '@echoplane/replay';
import { type Body, grpcStreamMessages, type HeaderList, type Mock } from '@echoplane/traffic';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { uuid } from './mock.fixture.ts';

export const HOST = 'orders.test:50051';
const TYPE: HeaderList = [['content-type', 'application/grpc']];

/** A protobuf message with one text field. */
export function textMessage(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)]);
}

export function textOf(message: Buffer): string {
  return message.subarray(2).toString();
}

function framed(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const message = textMessage(text);
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      return [head, message];
    }),
  );
}

/** Messages with when they came, µs after the call's start. */
export type Timed = readonly (readonly [text: string, atUs: number])[];

function bodyOf(messages: Timed): Body {
  const bytes = framed(messages.map(([text]) => text));
  const chunks = messages.map(([text, atUs]): [number, number] => [textMessage(text).length + 5, atUs]);
  if (bytes.length === 0) return { size: 0, encoding: 'identity' };
  return { size: bytes.length, encoding: 'identity', base64: bytes.toString('base64'), chunks };
}

export interface CallParts {
  asked?: Timed;
  answered?: Timed;
  status?: number;
  message?: string;
  sequence?: number;
  scheme?: 'http' | 'https';
  /** Head and status in one. */
  isTrailersOnly?: boolean;
}

let ids = 0;
/** A recorded call of `/shop.Orders/NAME`. */
export function call(name: string, parts: CallParts = {}): Mock {
  const {
    asked = [['a', 0]],
    answered = [],
    status = 0,
    message = '',
    sequence = 0,
    scheme = 'http',
  } = parts;
  const request = bodyOf(asked);
  const response = bodyOf(answered);
  const target = `/shop.Orders/${name}`;
  const signature = signatureOf({ scheme, host: HOST, method: 'POST', target, headers: TYPE, body: request });
  const trailers: HeaderList = [
    ['grpc-status', String(status)],
    ...(message ? [['grpc-message', message] as [string, string]] : []),
    ['x-shop', 'berlin'],
  ];
  const ttfbUs = answered[0]?.[1] ?? 0;
  const isStream = asked.length > 1 || answered.length > 1;
  return {
    ...{ id: uuid(2_000_000 + ids++), session: null, scheme, host: HOST, endpoint: target, protocol: 'grpc' },
    ...{
      signature,
      volatile: [],
      sequence,
      exact: signatureDigest(signature),
      loose: signatureDigest(signature, []),
    },
    ...{ ttfbUs, durationUs: answered.at(-1)?.[1] ?? 0 },
    response: parts.isTrailersOnly
      ? { status: 200, headers: [...TYPE, ...trailers], body: { size: 0, encoding: 'identity' } }
      : { status: 200, headers: TYPE, trailers, body: response },
    ...(isStream ? { messages: grpcStreamMessages(request, response) } : {}),
  };
}

/** What a client saw of a call: texts with when they came (ms after the start), then how it ended. */
export interface Seen {
  texts: string[];
  atMs: number[];
  code: number;
  details: string;
  trailers: Record<string, unknown>;
}

const bytes = (value: Buffer) => value;

export class OrdersClient {
  readonly #client: Client;

  constructor(port: number, caPem?: string) {
    const secure = caPem ? credentials.createSsl(Buffer.from(caPem)) : credentials.createInsecure();
    this.#client = new Client(`127.0.0.1:${port}`, secure, {
      ...{ 'grpc.default_authority': HOST, 'grpc.ssl_target_name_override': 'orders.test' },
      'grpc.enable_retries': 0,
    });
  }

  close(): void {
    this.#client.close();
  }

  /** Resolves when it is connected: what comes then is not held up by that. */
  async connected(): Promise<void> {
    await promisify(this.#client.waitForReady.bind(this.#client))(Date.now() + 50_000);
  }

  /** Says these and ends; `pace`: waits for as many answers as it says before it says the next. */
  call(name: string, said: readonly string[], { deadlineMs = 60_000, isPaced = false } = {}): Promise<Seen> {
    const path = `/shop.Orders/${name}`;
    const options = { deadline: Date.now() + deadlineMs };
    const stream = this.#client.makeBidiStreamRequest(path, bytes, bytes, new Metadata(), options);
    const seen: Seen = { texts: [], atMs: [], code: 0, details: '', trailers: {} };
    const started = performance.now();
    const left = [...said];
    const next = () => {
      const text = left.shift();
      if (text === undefined) stream.end();
      else stream.write(textMessage(text));
    };
    stream.on('data', (message: Buffer) => {
      seen.texts.push(textOf(message));
      seen.atMs.push(performance.now() - started);
      if (isPaced) next();
    });
    if (isPaced) next();
    else while (!stream.writableEnded) next();
    return new Promise((resolve) => {
      stream.on('error', (error: ServiceError) =>
        Object.assign(seen, { code: error.code, details: error.details }),
      );
      stream.on('status', ({ code, details, metadata }) => {
        resolve(Object.assign(seen, { code, details, trailers: metadata.getMap() }));
      });
    });
  }
}
