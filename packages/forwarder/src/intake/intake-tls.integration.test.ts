// Mutual TLS between real senders and the real intake: who gets in, who does not, and what happens when certificates
// change under live streams.
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type Authority, ConfigError, type IssueOptions } from '@echoplane/runtime';
import { CAPTURE_PREFACE, encodeCaptureFrame } from '@echoplane/wire';
import { afterEach, expect, test } from 'vitest';
import { HELLO } from '../captured.fixture.ts';
import { Cleanup, temporaryHome, until } from '../forwarder.fixture.ts';
import {
  type Files,
  listeningLogger,
  newAuthority,
  SENDER,
  startIntake,
  startSidecarSender,
  writeEnd,
} from './intake-tls.fixture.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const ours = await newAuthority();
const stranger = await newAuthority();

/** Folders of both ends; `issuer` and `options` say how one end's certificate differs. */
async function stage(
  changes: { server?: Partial<IssueOptions>; sender?: Partial<IssueOptions>; issuer?: Authority } = {},
): Promise<{ home: string; server: Files; sender: Files }> {
  const home = await temporaryHome(cleanup);
  const server = await writeEnd(join(home, 'server'), ours, ours, changes.server ?? {});
  const sender = await writeEnd(join(home, 'sender'), ours, changes.issuer ?? ours, {
    ...SENDER,
    ...changes.sender,
  });
  return { home, server, sender };
}

/** Connections a server accepted, and whether each resumed a session. */
function watch(server: Server) {
  const sockets: TLSSocket[] = [];
  const reused: boolean[] = [];
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.push(socket);
    reused.push(socket.isSessionReused());
  });
  return { sockets, reused };
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.on('error', () => {}).on('close', () => resolve()));
}

test('a sender with a certificate of our roots gets in, and is known by its name', async () => {
  const { server, sender } = await stage();
  const { port, ledger } = await startIntake(cleanup, { files: server });
  const one = startSidecarSender(cleanup, port, { tls: sender });
  await until('Welcome', () => one.isConnected);
  expect(ledger.streams[0]).toMatchObject({ connected: true, identity: 'DNS:shop-1.demo' });
});

test.each<[string, Parameters<typeof stage>[0], boolean, RegExp]>([
  ['without a certificate', {}, false, /wants a certificate|log of the forwarder/],
  ['with a certificate of a stranger', { issuer: stranger }, true, /log of the forwarder/],
  ['with an expired certificate', { sender: { days: -0.5 } }, true, /log of the forwarder/],
  ['with a certificate for servers', { sender: { usage: 'serverAuth' } }, true, /log of the forwarder/],
])('a sender %s does not get in, and says so once', async (_, changes, shown, advice) => {
  const { server, sender } = await stage(changes);
  const complaints = listeningLogger('warn');
  const { port, intake, ledger } = await startIntake(cleanup, { files: server, log: complaints.log });
  let refused = 0;
  intake.server.on('tlsClientError', () => refused++);
  const { log, lines } = listeningLogger('warn');
  const tls = shown ? sender : { caFile: sender.caFile };
  const one = startSidecarSender(cleanup, port, { tls, log });
  await until('several attempts and a warning', () => refused >= 3 && lines.length > 0);
  expect([one.isConnected, ledger.streams.length]).toEqual([false, 0]);
  const kinds = lines.map((line) => line.advice as string);
  expect(new Set(kinds).size).toBe(kinds.length);
  for (const kind of kinds) expect(kind).toMatch(advice);
  expect(complaints.lines).toHaveLength(1);
});

test.each<[string, Parameters<typeof stage>[0], string | undefined, RegExp]>([
  ['has expired', { server: { days: -0.5 } }, undefined, /renew the certificate of the forwarder/],
  ['has another name', {}, 'forwarder.echoplane', /set the forwarder name/],
  ['is for another address', { server: { names: ['127.0.0.2'] } }, undefined, /set the forwarder name/],
])('a forwarder whose certificate %s is told nothing', async (_, changes, name, advice) => {
  const { server, sender } = await stage(changes);
  const { port, ledger } = await startIntake(cleanup, { files: server });
  const { log, lines } = listeningLogger('warn');
  startSidecarSender(cleanup, port, { tls: { ...sender, name }, log });
  await until('a warning', () => lines.length > 0);
  expect(lines.map((line) => line.advice)).toEqual([expect.stringMatching(advice)]);
  expect(ledger.streams).toEqual([]);
});

test('a forwarder of another authority, or without TLS, is told nothing', async () => {
  const { home, server, sender } = await stage();
  await writeFile(sender.caFile, stranger.certPem);
  const secure = await startIntake(cleanup, { files: server });
  const plain = await startIntake(cleanup, { home });
  const { log, lines } = listeningLogger('warn');
  for (const { port } of [secure, plain]) startSidecarSender(cleanup, port, { tls: sender, log });
  await until('both warnings', () => lines.length >= 2);
  expect(lines.map((line) => line.advice).sort()).toEqual([
    expect.stringMatching(/must hold the certificate that signed/),
    expect.stringMatching(/is it TLS that it speaks/),
  ]);
  expect([...secure.ledger.streams, ...plain.ledger.streams]).toEqual([]);
});

