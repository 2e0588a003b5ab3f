// The certificates are judged by the verifiers that matter: Node's TLS stack, in real handshakes.
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { describe, expect, test } from 'vitest';
import { createAuthority, type KeyPairPem, loadAuthority } from './certificates.ts';

const ca = await createAuthority({ commonName: 'Test authority', days: 3650 });
const authority = await loadAuthority(ca.certPem, ca.keyPem);

/** Connects to a server with `leaf` as `servername`, trusting `roots` only; rejects as the client would. */
async function handshake(leaf: KeyPairPem, servername: string, roots: string): Promise<string | null> {
  const server = tls.createServer({ cert: leaf.certPem, key: leaf.keyPem }, (socket) =>
    // The client leaves as soon as it has judged: what is still on the way to it comes back as a reset.
    socket.on('error', () => {}).end(),
  );
  server.on('tlsClientError', () => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = tls.connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    ca: roots,
    servername: /^[\d.]+$/.test(servername) ? '' : servername,
    ...(/^[\d.]+$/.test(servername)
      ? {
          checkServerIdentity: (_: string, cert: tls.PeerCertificate) =>
            tls.checkServerIdentity(servername, cert),
        }
      : {}),
  });
  try {
    await once(socket, 'secureConnect');
    return socket.getProtocol();
  } finally {
    socket.destroy();
    server.close();
  }
}

describe('an authority', () => {
  test('mints leaves that a client who trusts it accepts, for names and addresses', async () => {
    expect(await handshake(await authority.leaf('api.example.test'), 'api.example.test', ca.certPem)).toBe(
      'TLSv1.3',
    );
    expect(await handshake(await authority.leaf('127.0.0.1'), '127.0.0.1', ca.certPem)).toBe('TLSv1.3');
  });

  test('mints leaves that are refused for another name and by a client who trusts another authority', async () => {
    const leaf = await authority.leaf('api.example.test');
    await expect(handshake(leaf, 'other.example.test', ca.certPem)).rejects.toThrow(/altnames/);
    const stranger = await createAuthority({ commonName: 'Stranger', days: 1 });
    await expect(handshake(leaf, 'api.example.test', stranger.certPem)).rejects.toThrow(/certificate/);
  });

  test('issues one certificate for several names', async () => {
    const served = await authority.issue({ names: ['payments.localhost', '127.0.0.1'], days: 30 });
    expect(await handshake(served, 'payments.localhost', ca.certPem)).toBe('TLSv1.3');
    const leaf = new X509Certificate(served.certPem);
    expect(leaf.subjectAltName).toBe('DNS:payments.localhost, IP Address:127.0.0.1');
    expect(leaf.verify(new X509Certificate(ca.certPem).publicKey)).toBe(true);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  test('gives concurrent callers of one name the same leaf, whatever its case', async () => {
    const leaves = await Promise.all(
      ['one.test', 'ONE.test', 'one.test'].map((name) => authority.leaf(name)),
    );
    expect(new Set(leaves.map((leaf) => leaf.keyPem)).size).toBe(1);
    expect((await authority.leaf('one.test')).keyPem).toBe(leaves[0]!.keyPem);
    expect((await authority.leaf('two.test')).keyPem).not.toBe(leaves[0]!.keyPem);
  });

  test('takes names longer than a common name may be', async () => {
    const long = `${'a'.repeat(50)}.${'b'.repeat(50)}.test`;
    expect(await handshake(await authority.leaf(long), long, ca.certPem)).toBe('TLSv1.3');
  });

  test('is loaded with a key as either command of openssl writes it, and says which kind it wants', async () => {
    const sec1 = createPrivateKey(ca.keyPem).export({ format: 'pem', type: 'sec1' }) as string;
    const leaf = await (await loadAuthority(ca.certPem, sec1)).leaf('a.test');
    expect(await handshake(leaf, 'a.test', ca.certPem)).toBe('TLSv1.3');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const rsa = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    await expect(loadAuthority(ca.certPem, rsa)).rejects.toThrow('must be ECDSA P-256, this one is rsa');
  });

  test('is not loaded with a key that is not its own', async () => {
    const other = await createAuthority({ commonName: 'Other', days: 1 });
    await expect(loadAuthority(ca.certPem, other.keyPem)).rejects.toThrow(/does not belong/);
  });
});
