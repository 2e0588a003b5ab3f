// Inbound TLS in reverse mode, by clients and apps that were not written for it: curl and OpenSSL on one side, Node and
// OpenSSL on the other.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { connect, createServer } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { KeyPairPem } from '@echoplane/runtime';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import {
  bodyOf,
  closeAll,
  converse,
  headOf,
  listening,
  run,
  startTestSidecar,
  type TestSidecar,
  until,
} from './sidecar.fixture.ts';
import {
  opensslClient,
  opensslServer,
  pairFiles,
  strangeAuthority,
  theirAuthority,
  theirs,
  tlsFolder,
  type WriteFile,
} from './tls.fixture.ts';

afterEach(closeAll);

const shop = await theirAuthority.issue({ names: ['shop.test', '127.0.0.1'], days: 30 });
const wild = await theirAuthority.issue({ names: ['*.wild.test'], days: 30 });
const client = await theirAuthority.issue({ names: ['client'], days: 1, usage: 'clientAuth' });
const stranger = await strangeAuthority.issue({ names: ['client'], days: 1, usage: 'clientAuth' });
const GET = 'GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n';

interface Stage {
  sidecar: TestSidecar;
  file: WriteFile;
  port: number;
  /** Of their CA. */
  roots: string;
}

async function startStage(targetPort: number, env: Record<string, string> = {}): Promise<Stage> {
  const file = await tlsFolder();
  const first = await pairFiles(file, 'shop', shop);
  const second = await pairFiles(file, 'wild', wild);
  const roots = await file('theirs.pem', theirs.certPem);
  const sidecar = await startTestSidecar({
    MODE: 'reverse',
    TARGET_PORT: targetPort,
    TLS_IN_CERT_FILES: `${first.cert},${second.cert}`,
    TLS_IN_KEY_FILES: `${first.key},${second.key}`,
    TLS_IN_TARGET: 'plain',
    ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace('ROOTS', roots)])),
  });
  return { sidecar, file, port: sidecar.ports.in!, roots };
}

function startPlainApp(): Promise<number> {
  return listening(createHttpServer((_, response) => response.end('sold')));
}

function startTlsApp(options: ServerOptions = {}, { certPem, keyPem }: KeyPairPem = shop): Promise<number> {
  const server = createHttpsServer({ cert: certPem, key: keyPem, ...options }, (_, response) =>
    response.end('sold'),
  );
  server.on('tlsClientError', () => {});
  return listening(server);
}

async function openTls(port: number, options: object = {}): Promise<TLSSocket> {
  const socket = tlsConnect({
    port,
    host: '127.0.0.1',
    servername: 'shop.test',
    ca: theirs.certPem,
    ...options,
  });
  await once(socket, 'secureConnect');
  return socket;
}