test('the name of the forwarder may be another than its host', async () => {
  const { server, sender } = await stage({ server: { names: ['forwarder.echoplane'] } });
  const { port } = await startIntake(cleanup, { files: server });
  const one = startSidecarSender(cleanup, port, { tls: { ...sender, name: 'forwarder.echoplane' } });
  await until('Welcome', () => one.isConnected);
});

test('a cut stream is resumed with its session, and its identity stays known', async () => {
  const { server, sender } = await stage();
  const { port, intake, ledger } = await startIntake(cleanup, { files: server });
  const { sockets, reused } = watch(intake.server);
  const one = startSidecarSender(cleanup, port, { tls: sender });
  await until('Welcome', () => one.isConnected);
  sockets[0]!.destroy();
  await until('Welcome again', () => sockets.length === 2 && one.isConnected);
  expect(reused).toEqual([false, true]);
  expect(ledger.streams[0]).toMatchObject({ connected: true, identity: 'DNS:shop-1.demo' });
});

test('certificates of a new authority are taken up by both ends without a restart; the old ones end', async () => {
  const { home, server, sender } = await stage();
  const { port, intake, reload } = await startIntake(cleanup, { files: server });
  const { sockets, reused } = watch(intake.server);
  const old = await writeEnd(join(home, 'old'), ours, ours, SENDER);
  const one = startSidecarSender(cleanup, port, { tls: sender });
  await until('Welcome', () => one.isConnected);

  const next = await newAuthority();
  await writeEnd(join(home, 'server'), next, next, {});
  await writeEnd(join(home, 'sender'), next, next, SENDER);
  reload();
  expect([one.isConnected, sockets.length]).toEqual([true, 1]);
  sockets[0]!.destroy();
  await until('Welcome under the new authority', () => sockets.length === 2 && one.isConnected);
  expect(reused).toEqual([false, false]);

  const { log, lines } = listeningLogger('warn');
  const late = startSidecarSender(cleanup, port, { tls: { ...old, caFile: sender.caFile }, log });
  await until('a warning', () => lines.length > 0);
  expect(late.isConnected).toBe(false);
});

test('files that are half replaced change nothing until they are whole', async () => {
  const { home, server, sender } = await stage();
  const { log, lines } = listeningLogger('warn');
  const { port, reload } = await startIntake(cleanup, { files: server, log });
  const other = await writeEnd(join(home, 'other'), ours, ours, {});
  await writeFile(server.keyFile, await readFile(other.keyFile));
  for (let n = 0; n < 3; n++) reload();
  expect(lines).toHaveLength(1);
  const one = startSidecarSender(cleanup, port, { tls: sender });
  await until('Welcome', () => one.isConnected);
  await writeFile(server.certFile, await readFile(other.certFile));
  reload();
  const dialled = tlsConnect({ port, ca: ours.certPem, host: '127.0.0.1' }).on('error', () => {});
  cleanup.add(() => dialled.destroy());
  await once(dialled, 'secureConnect');
  expect(dialled.getPeerX509Certificate()!.toString()).toBe(
    (await readFile(other.certFile, 'utf8')).split(/(?<=END CERTIFICATE-----\n)/)[0],
  );
});

test('roots without a certificate are refused at the start: they would mean every public one', async () => {
  const { server } = await stage();
  await writeFile(server.caFile, '');
  await expect(startIntake(cleanup, { files: server })).rejects.toBeInstanceOf(ConfigError);
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a stranger is not let in by a session it resumes (%s)',
  async (version) => {
    const { server, sender } = await stage({ issuer: stranger });
    const { port, ledger } = await startIntake(cleanup, { files: server });
    const [cert, key] = [await readFile(sender.certFile), await readFile(sender.keyFile)];
    const hello = encodeCaptureFrame({ type: 'hello', value: HELLO });
    const sessions: Buffer[] = [];
    const heard: Buffer[] = [];
    for (const shown of [{ cert, key }, {}]) {
      for (let n = 0; n < 3; n++) {
        const socket = tlsConnect({
          ...{ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: version, ...shown },
          ...(sessions.length > 0 ? { session: sessions.at(-1) } : {}),
        });
        socket.on('session', (session) => sessions.push(session)).on('data', (chunk) => heard.push(chunk));
        const ended = closed(socket);
        socket.write(Buffer.concat([CAPTURE_PREFACE, hello]));
        await ended;
      }
    }
    expect([heard.length, ledger.streams.length]).toEqual([0, 0]);
  },
);

test('garbage, a plain stream and a handshake that crawls are ended; a sender gets in beside them', async () => {
  const { server, sender } = await stage();
  const { port } = await startIntake(cleanup, { files: server, handshakeDeadlineMs: 300 });
  const dial = (first: Uint8Array) => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    cleanup.add(() => socket.destroy());
    socket.resume().write(first);
    return socket;
  };
  const hello = encodeCaptureFrame({ type: 'hello', value: HELLO });
  const abusers = [
    dial(Buffer.alloc(100_000, 'garbage')),
    dial(Buffer.concat([CAPTURE_PREFACE, hello])),
    dial(Buffer.from([])),
  ];
  // The record of a ClientHello of 500 bytes, a byte at a time.
  const crawling = dial(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]));
  const trickle = setInterval(() => crawling.write('x'), 20);
  cleanup.add(() => clearInterval(trickle));
  const one = startSidecarSender(cleanup, port, { tls: sender });
  await Promise.all([...abusers, crawling].map(closed));
  await until('Welcome', () => one.isConnected);
});
