// From the files of the settings to what TLS is done with: a CA, contexts, key pairs. What a file should hold and does not is
// a ConfigError that names the setting and the file. The volumes of the CA and of the roots for upstreams are optional:
// without them TLS passes through, or more of it, and one warning says so.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, rootCertificates, type SecureContext } from 'node:tls';
import { type Authority, ConfigError, envName, type Logger, loadAuthority } from '@echoplane/runtime';
import type { SidecarConfig } from './config.ts';
import { readSetting } from './tls-files.ts';
import type { InboundPair } from './tls-inbound.ts';

export type TlsSettings = Pick<
  SidecarConfig,
  | 'mode'
  | 'tlsOut'
  | 'caCertFile'
  | 'caKeyFile'
  | 'upstreamCaFiles'
  | 'tlsClientCertFile'
  | 'tlsClientKeyFile'
  | 'tlsInCertFiles'
  | 'tlsInKeyFiles'
  | 'tlsInClientCaFiles'
  | 'tlsInClientAuth'
  | 'tlsInTarget'
>;

/** The CA that signs for outbound hosts; null when none is configured or its files are not there. */
export async function loadCa(
  { caCertFile, caKeyFile }: TlsSettings,
  log: Pick<Logger, 'warn'>,
): Promise<Authority | null> {
  if (!caCertFile || !caKeyFile) {
    log.warn('outbound TLS passes through: no CA is configured');
    return null;
  }
  const certPem = await readOptional(caCertFile);
  const keyPem = await readOptional(caKeyFile);
  if (certPem === null || keyPem === null) {
    log.warn({ caCertFile, caKeyFile }, 'outbound TLS passes through: the files of the CA cannot be read');
    return null;
  }
  try {
    return await loadAuthority(certPem, keyPem);
  } catch (error) {
    const fields = `${envName('caCertFile')} (${caCertFile}) and ${envName('caKeyFile')} (${caKeyFile})`;
    throw new ConfigError([`${fields} do not hold a usable CA (${(error as Error).message}).`]);
  }
}

/** Whom upstreams are verified by, the system's roots and ours, and the certificate they are shown. */
export async function loadTrust(
  { upstreamCaFiles, tlsClientCertFile, tlsClientKeyFile }: TlsSettings,
  log: Pick<Logger, 'warn'>,
): Promise<SecureContext> {
  const roots: string[] = [];
  for (const path of upstreamCaFiles) {
    const pem = await readOptional(path);
    if (pem === null) log.warn({ path }, 'roots for upstreams cannot be read');
    else roots.push(checkRoots(pem, path, 'upstreamCaFiles'));
  }
  const ca = [...systemRoots(), ...roots];
  if (!tlsClientCertFile || !tlsClientKeyFile) return createSecureContext({ ca });
  const fields = ['tlsClientCertFile', 'tlsClientKeyFile'] as const;
  const { cert, key } = await loadPair([tlsClientCertFile, tlsClientKeyFile], fields);
  return createSecureContext({ ca, cert, key });
}

/** The key pairs inbound TLS is terminated with, and the roots of its clients. */
export async function loadInbound(settings: TlsSettings): Promise<InboundPair[]> {
  const clientRoots: string[] = [];
  for (const path of settings.tlsInClientCaFiles) {
    const pem = await readSetting(path, 'tlsInClientCaFiles');
    clientRoots.push(checkRoots(pem, path, 'tlsInClientCaFiles'));
  }
  const pairs: InboundPair[] = [];
  for (const [index, path] of settings.tlsInCertFiles.entries()) {
    const paths = [path, settings.tlsInKeyFiles[index]!] as const;
    const { cert, key } = await loadPair(paths, ['tlsInCertFiles', 'tlsInKeyFiles']);
    pairs.push({
      certificate: new X509Certificate(cert),
      // A session is good for the pair and the roots it was agreed under, which is what the context of a ticket is.
      context: createSecureContext({ cert, key, ca: clientRoots, sessionIdContext: `inbound-${index}` }),
    });
  }
  return pairs;
}

/** A certificate and its key, which belong together. */
async function loadPair(
  [certPath, keyPath]: readonly [string, string],
  [certField, keyField]: readonly [string, string],
): Promise<{ cert: string; key: string }> {
  const cert = await readSetting(certPath, certField);
  const key = await readSetting(keyPath, keyField);
  const certificate = parsed(() => new X509Certificate(cert), certField, certPath, 'a PEM certificate');
  const privateKey = parsed(() => createPrivateKey(key), keyField, keyPath, 'a PEM private key');
  if (certificate.checkPrivateKey(privateKey)) return { cert, key };
  throw new ConfigError([
    `${envName(keyField)}: the key in ${keyPath} does not belong to the certificate in ${certPath}.`,
  ]);
}

function checkRoots(pem: string, path: string, field: string): string {
  parsed(() => new X509Certificate(pem), field, path, 'PEM certificates');
  return pem;
}

function parsed<T>(parse: () => T, field: string, path: string, what: string): T {
  try {
    return parse();
  } catch (error) {
    throw new ConfigError([
      `${envName(field)}: ${path} does not hold ${what} (${(error as Error).message}).`,
    ]);
  }
}

/** Null when it cannot be read. */
async function readOptional(path: string): Promise<string | null> {
  return readSetting(path, '').catch(() => null);
}

/** The system's roots, Node's own, and what NODE_EXTRA_CA_CERTS adds. */
function systemRoots(): string[] {
  return [...new Set([...rootCertificates, ...getCACertificates('default'), ...getCACertificates('system')])];
}
