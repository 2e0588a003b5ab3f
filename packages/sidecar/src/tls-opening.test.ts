import type { Socket } from 'node:net';
import { Duplex, duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { readOpening } from './tls-opening.ts';

/** Both ends of a client and of a server in memory. */
function connected() {
  const [client, ours] = duplexPair();
  const [server, theirs] = duplexPair();
  const open = (helloMs?: number) =>
    readOpening(ours as unknown as Socket, theirs as unknown as Socket, undefined, helloMs);
  return { client, server, ours, theirs, open };
}

/** TLS 1.2, no extensions. */
const HELLO = Buffer.from(`160301002d010000290303${'00'.repeat(32)}000002c02b0100`, 'hex');

test('a ClientHello in pieces is read as one, and no byte beyond is waited for', async () => {
  const { client, open, ours, theirs } = connected();
  const opening = open();
  for (const byte of HELLO) client.write(Buffer.of(byte));
  const { hello, fromClient, fromServer } = await opening;
  expect(hello).toEqual({ sni: null, alpn: [], versions: [0x0303] });
  expect([fromClient, fromServer.length]).toEqual([HELLO, 0]);
  expect([ours.isPaused(), theirs.isPaused()]).toEqual([true, true]);
});

test.each([
  ['a byte that is not TLS', Buffer.from('G')],
  ['a record that is no ClientHello', Buffer.from('1603010004020000', 'hex')],
])('%s ends the waiting', async (_, bytes) => {
  const { client, open } = connected();
  client.write(bytes);
  expect(await open()).toMatchObject({ hello: null, fromClient: bytes });
});

test('a server that speaks first ends the waiting', async () => {
  const { server, open } = connected();
  server.write('220 hello');
  expect(await open()).toMatchObject({ hello: null, fromServer: Buffer.from('220 hello') });
});

test('half a ClientHello with nothing after it is handed on after the deadline', async () => {
  const { client, open } = connected();
  client.write(HELLO.subarray(0, 20));
  expect(await open(1)).toMatchObject({ hello: null, fromClient: HELLO.subarray(0, 20) });
});

test.each(['client', 'server'] as const)('the end of the %s ends the waiting', async (side) => {
  const ends = connected();
  const opening = ends.open();
  ends.client.write(HELLO.subarray(0, 20), () => ends[side].end());
  expect((await opening).hello).toBeNull();
});

test('a client that is gone already is not waited for', async () => {
  const gone = new Duplex().destroy() as unknown as Socket;
  const { theirs } = connected();
  expect(await readOpening(gone, theirs as unknown as Socket)).toMatchObject({ hello: null });
});
