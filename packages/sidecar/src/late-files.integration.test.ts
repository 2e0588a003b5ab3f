// Secrets that are mounted optionally come after the pod, or never: without any of its files the sidecar serves and passes
// everything through, and takes each up when it is there.
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, request } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { CaptureFrameDecoder, encodeCaptureFrame, type Hello } from '@echoplane/wire';
import { afterEach, expect, test } from 'vitest';
import { atEnd, closeAll, listening, startTestSidecar, until } from './sidecar.fixture.ts';
import { ours, theirAuthority, theirs, tlsFolder } from './tls.fixture.ts';

afterEach(closeAll);

const served = await theirAuthority.issue({ names: ['127.0.0.1', 'payments.localhost'], days: 30 });

/** A forwarder that shows a certificate, asks for none, and refuses a Hello without a token. */
async function startForwarder() {
  const hellos: Hello[] = [];
  const server = createTlsServer({ cert: served.certPem, key: served.keyPem }, (socket) => {
    const decoder = new CaptureFrameDecoder({ preface: true });
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        for (const message of decoder.feed(chunk)) {
          if (message.type === 'batch')
            socket.write(encodeCaptureFrame({ type: 'ack', value: { batch: message.value.seq } }));
          if (message.type !== 'hello') continue;
          hellos.push(message.value);
          const refusal = { code: 'identity-unavailable', message: 'Show a token.' };
          if (message.value.token === '') socket.end(encodeCaptureFrame({ type: 'refusal', value: refusal }));
          else
            socket.write(
              encodeCaptureFrame({ type: 'welcome', value: { lastBatch: 0, windowBytes: 1 << 20 } }),
            );
        }
      });
  });
  server.on('tlsClientError', () => {});
  return { hellos, port: await listening(server) };
}

async function tunnel(proxyPort: number, host: string, port: number) {
  const raw = connect(proxyPort, '127.0.0.1').on('error', () => {});
  atEnd(() => void raw.destroy());
  raw.write(`CONNECT ${host}:${port} HTTP/1.1\r\n\r\n`);
  await once(raw, 'data');
  return raw;
}

/** A file that is there whole or not at all, as those of a mounted Secret are. */
async function mount(path: string, text: string): Promise<void> {
  await writeFile(`${path}.draft`, text);
  await rename(`${path}.draft`, path);
}

/** Who signed what a client that trusts everybody sees behind the sidecar. */
async function issuerSeen(proxyPort: number, port: number): Promise<string> {
  const host = 'payments.localhost';
  const socket = tlsConnect({
    socket: await tunnel(proxyPort, host, port),
    servername: host,
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  socket.on('error', () => {}).end();
  return String(socket.getPeerCertificate().issuer.CN);
}

function getThrough(proxyPort: number, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const path = `http://127.0.0.1:${port}/`;
    const asked = request({ port: proxyPort, host: '127.0.0.1', path, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    asked.on('error', reject).end();
  });
}

test('without roots, token and CA it serves; each is taken up when it comes', async () => {
  const { hellos, port } = await startForwarder();
  const payments = createTlsServer({ cert: served.certPem, key: served.keyPem }, (socket) => {
    socket.on('error', () => {}).resume();
  });
  payments.on('tlsClientError', () => {});
  const paymentsPort = await listening(payments);
  const shopPort = await listening(createHttpServer((_, response) => response.end('ok')));
  const file = await tlsFolder();
  const upstreams = await file('theirs.pem', theirs.certPem);
  const at = (name: string) => join(dirname(upstreams), name);
  const [caFile, tokenFile] = [at('forwarder-ca.crt'), at('token')];
  const [caCert, caKey] = [at('tls.crt'), at('tls.key')];
  const sidecar = await startTestSidecar({
    ...{ MODE: 'forward', TLS_OUT: 'true', CA_CERT_FILE: caCert, CA_KEY_FILE: caKey },
    UPSTREAM_CA_FILES: upstreams,
    ...{ FORWARDER_PORT: port, FORWARDER_CA_FILE: caFile, FORWARDER_TOKEN_FILE: tokenFile },
  });
  const out = sidecar.ports.out!;

  expect(await getThrough(out, shopPort)).toBe(200);
  expect(await issuerSeen(out, paymentsPort)).toBe('Payments');
  expect([hellos.length, sidecar.sender.isConnected]).toEqual([0, false]);

  await mount(caFile, theirs.certPem);
  await until(() => hellos.length > 0, 'a Hello');
  expect([hellos[0]!.token, sidecar.sender.isConnected]).toEqual(['', false]);
  await mount(tokenFile, 'first.token.x\n');
  await until(() => sidecar.sender.isConnected, 'Welcome');
  expect(hellos.at(-1)!.token).toBe('first.token.x');
  await until(() => sidecar.sender.counters().delivered >= 1, 'what was captured before');

  await mount(caCert, ours.certPem);
  await mount(caKey, ours.keyPem);
  const seen: string[] = [];
  const look = async () => void seen.push(await issuerSeen(out, paymentsPort));
  void look();
  await until(() => {
    if (seen.length > 0 && seen.at(-1) !== 'Echoplane') {
      seen.pop();
      void look();
    }
    return seen.at(-1) === 'Echoplane';
  }, 'TLS opened with the CA');
});
