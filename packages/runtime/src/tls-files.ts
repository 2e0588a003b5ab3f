// Roots, certificate and key of one end of a TLS connection, from PEM files. They are read anew whenever they are
// needed, because whoever issues them replaces the files. It must not know what the connection is for.
import { readFileSync } from 'node:fs';

/** Where an end's PEM files are: the roots by which it judges the other, and what it shows of itself. */
export interface TlsFiles {
  caFile: string;
  certFile?: string | undefined;
  keyFile?: string | undefined;
}

/** The contents of TlsFiles, in the words of node:tls. */
export interface TlsTexts {
  ca: string;
  cert?: string;
  key?: string;
}

/**
 * Reads the files, synchronously: they are few, small and in memory. Throws when one cannot be read or holds nothing of
 * its kind: node:tls would take empty roots for the wish to trust every public one.
 */
export function readTlsFiles({ caFile, certFile, keyFile }: TlsFiles): TlsTexts {
  return {
    ca: readPem(caFile, 'CERTIFICATE'),
    ...(certFile === undefined ? {} : { cert: readPem(certFile, 'CERTIFICATE') }),
    ...(keyFile === undefined ? {} : { key: readPem(keyFile, 'PRIVATE KEY') }),
  };
}

function readPem(path: string, kind: string): string {
  const text = readFileSync(path, 'utf8');
  if (!text.includes(`${kind}-----`)) throw new Error(`there is no PEM ${kind.toLowerCase()} in ${path}`);
  return text;
}
