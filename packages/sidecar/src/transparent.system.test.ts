// Transparent mode in real network namespaces, with the rules of `sidecar init` and real clients. Needs root.
import { chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { closeAll } from './sidecar.fixture.ts';
import { ours, theirAuthority, theirs, tlsFolder } from './tls.fixture.ts';
import { OUTSIDE, POD, startTransparentPod } from './transparent.fixture.ts';

afterEach(closeAll);

const FAMILIES = [4, 6] as const;
/** curl's exit when its connection is reset: at once, or when it reads. */
const RESET = [7, 56];
const urlHost = (ip: string) => (ip.includes(':') ? `[${ip}]` : ip);

/** A program that serves each connection to a port, of both families, with `handler`. */
const server = (port: number, handler: string) => `
import { createServer } from 'node:net';
import { once } from 'node:events';
const handle = ${handler};
for (const host of ['0.0.0.0', '::']) {
  const server = createServer((socket) => { socket.on('error', () => {}); handle(socket); });
  server.listen({ port: ${port}, host, ipv6Only: true });
  await once(server, 'listening');
}
console.log('ready');`;

const HTTP = `(socket) => socket.on('data', (chunk) => {
  if (!chunk.includes(' HTTP/1.1')) return;
  const body = socket.remoteAddress;
  socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: ' + body.length + '\\r\\n\\r\\n' + body);
})`;

/** As much of PostgreSQL's protocol as `psql -c` needs: no TLS, no password, one column of one row. */
const POSTGRES = `(socket) => {
  const message = (type, hex) => {
    const length = (4 + hex.length / 2).toString(16).padStart(8, '0');
    return Buffer.concat([Buffer.from(type), Buffer.from(length + hex, 'hex')]);
  };
  const text = (value) => Buffer.from(value).toString('hex') + '00';
  const ready = message('Z', '49');
  const column = '0001' + text('answer') + '000000000000' + '00000019' + 'ffff' + 'ffffffff' + '0000';
  const answer = [message('T', column), message('D', '0001' + '00000002' + '3432'), message('C', text('SELECT 1')), ready];
  const SSL_REQUEST = 80877103;
  let isStarted = false;
  socket.on('data', (chunk) => {
    if (isStarted) return chunk[0] === 0x51 ? socket.write(Buffer.concat(answer)) : socket.end();
    if (chunk.readInt32BE(4) === SSL_REQUEST) return socket.write('N');
    isStarted = true;
    socket.write(Buffer.concat([message('R', '00000000'), ready]));
  });
}`;

test('curl of the app is captured with address and name of its server, over IPv4 and IPv6', async () => {
  const pod = await startTransparentPod();
  await pod.serve('outside', server(80, HTTP));
  for (const family of FAMILIES) {
    const resolve = ['--resolve', `api.test:80:${urlHost(OUTSIDE[family])}`];
    const { stdout, stderr } = await pod.app('curl', ['-sS', ...resolve, `http://api.test/v${family}`]);
    expect([stdout.replace('::ffff:', ''), stderr]).toEqual([POD[family], '']);
  }
  expect(await pod.captured(2)).toEqual(
    FAMILIES.map((family) => ({
      direction: 'OUT',
      protocol: 'http/1.1',
      scheme: 'http',
      client: POD[family],
      server: { ip: OUTSIDE[family], port: 80, host: 'api.test' },
      sni: null,
      gapReason: '',
      requestLine: `GET /v${family} HTTP/1.1`,
    })),
  );
});

test('a client from outside reaches the app at the port it called, and is captured', async () => {
  const pod = await startTransparentPod();
  await pod.serve('pod', server(8080, HTTP));
  for (const family of FAMILIES) {
    const { code } = await pod.outside('curl', ['-sS', `http://${urlHost(POD[family])}:8080/in${family}`]);
    expect(code).toBe(0);
  }
  const pairs = await pod.captured(2);
  expect(
    pairs.map(({ direction, client, server, requestLine }) => [direction, client, server, requestLine]),
  ).toEqual(
    FAMILIES.map((family) => [
      'IN',
      OUTSIDE[family],
      { ip: POD[family], port: 8080, host: '' },
      `GET /in${family} HTTP/1.1`,
    ]),
  );
});

test('the app learns the client from outside by a PROXY header, with the port it called', async () => {
  const pod = await startTransparentPod({ CLIENT_IP: 'proxy-protocol' });
  // Version 2: 12 bytes of signature, which hold an empty line; version and family; the length; addresses and ports.
  const echo = `(socket) => {
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!bytes.includes('\\r\\n\\r\\n', 16)) return;
      const end = 16 + bytes.readUInt16BE(14);
      const body = [bytes.toString('hex', 12, 14), bytes.toString('hex', 16, end), bytes.toString('latin1', end, end + 4)].join(' ');
      socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: ' + body.length + '\\r\\n\\r\\n' + body);
    });
  }`;
  await pod.serve('pod', server(8080, echo));
  for (const [family, addresses] of [
    [4, '2111 0a4e00010a4e0002'],
    [6, `2121 fd78${'0'.repeat(27)}1fd78${'0'.repeat(27)}2`],
  ] as const) {
    const url = `http://${urlHost(POD[family])}:8080/`;
    const { stdout } = await pod.outside('curl', ['-sS', '-w', ' %{local_port}', url]);
    const port = Number(stdout.split(' ').at(-1));
    const ports = Buffer.from([port >> 8, port & 255, 8080 >> 8, 8080 & 255]).toString('hex');
    expect(stdout).toBe(`${addresses}${ports} GET  ${port}`);
  }
  expect((await pod.captured(2)).map(({ requestLine }) => requestLine)).toEqual(
    Array(2).fill('GET / HTTP/1.1'),
  );
});

/** A name server of UDP that knows one name; it imports the fixture of the relay's own tests. */
const nameServer = (host: string) => `
import { createSocket } from 'node:dgram';
import { askedName, dnsResponse } from ${JSON.stringify(new URL('./dns.fixture.ts', import.meta.url).href)};
const socket = createSocket({ type: ${host.includes(':') ? "'udp6'" : "'udp4'"} });
socket.on('message', (query, { port, address }) => {
  const name = askedName(query);
  socket.send(dnsResponse(query.readUInt16BE(0), name, [{ owner: name, to: '${OUTSIDE[4]}' }]), port, address);
});
socket.bind(53, '${host}', () => console.log('ready'));`;

test.each(FAMILIES)(
  'a server is known by the name the app asked the name server of IPv%i',
  async (family) => {
    const [host, setting] = [OUTSIDE[family], `${urlHost(OUTSIDE[family])}:53`];
    const pod = await startTransparentPod({ HOST_RESOLUTION: 'dns', DNS_SERVER: setting });
    await pod.serve('outside', nameServer(host));
    await pod.serve('outside', server(80, HTTP));
    const ask = `const asks = new (require('node:dns').promises.Resolver)({ timeout: 20000, tries: 1 });
    asks.setServers(['${setting}']);
    asks.resolve4('shop.test').then((ips) => console.log(ips[0]));`;
    expect((await pod.app(process.execPath, ['-e', ask])).stdout.trim()).toBe(OUTSIDE[4]);
    await pod.app('curl', ['-sS', `http://${OUTSIDE[4]}/`]);
    const [pair] = await pod.captured(1);
    expect(pair!.server).toEqual({ ip: OUTSIDE[4], port: 80, host: 'shop.test' });
  },
);

test('psql and a server that speaks first pass through', async () => {
  const pod = await startTransparentPod();
  await pod.serve('outside', server(5432, POSTGRES));
  await pod.serve(
    'outside',
    server(
      25,
      `(socket) => socket.write('220 hello\\r\\n', () => socket.once('data', (line) => socket.end(line)))`,
    ),
  );
  const query = ['-h', OUTSIDE[4], '-U', 'app', '-d', 'app', '-Atc', 'select answer'];
  expect(await pod.app('psql', query)).toEqual({ code: 0, stdout: '42\n', stderr: '' });
  const talk = `exec 3<>/dev/tcp/${OUTSIDE[4]}/25; read -r line <&3; echo "$line"; echo QUIT >&3; cat <&3`;
  expect((await pod.app('bash', ['-c', talk])).stdout).toBe('220 hello\r\nQUIT\n');
  // An opaque pair comes when its connection is closed, and each server closes when it gets to it: in any order.
  const pairs = (await pod.captured(2)).toSorted((a, b) => b.server.port - a.server.port);
  expect(pairs.map(({ protocol, server, gapReason }) => [protocol, server.port, gapReason])).toEqual([
    ['opaque', 5432, 'unknown-protocol'],
    ['opaque', 25, 'server-first'],
  ]);
});

/** The settings that open outbound TLS, in files the sidecar and the app can read. */
async function tlsSettings() {
  const file = await tlsFolder();
  const settings = {
    TLS_OUT: 'true',
    CA_CERT_FILE: await file('ours.pem', ours.certPem),
    CA_KEY_FILE: await file('key.pem', ours.keyPem),
    UPSTREAM_CA_FILES: await file('theirs.pem', theirs.certPem),
  };
  await chmod(dirname(settings.CA_CERT_FILE), 0o755);
  return settings;
}

test('TLS of the app is opened, and captured with the name it asked for and the address it called', async () => {
  const settings = await tlsSettings();
  const pod = await startTransparentPod(settings);
  const { certPem, keyPem } = await theirAuthority.leaf('api.test');
  const origin = server(443, HTTP).replace(
    'createServer((socket)',
    `createServer(${JSON.stringify({ cert: certPem, key: keyPem })}, (socket)`,
  );
  await pod.serve('outside', origin.replace("'node:net'", "'node:tls'"));
  for (const family of FAMILIES) {
    const resolve = ['--resolve', `api.test:443:${urlHost(OUTSIDE[family])}`];
    const args = ['-sS', '--cacert', settings.CA_CERT_FILE, ...resolve, `https://api.test/v${family}`];
    const { stdout, stderr } = await pod.app('curl', args);
    expect([stdout.replace('::ffff:', ''), stderr]).toEqual([POD[family], '']);
  }
  const pairs = await pod.captured(2);
  expect(pairs.map(({ scheme, sni, server, requestLine }) => [scheme, sni, server, requestLine])).toEqual(
    FAMILIES.map((family) => [
      'https',
      'api.test',
      { ip: OUTSIDE[family], port: 443, host: 'api.test' },
      `GET /v${family} HTTP/1.1`,
    ]),
  );
});

test('a mocked destination goes to the responder, by the name in the request or the ClientHello, and is not dialled', async () => {
  const settings = await tlsSettings();
  const mocks = { MOCKS: 'api.test:80,api.test:443', RESPONDER_PORT: '9000' };
  const pod = await startTransparentPod({ ...settings, ...mocks });
  // Nobody else is there: what is dialled but the responder fails.
  await pod.serve('pod', server(9000, HTTP));
  const args = ['-sS', '--cacert', settings.CA_CERT_FILE];
  for (const [scheme, port] of [
    ['http', 80],
    ['https', 443],
  ] as const) {
    const resolve = ['--resolve', `api.test:${port}:${OUTSIDE[4]}`, `${scheme}://api.test/`];
    expect(await pod.app('curl', [...args, ...resolve])).toMatchObject({ code: 0, stderr: '' });
  }
  const pairs = await pod.captured(2);
  const seen = pairs.map(({ scheme, server }) => [scheme, server]);
  expect(seen).toEqual([
    ['http', { ip: OUTSIDE[4], port: 80, host: 'api.test' }],
    ['https', { ip: OUTSIDE[4], port: 443, host: 'api.test' }],
  ]);
  expect(RESET).toContain((await pod.app('curl', [...args, `http://${OUTSIDE[4]}/`])).code);
});

test('a connection to the inbound port itself is closed, and the outbound one is out of reach', async () => {
  const pod = await startTransparentPod();
  // curl's exit: 7 refused; 52 and 56 closed and reset without an answer.
  const codeOf = async (ip: string, port: number) =>
    (await pod.outside('curl', ['-sS', '-m', '20', `http://${urlHost(ip)}:${port}/`])).code;
  for (const ip of [POD[4], POD[6]]) {
    expect([52, 56]).toContain(await codeOf(ip, 4143));
    expect(await codeOf(ip, 4140)).toBe(7);
  }
  const { code } = await pod.app('curl', ['-sS', '-m', '20', 'http://127.0.0.1:4140/']);
  expect([52, 56]).toContain(code);
  expect(await pod.admin('/metrics')).toMatch(
    /connections_refused_total\{reason="(own-listener|not-redirected)"\}/,
  );
});

test('a server that cannot be reached is accept-then-reset', async () => {
  const pod = await startTransparentPod();
  const { code } = await pod.app('curl', ['-sS', '-m', '20', `http://${OUTSIDE[4]}:81/`]);
  expect(RESET).toContain(code);
  expect(await pod.admin('/metrics')).toContain(
    'echoplane_sidecar_connect_failures_total{direction="OUT"} 1\n',
  );
});

test('a machine without IPv6 is served over IPv4', async () => {
  const pod = await startTransparentPod({ HOST_RESOLUTION: 'dns', DNS_SERVER: `${OUTSIDE[4]}:53` }, 4);
  await pod.serve('pod', server(8080, HTTP));
  const { stdout } = await pod.outside('curl', ['-sS', `http://${POD[4]}:8080/`]);
  expect(stdout).toBe(POD[4]);
  expect((await pod.captured(1))[0]!.server).toEqual({ ip: POD[4], port: 8080, host: '' });
});
