// The keys of one test cluster, made by openssl in a folder: an authority, certificates of servers and of users (a name
// and groups), the pair that signs service-account tokens, and kubeconfig files. They live as long as the folder.
import { mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { run } from './processes.ts';

const DAYS = '30';
const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

export interface Subject {
  commonName: string;
  /** Groups of a user, in Kubernetes' words; organizations in the certificate's. */
  groups?: string[];
  /** DNS names and addresses of a server. */
  names?: string[];
}

export interface Credentials {
  folder: string;
  caFile: string;
  caKeyFile: string;
  /** The pair for service-account tokens. */
  tokenKeyFile: string;
  tokenPublicFile: string;
  /** A certificate for client and server use, in `NAME.crt` and `NAME.key`. */
  issue(fileName: string, subject: Subject): Promise<CertificateFiles>;
  /** A kubeconfig of that user for the API server at `url`; gives its path. */
  kubeconfig(fileName: string, subject: Subject, url: string): Promise<string>;
}

export async function createCredentials(folder: string): Promise<Credentials> {
  await mkdir(folder, { recursive: true });
  const at = (name: string) => join(folder, name);
  const caFile = at('ca.crt');
  const caKeyFile = at('ca.key');
  // An own configuration, so that nothing of the machine's is added to the certificates.
  await writeFile(at('openssl.cnf'), '[req]\ndistinguished_name = dn\n[dn]\n');
  const request = ['req', '-x509', '-config', at('openssl.cnf'), ...EC_KEY, '-days', DAYS];
  const authority = [
    ...['-subj', '/CN=test-cluster', '-addext', 'basicConstraints=critical,CA:TRUE'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-addext', 'subjectKeyIdentifier=hash'],
  ];
  await run('openssl', [...request, ...authority, '-keyout', caKeyFile, '-out', caFile]);
  await run('openssl', ['genrsa', '-out', at('sa.key'), '2048']);
  await run('openssl', ['rsa', '-in', at('sa.key'), '-pubout', '-out', at('sa.pub')]);

  const issue = async (fileName: string, subject: Subject) => {
    const files = { certFile: at(`${fileName}.crt`), keyFile: at(`${fileName}.key`) };
    const signedBy = ['-CA', caFile, '-CAkey', caKeyFile];
    const out = ['-keyout', files.keyFile, '-out', files.certFile];
    await run('openssl', [...request, ...signedBy, ...describe(subject), ...out]);
    return files;
  };
  const kubeconfig = async (fileName: string, subject: Subject, url: string) => {
    const path = at(`${fileName}.kubeconfig`);
    await writeFile(path, kubeconfigText(await issue(fileName, subject), caFile, url), { mode: 0o600 });
    return path;
  };
  return {
    ...{ folder, caFile, caKeyFile, issue, kubeconfig },
    ...{ tokenKeyFile: at('sa.key'), tokenPublicFile: at('sa.pub') },
  };
}

function describe({ commonName, groups = [], names = [] }: Subject): string[] {
  const subject = [...groups.map((group) => `/O=${group}`), `/CN=${commonName}`].join('');
  const extensions = [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth,clientAuth',
  ];
  const alternatives = names.map((name) => `${isIP(name) ? 'IP' : 'DNS'}:${name}`);
  if (names.length > 0) extensions.push(`subjectAltName=${alternatives.join(',')}`);
  return ['-subj', subject, ...extensions.flatMap((extension) => ['-addext', extension])];
}

/** Kubeconfig files may be JSON, as that is YAML. */
function kubeconfigText(user: CertificateFiles, caFile: string, server: string): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'user', user: { 'client-certificate': user.certFile, 'client-key': user.keyFile } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  };
  return JSON.stringify(config, null, 2);
}
