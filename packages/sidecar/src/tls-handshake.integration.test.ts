// The server's side of a handshake by itself, with OpenSSL's client.
import { createServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import { systemClock } from '@echoplane/runtime';
import { afterEach, expect, test } from 'vitest';
import { atEnd, closeAll, listening, until } from './sidecar.fixture.ts';
import { opensslClient, theirAuthority } from './tls.fixture.ts';
import { serveTls } from './tls-handshake.ts';
import { SessionIds } from './tls-sessions.ts';

afterEach(closeAll);

test('who destroys the socket right after the handshake ends the connection, and not the process', async () => {
  const { certPem, keyPem } = await theirAuthority.leaf('shop.test');
  const secureContext = createSecureContext({ cert: certPem, key: keyPem, ca: [] });
  const sessionIds = new SessionIds(systemClock());
  const hello = { sni: null, alpn: [], versions: [0x0304] };
  let served = 0;
  const server = createServer({ allowHalfOpen: true }, (raw) => {
    raw.once('data', async (held) => {
      raw.pause();
      const options = { secureContext, hello, held, alpn: null, clientAuth: 'none' as const };
      const { stream } = await serveTls(raw, { ...options, sessionIds, onKeyLine: null });
      if (stream) served++;
      raw.destroy(new Error('broken'));
    });
  });
  const port = await listening(server);
  atEnd(() => void server.close());
  for (let i = 0; i < 3; i++) await opensslClient(port, ['-tls1_3']);
  await until(() => served === 3, 'three handshakes');
  expect(served).toBe(3);
});
