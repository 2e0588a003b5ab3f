// Roots, certificate and key of one end of a TLS connection, from PEM files. They are read anew whenever they are
// needed, because whoever issues them replaces the files. It must not know what the connection is for.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Where an end's PEM files are: the roots by which it judges the other, and what it shows of itself. */
export interface TlsFiles {
  caFile: string;
  certFile?: string | undefined;
  keyFile?: string | undefined;
}

/** The same of a server; without roots it asks for no certificates. */
export interface ServerTlsFiles {
  caFile?: string | undefined;
  certFile: string;
  keyFile: string;
}

/** The contents of TlsFiles, in the words of node:tls. */
export interface TlsTexts {
  ca?: string;
  cert?: string;
  key?: string;
}

/**
 * Reads the files, synchronously: they are few, small and in memory. Throws when one cannot be read or used: node:tls
 * passes over certificates that are damaged, and takes empty roots for the wish to trust every public one.
 */
export function readTlsFiles({ caFile, certFile, keyFile }: TlsFiles | ServerTlsFiles): TlsTexts {
  return {
    ...(caFile === undefined ? {} : { ca: readCertificates(caFile) }),
    ...(certFile === undefined ? {} : { cert: readCertificates(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile, 'utf8') }),
  };
}

function readCertificates(path: string): string {
  const text = readFileSync(path, 'utf8');
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw new Error(`there is no PEM certificate in ${path}`);
  for (const certificate of certificates) {
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      throw new Error(`a certificate in ${path} is damaged`, { cause });
    }
  }
  return text;
}
