// The sidecar's stream to a forwarder that wants a certificate, and what goes over it beside pairs: hosts whose TLS
// passes through, in both directions.
import { once } from 'node:events';
import { connect } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import {
  type CapturedPair,
  CaptureFrameDecoder,
  encodeCaptureFrame,
  type PassThroughHost,
} from '@echoplane/wire';
import { afterEach, expect, test } from 'vitest';
import { atEnd, closeAll, listening, until } from './sidecar.fixture.ts';
import { ours, pairFiles, startInterception, theirAuthority, theirs, tlsFolder } from './tls.fixture.ts';

afterEach(closeAll);

const served = await theirAuthority.issue({ names: ['127.0.0.1', 'payments.localhost'], days: 30 });
const shown = await theirAuthority.issue({ names: ['shop-1'], days: 30, usage: 'clientAuth' });

/** A forwarder that wants a certificate of theirs, tells `tells` after Welcome, and keeps what it hears. */
async function startSecureReceiver(tells: (payments: number) => PassThroughHost[], payments: number) {
  const heard = { pairs: [] as CapturedPair[], hosts: [] as PassThroughHost[] };
  const server = createTlsServer({
    ...{ cert: served.certPem, key: served.keyPem, ca: theirs.certPem },
    ...{ requestCert: true, rejectUnauthorized: true },
  });
  server.on('secureConnection', (socket) => {
    const decoder = new CaptureFrameDecoder({ preface: true });
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        for (const message of decoder.feed(chunk)) {
          if (message.type === 'hello') {
            const value = { lastBatch: 0, windowBytes: 8 << 20 };
            const hosts = encodeCaptureFrame({ type: 'pass-through', value: { hosts: tells(payments) } });
            // In one write, so that a sidecar that is welcome has heard it.
            socket.write(Buffer.concat([encodeCaptureFrame({ type: 'welcome', value }), hosts]));
          } else if (message.type === 'batch') {
            heard.pairs.push(...message.value.pairs);
            socket.write(encodeCaptureFrame({ type: 'ack', value: { batch: message.value.seq } }));
          } else if (message.type === 'pass-through') heard.hosts.push(...message.value.hosts);
        }
      });
  });
  return { heard, port: await listening(server) };
}

/** Who signed the certificate a client sees behind the sidecar; it trusts `roots` only. */
async function issuerSeen(proxy: string, host: string, port: number, roots: string): Promise<string> {
  const raw = connect(Number(new URL(proxy).port), '127.0.0.1').on('error', () => {});
  atEnd(() => void raw.destroy());
  raw.write(`CONNECT ${host}:${port} HTTP/1.1\r\n\r\n`);
  await once(raw, 'data');
  const servername = host === '127.0.0.1' ? '' : host;
  const socket: TLSSocket = tlsConnect({ socket: raw, host, servername, ca: roots });
  await once(socket, 'secureConnect');
  socket.on('error', () => {}).end();
  return String(socket.getPeerCertificate().issuer.CN);
}

test('over mutual TLS it is told whose TLS passes through, tells what it learns, and delivers pairs', async () => {
  const server = createTlsServer({ cert: served.certPem, key: served.keyPem }, (socket) => socket.resume());
  server.on('tlsClientError', () => {});
  const payments = await listening(server);
  const told = (port: number) => [{ host: 'payments.localhost', port, reason: 'tls-refused-by-client' }];
  const { heard, port } = await startSecureReceiver(told, payments);
  const file = await tlsFolder();
  const { cert, key } = await pairFiles(file, 'shown', shown);
  const { sidecar, proxy } = await startInterception({
    FORWARDER_PORT: String(port),
    FORWARDER_CA_FILE: await file('forwarder-ca.pem', theirs.certPem),
    FORWARDER_CERT_FILE: cert,
    FORWARDER_KEY_FILE: key,
  });
  await until(() => sidecar.sender.isConnected, 'Welcome');

  const both = ours.certPem + theirs.certPem;
  expect(await issuerSeen(proxy, 'payments.localhost', payments, both)).toBe('Payments');
  await expect(issuerSeen(proxy, '127.0.0.1', payments, theirs.certPem)).rejects.toThrow();
  await until(() => heard.hosts.length > 0, 'what the sidecar learned');
  expect(heard.hosts).toEqual([{ host: '127.0.0.1', port: payments, reason: 'tls-refused-by-client' }]);
  expect(await issuerSeen(proxy, '127.0.0.1', payments, theirs.certPem)).toBe('Payments');
  await until(() => heard.pairs.length > 0, 'a pair');
});
