// What the app learns of its client: with `proxy-protocol` a header before the client's bytes.
import { createServer } from 'node:net';
import { parseProxyHeader } from '@echoplane/wire';
import { afterEach, expect, test } from 'vitest';
import { closeAll, listening, run, startTestSidecar } from './sidecar.fixture.ts';

afterEach(closeAll);

/** An app that reads a PROXY header where there is one and answers with whom it takes for its client. */
const startApp = () =>
  listening(
    createServer((socket) => {
      let bytes = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        const parsed = parseProxyHeader(bytes);
        if (parsed.status === 'need-more') return;
        const size = parsed.status === 'ok' ? parsed.sizeBytes : 0;
        if (!bytes.includes('\r\n\r\n', size)) return;
        const { source, destination } =
          parsed.status === 'ok' ? parsed.header : { source: null, destination: null };
        const body = `${source?.ip}:${source?.port} ${destination?.ip}:${destination?.port} ${bytes.toString('latin1', size, size + 3)}`;
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      });
    }),
  );

test('a PROXY v2 header tells the app its client, and is not captured', async () => {
  const app = await startApp();
  const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: app, CLIENT_IP: 'proxy-protocol' });
  const url = `http://127.0.0.1:${sidecar.ports.in}/`;
  const { stdout } = await run('curl', ['-sS', '-w', ' %{local_ip}:%{local_port}', url]);
  const [source, destination, method, client] = stdout.split(' ');
  expect([source, destination, method]).toEqual([client, `127.0.0.1:${app}`, 'GET']);
  const [pair] = await sidecar.captured(1);
  expect(pair).toMatchObject({ protocol: 'http/1.1', sentBytes: 0 });
});

test('by default the app gets the bytes of its client and nothing before them', async () => {
  const app = await startApp();
  const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: app });
  const { stdout } = await run('curl', ['-sS', `http://127.0.0.1:${sidecar.ports.in}/`]);
  expect(stdout).toBe('undefined:undefined undefined:undefined GET');
});
