// What the app must trust: the system's roots, our CA and further roots, as one PEM bundle and one Java truststore in a
// folder the app mounts. Both are always written, if need be without our CA: the app's settings name them, and an app
// whose root file is missing trusts nobody. The CA's private key is not read here.
import { X509Certificate } from 'node:crypto';
import { chmod, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { ensureFolder } from '@echoplane/runtime';
import { encodeJavaTruststore } from './java-truststore.ts';

export const BUNDLE_FILE = 'ca-bundle.pem';
export const TRUSTSTORE_FILE = 'truststore.jks';

/** Where distributions keep their roots: Debian, Red Hat (two), SUSE, Alpine. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];
const MAX_FILE_BYTES = 8 << 20;
const MAX_CERTIFICATES = 4_096;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export interface TrustSettings {
  readonly trustFolder: string;
  readonly caCertFile?: string | undefined;
  readonly upstreamCaFiles: readonly string[];
  readonly systemBundleFile?: string | undefined;
}

export interface TrustFiles {
  readonly certificates: number;
  readonly hasCa: boolean;
  /** What could not be had, one sentence each. */
  readonly problems: readonly string[];
}

/** Writes both files, each whole or not at all, readable by all. Throws when the folder cannot be written. */
export async function writeTrustFiles(settings: TrustSettings): Promise<TrustFiles> {
  const problems: string[] = [];
  const ca = settings.caCertFile === undefined ? [] : await readCertificates(settings.caCertFile, problems);
  if (settings.caCertFile === undefined) problems.push('No CA is set: TLS passes through.');
  const further: X509Certificate[] = [];
  for (const path of settings.upstreamCaFiles) further.push(...(await readCertificates(path, problems)));
  const system = await systemRoots(settings.systemBundleFile, problems);
  const all = [
    ...new Map([...ca, ...further, ...system].map((root) => [root.fingerprint256, root])).values(),
  ];
  const roots = all.slice(0, MAX_CERTIFICATES);
  if (roots.length < all.length)
    problems.push(`Of ${all.length} roots the first ${MAX_CERTIFICATES} are kept.`);
  await ensureFolder(settings.trustFolder);
  await replace(join(settings.trustFolder, BUNDLE_FILE), roots.map((root) => root.toString()).join(''));
  await replace(join(settings.trustFolder, TRUSTSTORE_FILE), truststoreOf(roots));
  return { certificates: roots.length, hasCa: ca.length > 0, problems };
}

/** Removes both files; one that is not there is fine. */
export async function removeTrustFiles(trustFolder: string): Promise<void> {
  for (const name of [BUNDLE_FILE, TRUSTSTORE_FILE]) await rm(join(trustFolder, name), { force: true });
}

function truststoreOf(roots: readonly X509Certificate[]): Buffer {
  return encodeJavaTruststore(
    roots.map((root, index) => ({
      alias: `echoplane-${index}`,
      der: root.raw,
      // Its own date, so that the same roots make the same file.
      createdMs: root.validFromDate.getTime(),
    })),
  );
}

async function systemRoots(chosen: string | undefined, problems: string[]): Promise<X509Certificate[]> {
  if (chosen !== undefined) {
    const roots = await readCertificates(chosen, problems);
    if (roots.length > 0) return roots;
  }
  for (const path of SYSTEM_BUNDLES) {
    const roots = await readCertificates(path, []);
    if (roots.length > 0) return roots;
  }
  return rootCertificates.map((pem) => new X509Certificate(pem));
}

/** The certificates of a PEM file; one that cannot be read or parsed is a problem and not there. */
async function readCertificates(path: string, problems: string[]): Promise<X509Certificate[]> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    const blocks = (await readFile(path, 'utf8')).match(PEM) ?? [];
    const certificates = blocks.flatMap((pem) => parse(pem));
    const unreadable = blocks.length - certificates.length;
    if (unreadable > 0) problems.push(`${path}: ${unreadable} of ${blocks.length} certificates are damaged.`);
    else if (blocks.length === 0) problems.push(`${path}: no certificate is in it.`);
    return certificates;
  } catch (err) {
    problems.push(`${path} cannot be read: ${(err as Error).message}.`);
    return [];
  }
}

function parse(pem: string): X509Certificate[] {
  try {
    return [new X509Certificate(pem)];
  } catch {
    return [];
  }
}

async function replace(path: string, content: string | Buffer): Promise<void> {
  const draft = `${path}.tmp`;
  try {
    await writeFile(draft, content);
    // The app runs as another user, and our own umask may be strict.
    await chmod(draft, 0o644);
    await rename(draft, path);
  } catch (err) {
    await rm(draft, { force: true }).catch(() => {});
    throw err;
  }
}