describe('an app that speaks plain', () => {
  test.each(['1.2', '1.3'])('is served over TLS %s: readable pairs that say so', async (version) => {
    const { sidecar, port, roots } = await startStage(await startPlainApp());
    const url = `https://shop.test:${port}/cart`;
    const resolve = ['--resolve', `shop.test:${port}:127.0.0.1`];
    const args = ['-sS', `--tlsv${version}`, '--tls-max', version, '--cacert', roots, ...resolve, url, url];
    expect(await run('curl', args)).toMatchObject({ code: 0, stdout: 'soldsold', stderr: '' });
    const pairs = await sidecar.captured(2);
    expect(pairs[1]).toMatchObject({
      direction: 'IN',
      scheme: 'https',
      protocol: 'http/1.1',
      tls: { sni: 'shop.test', version: `TLSv${version}`, alpn: 'http/1.1' },
      connection: pairs[0]!.connection,
    });
    expect(headOf(pairs[0]!.request)).toMatch(/^GET \/cart HTTP\/1.1\r\n/);
    expect(bodyOf(pairs[0]!.response)).toBe('sold');
    expect(sidecar.metrics.get('tls_inbound', 'terminated')).toBe(1);
  });

  test('is reached without TLS on the same port, and may speak first there', async () => {
    const { sidecar, port } = await startStage(await startPlainApp());
    expect((await run('curl', ['-sS', `http://127.0.0.1:${port}/`])).stdout).toBe('sold');
    expect((await sidecar.captured(1))[0]).toMatchObject({ scheme: 'http', tls: null });
    const greeter = await startStage(await listening(createServer((socket) => socket.end('220 hello\r\n'))));
    expect((await converse(greeter.port, [])).received.toString()).toBe('220 hello\r\n');
  });

  test.each([
    [['h2', 'http/1.1'], 'http/1.1'],
    [['h2'], 'h2'],
    [undefined, false],
  ])('to a client that offers %o answers %s', async (offered, chosen) => {
    const { port } = await startStage(await startPlainApp());
    const socket = await openTls(port, { ALPNProtocols: offered });
    expect(socket.alpnProtocol).toBe(chosen);
    socket.destroy();
  });

  test.each([
    ['shop.test', 'shop.test'],
    ['a.wild.test', '*.wild.test'],
    ['other.test', 'shop.test'],
  ])('is %s with the certificate of %s', async (sni, name) => {
    const { port } = await startStage(await startPlainApp());
    const { stdout } = await opensslClient(port, ['-servername', sni], '', /Verify return code/);
    expect(stdout).toContain(`subject=CN = ${name}\n`);
  });

  test.each(['-tls1_2', '-tls1_2 -no_ticket', '-tls1_3'])(
    'resumes a session over a new connection: %s',
    async (flags) => {
      const { port, file } = await startStage(await startPlainApp());
      const session = await file('session.pem', '');
      const args = flags.split(' ');
      const first = await opensslClient(port, [...args, '-ign_eof', '-sess_out', session], GET);
      expect(first.stdout).toMatch(/^New, TLS/m);
      const again = await opensslClient(port, [...args, '-ign_eof', '-sess_in', session], GET);
      expect(again.stdout).toMatch(/^Reused, TLS/m);
      expect(again.stdout).toContain('sold');
    },
  );

  test('that cannot be reached is a reset or an end for the client, and nothing stays open', async () => {
    const { sidecar, port, roots } = await startStage(await freePort());
    expect((await run('curl', ['-sS', '--cacert', roots, `https://127.0.0.1:${port}/`])).code).not.toBe(0);
    expect(sidecar.metrics.get('connect_failures', 'IN')).toBe(1);
  });

  test('half of a ClientHello and an end are passed on as they are', async () => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    const { port } = await startStage(await listening(echo));
    const half = Buffer.from('1603010200010001fc0303', 'hex');
    expect((await converse(port, [half], { halfClose: true })).received).toEqual(half);
  });
});

describe('the ends of a connection', () => {
  test('a half-close passes in both directions, and the other half goes on', async () => {
    const app = createServer({ allowHalfOpen: true }, (socket) => {
      let got = '';
      socket.on('data', (chunk) => {
        got += chunk;
      });
      socket.on('end', () => socket.end(`got ${got}`));
    });
    const { port } = await startStage(await listening(app));
    const socket = await openTls(port, { allowHalfOpen: true });
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    // Listened for before: the end may come in the same turn as the answer.
    const ended = once(socket, 'end');
    socket.end('all of it');
    await ended;
    expect(answer).toBe('got all of it');
  });

  test('a FIN without close_notify is an end for the app: Node does not tell the two apart', async () => {
    const ended = new Promise((resolve) => {
      void listening(
        createServer({ allowHalfOpen: true }, (socket) => socket.resume().on('end', resolve)),
      ).then(async (target) => {
        const { port } = await startStage(target);
        const raw = connect(port, '127.0.0.1');
        const socket = tlsConnect({ socket: raw, servername: 'shop.test', ca: theirs.certPem });
        await once(socket, 'secureConnect');
        // The app never answers: what is left of the connection may end with a reset, after the test.
        socket.on('error', () => {});
        // The TCP connection ends beneath TLS.
        raw.end();
      });
    });
    await ended;
  });

  test('a reset of the app is a reset for the client, and that of a client one for the app', async () => {
    const resets: (string | undefined)[] = [];
    const app = createServer((socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => resets.push(error.code));
      socket.on('data', (chunk) => {
        if (String(chunk) === 'reset me') socket.resetAndDestroy();
        else socket.write(chunk);
      });
    });
    const { port } = await startStage(await listening(app));
    const socket = await openTls(port);
    socket.write('reset me');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    const raw = connect(port, '127.0.0.1');
    const other = tlsConnect({ socket: raw, servername: 'shop.test', ca: theirs.certPem });
    other.on('error', () => {});
    await once(other, 'secureConnect');
    other.write('stay');
    await once(other, 'data');
    raw.resetAndDestroy();
    await until(() => resets.length === 1, 'the reset of the app');
    expect(resets).toEqual(['ECONNRESET']);
  });

  test('a slow reader gets 64 MB byte for byte, and the app is held back meanwhile', async () => {
    const part = Buffer.alloc(1 << 20, 'payload!');
    let written = 0;
    const app = createServer((socket) => {
      socket.once('data', async () => {
        for (; written < 64; written++) if (!socket.write(part)) await once(socket, 'drain');
        socket.end();
      });
    });
    const { port } = await startStage(await listening(app));
    const socket = await openTls(port);
    const hash = createHash('sha256');
    socket.write('go');
    await once(socket, 'readable');
    expect(written).toBeLessThan(64);
    for await (const chunk of socket) hash.update(chunk);
    const whole = createHash('sha256');
    for (let i = 0; i < 64; i++) whole.update(part);
    expect(hash.digest('hex')).toBe(whole.digest('hex'));
  });
});

