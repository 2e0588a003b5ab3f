// Outbound TLS with upstreams and clients that are hard to please: OpenSSL's server wanting certificates, with bad ones of
// its own, and clients that are old, particular, or resume.
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import {
  createSecureContext,
  createServer as createTlsServer,
  type TLSSocket,
  connect as tlsConnect,
} from 'node:tls';
import type { KeyPairPem } from '@echoplane/runtime';
import { silentLogger, systemClock } from '@echoplane/runtime';
import { afterEach, describe, expect, test } from 'vitest';
import { Capture, type CaptureOptions } from './capture.ts';
import { Connections } from './connections.ts';
import { createDial } from './dial.ts';
import { Metrics } from './metrics.ts';
import { closeAll, type Finished, listening, run, until } from './sidecar.fixture.ts';
import {
  type InterceptionStage,
  opensslClient,
  opensslServer,
  ours,
  pairFiles,
  startInterception,
  strange,
  strangeAuthority,
  theirAuthority,
  tlsFolder,
} from './tls.fixture.ts';
import { readOpening } from './tls-opening.ts';
import { openTls } from './tls-setup.ts';
import { UpstreamTls } from './tls-upstream.ts';

afterEach(closeAll);

const served = await theirAuthority.issue({ names: ['payments.localhost', '127.0.0.1'], days: 30 });
const client = await theirAuthority.issue({ names: ['client'], days: 1, usage: 'clientAuth' });
const GET = 'GET / HTTP/1.0\r\n\r\n';

/** OpenSSL's server with this certificate; `VERIFY` stands for wanting one of the client. */
async function startUpstream(pair: KeyPairPem, ...args: string[]): Promise<number> {
  const file = await tlsFolder();
  const { cert, key } = await pairFiles(file, 'upstream', pair);
  const roots = await file('roots.pem', theirRoots);
  const wanted = args.flatMap((arg) =>
    arg === 'VERIFY' ? ['-Verify', '2', '-verify_return_error', '-CAfile', roots] : [arg],
  );
  return opensslServer(['-cert', cert, '-key', key, ...wanted]);
}
const theirRoots = theirAuthority.certPem;

/** OpenSSL's client through the forward proxy. */
function through({ proxy }: InterceptionStage, port: number, ...args: string[]) {
  const name = args.includes('-noservername') ? [] : ['-servername', 'payments.localhost'];
  return opensslClient(port, ['-proxy', proxy.slice('http://'.length), '-ign_eof', ...name, ...args], GET);
}

/** What the upstream says of its side. */
function pageOf({ stdout }: Finished): string {
  return stdout.split('<HTML>')[1] ?? '';
}

describe('an upstream that wants a certificate of its client', () => {
  test.each(['-tls1_2', '-tls1_3'])('gets the configured one, %s', async (version) => {
    const port = await startUpstream(served, version, 'VERIFY');
    const shown = await pairFiles(await tlsFolder(), 'client', client);
    const stage = await startInterception({
      TLS_CLIENT_CERT_FILE: shown.cert,
      TLS_CLIENT_KEY_FILE: shown.key,
    });
    const { stdout } = await through(stage, port);
    expect(stdout).toContain('issuer=CN = Echoplane');
    expect(stdout).toContain('Subject: CN=client');
    const [pair] = await stage.sidecar.captured(1);
    expect(pair).toMatchObject({
      protocol: 'http/1.1',
      tls: { version: version === '-tls1_2' ? 'TLSv1.2' : 'TLSv1.3' },
    });
  });

  test('that is not configured is not left half open by the alert that says so, TLS 1.3', async () => {
    const port = await startUpstream(served, '-tls1_3', 'VERIFY');
    const upstreams = new UpstreamTls({ clock: systemClock(), onKeyLine: null });
    upstreams.trust(createSecureContext({ ca: theirRoots }));
    const target = { host: '127.0.0.1', port };
    const server = createDial(new Set())(target);
    const { stream } = await upstreams.connect(server, target, { sni: null, alpn: [], versions: [] });
    // The alert may have come already; then there is no stream.
    if (stream) await new Promise((closed) => stream.resume().on('close', closed));
    await until(() => server.destroyed, 'the end of the connection');
  });

  test('that is not configured gets the client itself, at the first connection with TLS 1.2', async () => {
    const port = await startUpstream(served, '-tls1_2', 'VERIFY');
    const stage = await startInterception();
    const { cert, key } = await pairFiles(stage.file, 'client', client);
    const { stdout } = await through(stage, port, '-cert', cert, '-key', key);
    expect(stdout).toContain('issuer=CN = Payments');
    expect(stdout).toContain('Subject: CN=client');
    expect((await stage.sidecar.captured(1))[0]).toMatchObject({ gapReason: 'tls-client-certificate' });
  });
});

