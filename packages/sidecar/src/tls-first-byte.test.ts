import { PassThrough } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import type { Tap } from './splice.ts';
import { watchFirstByte } from './tls-first-byte.ts';

function watched(options: { isGone?: boolean } = {}) {
  const seen: string[] = [];
  const tap: Tap = {
    nowUs: () => 7,
    fromClient: (chunk, atUs) => seen.push(`client ${chunk} ${atUs}`),
    fromServer: (chunk, atUs) => seen.push(`server ${chunk} ${atUs}`),
    clientEnded: () => seen.push('client ended'),
    serverEnded: () => seen.push('server ended'),
    closed: (failed) => seen.push(`closed ${failed}`),
  };
  const streams = { client: new PassThrough(), upstream: new PassThrough() };
  if (options.isGone) streams.client.destroy();
  const first = { onByte: () => seen.push('accepted'), onSilence: () => seen.push('silence') };
  const result = watchFirstByte(tap, streams as unknown as Record<keyof typeof streams, TLSSocket>, first);
  return { seen, tap: result, ...streams };
}

const closed = (stream: PassThrough) => new Promise((resolve) => stream.on('close', resolve).destroy());

test("the client's first byte is told once, and the tap sees everything", async () => {
  const { seen, tap, client } = watched();
  tap.fromServer(Buffer.from('hello'), tap.nowUs());
  tap.fromClient(Buffer.from('a'), 1);
  tap.fromClient(Buffer.from('b'), 2);
  tap.clientEnded();
  tap.serverEnded();
  tap.closed(false);
  await closed(client);
  expect(seen.join()).toBe(
    'server hello 7,accepted,client a 1,client b 2,client ended,server ended,closed false',
  );
});

test('an end of the client before its first byte is a silence', async () => {
  const { seen, client } = watched();
  await closed(client);
  expect(seen).toEqual(['silence']);
  expect(watched({ isGone: true }).seen).toEqual(['silence']);
});

test('an end of the client after the end or the error of its upstream is none', async () => {
  const ended = watched();
  ended.upstream.resume().end();
  await new Promise((resolve) => ended.upstream.on('end', resolve));
  await closed(ended.client);
  const failed = watched();
  failed.upstream.on('error', () => {}).destroy(new Error('reset'));
  await closed(failed.client);
  expect([ended.seen, failed.seen]).toEqual([[], []]);
});