describe('client certificates', () => {
  const CLIENT_CA = { TLS_IN_CLIENT_CA_FILES: 'ROOTS' };
  const by = async ({ file, port, roots }: Stage, shown: KeyPairPem | null, ...more: string[]) => {
    const pem = shown && (await file('client.pem', shown.certPem + shown.keyPem));
    const args = ['-sS', '--cacert', roots, ...(pem ? ['--cert', pem] : []), ...more];
    const { code, stdout } = await run('curl', [...args, `https://127.0.0.1:${port}/`]);
    return code === 0 ? stdout : 'refused';
  };

  test.each(['1.2', '1.3'])('that are required are checked, TLS %s', async (version) => {
    const stage = await startStage(await startPlainApp(), CLIENT_CA);
    const max = ['--tls-max', version];
    expect(await by(stage, client, ...max)).toBe('sold');
    expect(await by(stage, null, ...max)).toBe('refused');
    expect(await by(stage, stranger, ...max)).toBe('refused');
    const failed = () => stage.sidecar.metrics.get('tls_inbound', 'handshake-failed');
    await until(() => failed() >= 2, 'both refusals to be counted');
    expect(failed()).toBe(2);
  });

  test('that are requested may be missing, and are checked when they are not', async () => {
    const stage = await startStage(await startPlainApp(), { ...CLIENT_CA, TLS_IN_CLIENT_AUTH: 'request' });
    expect(await by(stage, client)).toBe('sold');
    expect(await by(stage, null)).toBe('sold');
    expect(await by(stage, stranger)).toBe('refused');
  });

  test.each([
    ['-tls1_2', 'require'],
    ['-tls1_2', 'request'],
    ['-tls1_3', 'require'],
    ['-tls1_3', 'request'],
  ])('are remembered by a resumed session: %s, %s', async (version, auth) => {
    const stage = await startStage(await startPlainApp(), { ...CLIENT_CA, TLS_IN_CLIENT_AUTH: auth });
    const session = await stage.file('session.pem', '');
    const { cert, key } = await pairFiles(stage.file, 'client', client);
    const shown = auth === 'require' ? ['-cert', cert, '-key', key] : [];
    const args = [version, '-ign_eof', ...shown];
    await opensslClient(stage.port, [...args, '-sess_out', session], GET);
    const again = await opensslClient(stage.port, [...args, '-sess_in', session], GET);
    expect(again.stdout).toMatch(/^Reused, TLS/m);
    expect(again.stdout).toContain('sold');
  });
});

