// The bundle and the Java truststore, on disk, read by openssl's rules (curl) and by a real JRE (keytool, an HTTPS client).
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { afterEach, expect, test } from 'vitest';
import { atEnd, closeAll, listening, run } from '../sidecar.fixture.ts';
import { encodeJavaTruststore } from './java-truststore.ts';
import { removeTrustFiles, writeTrustFiles } from './trust-files.ts';

afterEach(closeAll);

interface Stage {
  folder: string;
  trustFolder: string;
  caCertFile: string;
  ca: { certPem: string; keyPem: string };
}

async function stage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'trust-'));
  atEnd(() => rm(folder, { recursive: true }));
  const ca = await createAuthority({ commonName: 'Ours', days: 30 });
  const caCertFile = join(folder, 'ca.pem');
  await writeFile(caCertFile, ca.certPem);
  return { folder, trustFolder: join(folder, 'a', 'trust'), caCertFile, ca };
}

const certificatesIn = (pem: string) =>
  [...pem.matchAll(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)].map(
    (match) => new X509Certificate(match[0]),
  );
const bundleOf = async ({ trustFolder }: Stage) =>
  certificatesIn(await readFile(join(trustFolder, 'ca-bundle.pem'), 'utf8'));

test('the bundle holds our CA, further roots and those of the system, each once, and all may read it', async () => {
  const it = await stage();
  const further = join(it.folder, 'further.pem');
  const other = await createAuthority({ commonName: 'Further', days: 30 });
  await writeFile(further, `# comment\n${other.certPem}${it.ca.certPem}${rootCertificates[0]}\n`);
  const system = join(it.folder, 'system.pem');
  await writeFile(system, rootCertificates.slice(0, 3).join('\n'));
  const umask = process.umask(0o077);
  atEnd(() => void process.umask(umask));
  const written = await writeTrustFiles({ ...it, upstreamCaFiles: [further], systemBundleFile: system });
  expect(written).toEqual({ certificates: 5, hasCa: true, problems: [] });
  expect((await bundleOf(it)).map((root) => root.subject)).toEqual([
    'CN=Ours',
    'CN=Further',
    ...rootCertificates.slice(0, 3).map((pem) => new X509Certificate(pem).subject),
  ]);
  for (const name of ['ca-bundle.pem', 'truststore.jks'])
    expect((await stat(join(it.trustFolder, name))).mode & 0o777).toBe(0o644);
});

test('writing again gives the same files and leaves no draft; removing takes both', async () => {
  const it = await stage();
  const read = async () =>
    Promise.all(
      (await readdir(it.trustFolder)).map((name) => readFile(join(it.trustFolder, name), 'base64')),
    );
  await writeTrustFiles({ ...it, upstreamCaFiles: [] });
  const first = await read();
  expect(first).toHaveLength(2);
  await writeTrustFiles({ ...it, upstreamCaFiles: [] });
  expect(await read()).toEqual(first);
  await removeTrustFiles(it.trustFolder);
  await removeTrustFiles(it.trustFolder);
  expect(await readdir(it.trustFolder)).toEqual([]);
});

test('what is missing or damaged is said, and the system roots are written without it', async () => {
  const it = await stage();
  const damaged = join(it.folder, 'damaged.pem');
  await writeFile(damaged, it.ca.certPem.replace(/\n\w{8}/, '\nAAAAAAAA'));
  const empty = join(it.folder, 'empty.pem');
  await writeFile(empty, '');
  const settings = { ...it, upstreamCaFiles: [damaged, empty], systemBundleFile: '/nowhere/roots.pem' };
  const written = await writeTrustFiles({ ...settings, caCertFile: '/nowhere/ca.pem' });
  expect(written.hasCa).toBe(false);
  expect(written.certificates).toBeGreaterThan(50);
  expect(written.problems).toEqual([
    expect.stringMatching(/^\/nowhere\/ca.pem cannot be read: ENOENT/),
    `${damaged}: 1 of 1 certificates are damaged.`,
    `${empty}: no certificate is in it.`,
    expect.stringMatching(/^\/nowhere\/roots.pem cannot be read: ENOENT/),
  ]);
  expect(await bundleOf(it)).toHaveLength(written.certificates);
});

test('a JRE lists every root of the truststore, and refuses one with a wrong byte', async () => {
  const it = await stage();
  const { certificates } = await writeTrustFiles({ ...it, upstreamCaFiles: [] });
  const store = join(it.trustFolder, 'truststore.jks');
  const list = () => run('keytool', ['-list', '-keystore', store, '-storepass', 'changeit']);
  const { stdout, code } = await list();
  expect(code).toBe(0);
  expect(stdout).toContain('Keystore type: JKS');
  expect(stdout).toContain(`contains ${certificates} entries`);
  const ours = new X509Certificate(it.ca.certPem).fingerprint256;
  expect(stdout).toMatch(new RegExp(`echoplane-0, .* trustedCertEntry, ?\n.*${ours}`));
  const bytes = await readFile(store);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(store, bytes);
  expect((await list()).stdout).toMatch(/tampered with, or password was incorrect/);
});

const CLIENT = `public class Client {
  public static void main(String[] args) throws Exception {
    System.out.print(new String(java.net.URI.create(args[0]).toURL().openStream().readAllBytes()));
  }
}`;

test('curl by the bundle and a Java program by the truststore trust a server of our CA, and only so', async () => {
  const it = await stage();
  await writeTrustFiles({ ...it, upstreamCaFiles: [] });
  const { certPem, keyPem } = await (await loadAuthority(it.ca.certPem, it.ca.keyPem)).leaf('localhost');
  const port = await listening(
    createServer({ cert: certPem, key: keyPem }, (_, response) => response.end('hello')),
  );
  const url = `https://localhost:${port}/`;
  const curl = (env: Record<string, string>) => run('curl', ['-sS', url], env);
  expect((await curl({ SSL_CERT_FILE: join(it.trustFolder, 'ca-bundle.pem') })).stdout).toBe('hello');
  expect((await curl({})).code).not.toBe(0);
  const client = join(it.folder, 'Client.java');
  await writeFile(client, CLIENT);
  const java = (options: string) => run('java', [client, url], { JAVA_TOOL_OPTIONS: options });
  const store = `-Djavax.net.ssl.trustStore=${join(it.trustFolder, 'truststore.jks')}`;
  expect((await java(`${store} -Djavax.net.ssl.trustStorePassword=changeit`)).stdout).toBe('hello');
  expect((await java('-Dnone=1')).stderr).toMatch(/unable to find valid certification path/);
});

test('a folder that cannot be written is an error, and nothing half written stays', async () => {
  const it = await stage();
  await writeFile(join(it.folder, 'a'), '');
  await expect(writeTrustFiles({ ...it, upstreamCaFiles: [] })).rejects.toThrow(/ENOTDIR/);
  expect((await readdir(it.folder)).toSorted()).toEqual(['a', 'ca.pem']);
});

test('an empty truststore is the header and its seal', () => {
  // As `keytool` writes it after its last entry is deleted: the seal depends on the password alone.
  expect(encodeJavaTruststore([]).toString('hex')).toBe(
    'feedfeed0000000200000000e2686e45fb43dfa4d992dd41ceb6b21c6330d792',
  );
});
