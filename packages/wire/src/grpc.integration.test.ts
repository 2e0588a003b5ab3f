import { promisify } from 'node:util';
import {
  Client,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bodyOf, fieldsOf, Tap } from './http2-tap.fixture.ts';

const bytes = (value: Buffer) => value;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  ...{ path: `/shop.Orders/${name}`, requestStream, responseStream },
  ...{
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
});
const SERVICE = {
  unary: method('Unary', false, false),
  upload: method('Upload', true, false),
  watch: method('Watch', false, true),
  chat: method('Chat', true, true),
} satisfies ServiceDefinition;

const unary: handleUnaryCall<Buffer, Buffer> = (call, done) => {
  if (call.request.toString() === 'hang') return;
  if (call.request.toString() === 'fail') done({ code: status.NOT_FOUND, details: 'no such order' });
  else done(null, Buffer.from(`re: ${call.request}`));
};
const upload: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
  let size = 0;
  call.on('data', (message: Buffer) => {
    size += message.length;
  });
  call.on('end', () => done(null, Buffer.from(`${size}`)));
};
const watch: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  for (let n = 0; n < 3; n++) call.write(Buffer.from(`event ${n}`));
  call.end();
};
const chat: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on('data', (message: Buffer) => call.write(Buffer.from(`re: ${message}`)));
  call.on('end', () => call.end());
};

/** The messages in a body: a flag, four bytes of length, the bytes. */
function messagesIn(body: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at + 5 <= body.length; at += 5 + body.readUInt32BE(at + 1)) {
    messages.push(body.subarray(at + 5, at + 5 + body.readUInt32BE(at + 1)).toString());
  }
  return messages;
}

describe('Http2Exchange beside grpc-js', () => {
  const server = new Server();
  let tap: Tap;
  let client: Client;

  beforeAll(async () => {
    server.addService(SERVICE, { unary, upload, watch, chat });
    const bind = promisify(server.bindAsync.bind(server));
    const port = await bind('127.0.0.1:0', ServerCredentials.createInsecure());
    tap = new Tap(port!);
    client = new Client(`127.0.0.1:${await tap.listen()}`, credentials.createInsecure());
  });
  beforeEach(() => {
    tap.pairs.length = 0;
  });
  afterAll(async () => {
    client.close();
    server.forceShutdown();
    await tap.close();
  });

  const call = (request: string, options = {}) =>
    new Promise<Buffer | { code: number }>((resolve) => {
      const done = (error: { code: number } | null, answer?: Buffer) => resolve(error ?? answer!);
      client.makeUnaryRequest(
        SERVICE.unary.path,
        bytes,
        bytes,
        Buffer.from(request),
        new Metadata(),
        options,
        done,
      );
    });
  const theCall = async () => {
    await tap.until(() => tap.pairs.length === 1);
    const pair = tap.pairs[0]!;
    expect(pair.protocol).toBe('grpc');
    return {
      path: fieldsOf(pair.requestHead)[':path'],
      sent: messagesIn(bodyOf(pair.requestBody)),
      received: messagesIn(bodyOf(pair.responseBody)),
      grpcStatus: fieldsOf(pair.responseTrailers ?? pair.responseHead)['grpc-status'],
      hasTrailers: pair.responseTrailers !== null,
      error: pair.error,
    };
  };
  const whole = { grpcStatus: '0', hasTrailers: true, error: null };

  test('unary', async () => {
    expect(`${await call('hello')}`).toBe('re: hello');
    expect(await theCall()).toEqual({
      ...whole,
      path: '/shop.Orders/Unary',
      sent: ['hello'],
      received: ['re: hello'],
    });
  });

  test('client streaming', async () => {
    await new Promise<void>((resolve, reject) => {
      const stream = client.makeClientStreamRequest(
        SERVICE.upload.path,
        bytes,
        bytes,
        (error: Error | null) => (error ? reject(error) : resolve()),
      );
      for (const message of ['one', 'two', 'three']) stream.write(Buffer.from(message));
      stream.end();
    });
    expect(await theCall()).toEqual({
      ...whole,
      path: '/shop.Orders/Upload',
      sent: ['one', 'two', 'three'],
      received: ['11'],
    });
  });

  test('server streaming', async () => {
    const stream = client.makeServerStreamRequest(SERVICE.watch.path, bytes, bytes, Buffer.from('all'));
    const received: string[] = [];
    for await (const message of stream) received.push(`${message}`);
    expect(received).toEqual(['event 0', 'event 1', 'event 2']);
    expect(await theCall()).toEqual({ ...whole, path: '/shop.Orders/Watch', sent: ['all'], received });
  });

  test('both ways, with the times of what arrived', async () => {
    const stream = client.makeBidiStreamRequest(SERVICE.chat.path, bytes, bytes);
    const heard = stream[Symbol.asyncIterator]();
    for (const message of ['a', 'b']) {
      stream.write(Buffer.from(message));
      expect(`${(await heard.next()).value}`).toBe(`re: ${message}`);
    }
    stream.end();
    expect((await heard.next()).done).toBe(true);
    expect(await theCall()).toEqual({
      ...whole,
      path: '/shop.Orders/Chat',
      sent: ['a', 'b'],
      received: ['re: a', 're: b'],
    });
    const { requestBody, responseBody } = tap.pairs[0]!;
    expect([requestBody.chunks!.length, responseBody.chunks!.length]).toEqual([2, 2]);
  });

  test('an error that comes with trailers only', async () => {
    expect(await call('fail')).toMatchObject({ code: status.NOT_FOUND });
    expect(await theCall()).toMatchObject({ grpcStatus: '5', hasTrailers: false, received: [], error: null });
  });

  test('a deadline that passes, and a call that is cancelled', async () => {
    expect(await call('hang', { deadline: Date.now() + 100 })).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    // The server knows the deadline too: its answer and the client's reset race.
    const { error, grpcStatus, ...late } = await theCall();
    expect(late).toMatchObject({ sent: ['hang'], received: [] });
    expect(error ?? grpcStatus).toBeOneOf(['reset', String(status.DEADLINE_EXCEEDED)]);
    tap.pairs.length = 0;
    const stream = client.makeBidiStreamRequest(SERVICE.chat.path, bytes, bytes);
    stream.on('error', () => {});
    stream.write(Buffer.from('a'));
    await new Promise((resolve) => stream.once('data', resolve));
    stream.cancel();
    expect(await theCall()).toMatchObject({ sent: ['a'], received: ['re: a'], error: 'reset' });
    expect(tap.connections.map(({ opaque, exchange }) => [opaque, exchange.outstanding])).toEqual([
      [null, 0],
    ]);
  });
});