describe('an app that speaks TLS', () => {
  const TLS_APP = { TLS_IN_TARGET: 'tls' };

  test('with the certificate we terminate with needs no further trust; its ALPN is the answer', async () => {
    const server = createTlsServer(
      { cert: shop.certPem, key: shop.keyPem, ALPNProtocols: ['h2', 'http/1.1'] },
      (socket) => socket.on('error', () => {}).end(`${socket.servername} ${socket.alpnProtocol}`),
    );
    const { sidecar, port } = await startStage(await listening(server), TLS_APP);
    for (const [offered, chosen] of [
      [['h2', 'http/1.1'], 'h2'],
      [['http/1.1'], 'http/1.1'],
    ] as const) {
      const socket = await openTls(port, { ALPNProtocols: offered });
      expect(socket.alpnProtocol).toBe(chosen);
      expect(String((await once(socket, 'data'))[0])).toBe(`shop.test ${chosen}`);
      socket.destroy();
    }
    expect(sidecar.metrics.get('tls_inbound', 'terminated')).toBe(2);
  });

  test('is verified by the configured roots, and shown our client certificate', async () => {
    const inner = await theirAuthority.issue({ names: ['shop.test'], days: 1 });
    const app = await startTlsApp({ requestCert: true, rejectUnauthorized: true, ca: theirs.certPem }, inner);
    const file = await tlsFolder();
    const { cert, key } = await pairFiles(file, 'client', client);
    const env = {
      ...TLS_APP,
      UPSTREAM_CA_FILES: 'ROOTS',
      TLS_CLIENT_CERT_FILE: cert,
      TLS_CLIENT_KEY_FILE: key,
    };
    const { sidecar, port, roots } = await startStage(app, env);
    const args = ['-sS', '--cacert', roots, '--resolve', `shop.test:${port}:127.0.0.1`];
    const { stdout, stderr } = await run('curl', [...args, `https://shop.test:${port}/`]);
    expect([stdout, stderr]).toEqual(['sold', '']);
    expect((await sidecar.captured(1))[0]).toMatchObject({ scheme: 'https', tls: { version: 'TLSv1.3' } });
  });

  test('that nobody vouches for answers for itself: the client sees its certificate', async () => {
    const inner = await strangeAuthority.issue({ names: ['shop.test'], days: 1 });
    const { sidecar, port } = await startStage(await startTlsApp({}, inner), TLS_APP);
    const args = ['-servername', 'shop.test', '-ign_eof'];
    const { stdout } = await opensslClient(port, args, GET);
    expect(stdout).toContain('issuer=CN = Stranger');
    expect(stdout).toContain('sold');
    expect((await sidecar.captured(1))[0]).toMatchObject({ gapReason: 'tls-unverified', scheme: 'https' });
  });

  test('that nobody vouches for is not reached past required client certificates', async () => {
    const inner = await strangeAuthority.issue({ names: ['shop.test'], days: 1 });
    const env = { ...TLS_APP, TLS_IN_CLIENT_CA_FILES: 'ROOTS' };
    const { sidecar, port } = await startStage(await startTlsApp({}, inner), env);
    const { stdout } = await opensslClient(port, ['-servername', 'shop.test', '-ign_eof'], GET);
    expect(stdout).not.toContain('sold');
    expect(sidecar.metrics.get('tls_inbound', 'app-unverified')).toBe(1);
  });

  test('that wants a client certificate we lack gets the client itself: OpenSSL, TLS 1.2', async () => {
    const file = await tlsFolder();
    const served = await pairFiles(file, 'app', shop);
    const shown = await pairFiles(file, 'client', client);
    const roots = await file('roots.pem', theirs.certPem);
    const args = ['-cert', served.cert, '-key', served.key, '-tls1_2', '-Verify', '2', '-CAfile', roots];
    const target = await opensslServer([...args, '-verify_return_error']);
    const { sidecar, port } = await startStage(target, TLS_APP);
    const { code, stdout } = await run('curl', [
      ...['-sS', '--cacert', roots, '--cert', shown.cert, '--key', shown.key],
      `https://127.0.0.1:${port}/`,
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('s_server');
    expect((await sidecar.captured(1))[0]).toMatchObject({ gapReason: 'tls-client-certificate' });
  });
});