/** A TLS record that cannot be decrypted. */
const GARBAGE = Buffer.from(`1703030020${'00'.repeat(32)}`, 'hex');

test.each(['client', 'upstream'])(
  'broken TLS of the %s ends the connection on both sides',
  async (breaker) => {
    const sides: TLSSocket[] = [];
    let beneath: Socket | undefined;
    const upstream = createTlsServer({ cert: served.certPem, key: served.keyPem }, (socket) => {
      sides.push(socket.on('error', () => {}).resume());
    });
    upstream.on('connection', (raw) => {
      beneath = raw;
    });
    const port = await listening(upstream);
    const { sidecar } = await startInterception();
    const raw = connect(sidecar.ports.out!, '127.0.0.1');
    raw.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\n\r\n`);
    await once(raw, 'data');
    const socket = tlsConnect({ socket: raw, ca: ours.certPem, host: '127.0.0.1' });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    socket.write('x');
    await until(() => sides[0]?.bytesRead === 1, 'the first byte');
    const ends = [sides[0]!, socket].map((end) => new Promise((closed) => end.on('close', closed)));
    (breaker === 'client' ? raw : beneath!).write(GARBAGE);
    await Promise.all(ends);
  },
);

describe('an upstream that cannot be verified answers for itself', () => {
  test.each([
    ['untrusted', () => strangeAuthority.issue({ names: ['payments.localhost'], days: 1 })],
    ['expired', () => theirAuthority.issue({ names: ['payments.localhost'], days: -0.5 })],
    ['of another name', () => theirAuthority.issue({ names: ['refunds.localhost'], days: 1 })],
  ])('%s', async (_, issue) => {
    const port = await startUpstream(await issue());
    const stage = await startInterception();
    for (let i = 0; i < 2; i++) {
      const { stdout } = await through(stage, port);
      expect(stdout).not.toContain('issuer=CN = Echoplane');
      expect(stdout).toContain('HTTP/1.0 200 ok');
    }
    const pairs = await stage.sidecar.captured(2);
    expect(pairs.map((pair) => pair.gapReason)).toEqual(['tls-unverified', 'tls-unverified']);
  });
});

describe('sessions', () => {
  test.each(['-tls1_2', '-tls1_3'])('are resumed with upstreams: %s', async (version) => {
    const port = await startUpstream(served, version);
    const stage = await startInterception();
    expect(pageOf(await through(stage, port))).toMatch(/^New, TLS/m);
    expect(pageOf(await through(stage, port))).toMatch(/^Reused, TLS/m);
    // Another name is another session, and it is verified anew.
    expect(pageOf(await through(stage, port, '-noservername'))).toMatch(/^New, TLS/m);
  });

  test.each(['-tls1_2', '-tls1_2 -no_ticket', '-tls1_3'])('are resumed by clients: %s', async (flags) => {
    const port = await startUpstream(served);
    const stage = await startInterception();
    const session = await stage.file('session.pem', '');
    await through(stage, port, ...flags.split(' '), '-sess_out', session);
    const again = await through(stage, port, ...flags.split(' '), '-sess_in', session);
    expect(again.stdout.split('<HTML>')[0]).toMatch(/^Reused, TLS/m);
    expect(stage.sidecar.metrics.get('tls_outbound', 'intercepted')).toBe(2);
  });
});

describe('a client', () => {
  test('that speaks nothing newer than TLS 1.1 passes through', async () => {
    const port = await startUpstream(served, '-cipher', 'DEFAULT@SECLEVEL=0');
    const stage = await startInterception();
    const old = await through(stage, port, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0');
    expect(old.stdout).toContain('HTTP/1.0 200 ok');
    expect((await stage.sidecar.captured(1))[0]).toMatchObject({ gapReason: 'tls-old-version' });
  });

  test('that takes no ECDSA certificate passes through from its second connection on', async () => {
    const file = await tlsFolder();
    const [cert, key] = [await file('rsa.crt', ''), await file('rsa.key', '')];
    const subject = ['-subj', '/CN=payments.localhost', '-addext', 'subjectAltName=DNS:payments.localhost'];
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      ...subject,
    ]);
    const port = await opensslServer(['-cert', cert, '-key', key]);
    const stage = await startInterception({ UPSTREAM_CA_FILES: cert });
    const particular = ['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'];
    expect((await through(stage, port, ...particular)).stdout).not.toContain('200 ok');
    expect((await through(stage, port, ...particular)).stdout).toContain('200 ok');
    expect((await stage.sidecar.captured(1))[0]).toMatchObject({ gapReason: 'tls-handshake-failed' });
  });
});

describe('the CA', () => {
  test('whose files are not there yet lets TLS pass through', async () => {
    const port = await startUpstream(served);
    const stage = await startInterception({ CA_KEY_FILE: '/nowhere/ca.key' });
    expect((await through(stage, port)).stdout).toContain('issuer=CN = Payments');
    expect((await stage.sidecar.captured(1))[0]).toMatchObject({ gapReason: 'tls-no-ca' });
    expect(stage.sidecar.metrics.get('tls_outbound', 'tls-no-ca')).toBe(1);
  });

  test('that is none stops the start', async () => {
    const file = await tlsFolder();
    const stage = startInterception({ CA_KEY_FILE: await file('odd.key', strange.keyPem) });
    await expect(stage).rejects.toThrow(/ECHOPLANE_CA_KEY_FILE .*odd.key. do not hold a usable CA/);
  });

  test('is exchanged when its files change, and a client is terminated with nobody dialled', async () => {
    const stage = await startTerminator();
    await expect(stage.issuer()).resolves.toContain('issuer=CN = Echoplane');
    const { certPem, keyPem } = strange;
    await stage.file('ours.crt', certPem);
    await stage.tls.check();
    await expect(stage.issuer(), 'half exchanged, the old one stays').resolves.toContain(
      'issuer=CN = Echoplane',
    );
    await stage.file('ours.key', keyPem);
    await stage.tls.check();
    await expect(stage.issuer()).resolves.toContain('issuer=CN = Stranger');
    expect(stage.keyLines.join('')).toMatch(/^(CLIENT|SERVER)_HANDSHAKE_TRAFFIC_SECRET [0-9a-f]+ /);
    await rm(stage.certPath);
    await stage.tls.check();
    await expect(stage.issuer()).resolves.not.toContain('issuer=');
  });
});

/** A listener that terminates every client by its server name, as a mocked destination is. */
async function startTerminator() {
  const file = await tlsFolder();
  const { cert, key } = await pairFiles(file, 'ours', ours);
  const clock = systemClock();
  const metrics = new Metrics();
  const keyLines: string[] = [];
  const settings = {
    mode: 'forward' as const,
    tlsOut: true,
    caCertFile: cert,
    caKeyFile: key,
    upstreamCaFiles: [],
    tlsClientCertFile: undefined,
    tlsClientKeyFile: undefined,
    tlsInCertFiles: [],
    tlsInKeyFiles: [],
    tlsInClientCaFiles: [],
    tlsInClientAuth: 'require' as const,
    tlsInTarget: 'tls' as const,
  };
  const captured = { sink: { offer() {} }, clock, metrics, incarnation: 'test' };
  const limits = { bodyLimitBytes: 0, maxConnections: 1, tags: {} };
  const tls = await openTls(settings, {
    dial: createDial(new Set()),
    capture: new Capture({ ...captured, ...limits } as unknown as CaptureOptions),
    metrics,
    clock,
    log: silentLogger(),
    onKeyLine: (line) => keyLines.push(String(line)),
  });
  const nobody = await listening(createServer());
  const connections = new Connections();
  const server = createServer({ allowHalfOpen: true }, async (socket: Socket) => {
    const unread = createDial(new Set())({ host: '127.0.0.1', port: nobody });
    const { hello, fromClient } = await readOpening(socket, unread);
    const tunnel = { client: { socket, accepted: connections.add(socket) }, target: { host: 'x', port: 1 } };
    const stream = await tls.interception!.terminate(tunnel, hello!, fromClient, null);
    stream?.end('mocked');
    unread.destroy();
  });
  const port = await listening(server);
  const issuer = async () => {
    const { stdout } = await opensslClient(port, ['-servername', 'mocked.test', '-ign_eof'], ' ');
    return stdout;
  };
  return { file, certPath: cert, tls, keyLines, issuer };
}
