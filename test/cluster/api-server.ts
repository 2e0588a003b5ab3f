// A real API server with its etcd and nothing else, on free loopback ports, up in seconds: RBAC, CRDs, webhooks,
// service-account tokens and garbage-free objects, but no controllers, so nothing that a controller would make.
// Everything lies in one temporary folder; the processes end with the test run, however that ends.

import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../ports.ts';
import { clientPrograms, etcd, kubeServer } from './binaries.ts';
import { type Credentials, createCredentials } from './credentials.ts';
import {
  type CommandOptions,
  foldersOfTheDead,
  run,
  type Server,
  startServer,
  untilReady,
} from './processes.ts';

const PREFIX = 'echoplane-api';
const START_DEADLINE_MS = 180_000;

export interface Cluster {
  url: string;
  caFile: string;
  /** Of a member of system:masters. */
  adminKubeconfig: string;
  adminCertFile: string;
  adminKeyFile: string;
  /** Runs kubectl as that administrator and gives what it printed. */
  kubectl(args: string[], options?: Pick<CommandOptions, 'input' | 'deadlineMs'>): Promise<string>;
  /** Likewise helm. */
  helm(args: string[], options?: Pick<CommandOptions, 'deadlineMs'>): Promise<string>;
  /** A kubeconfig for a user of that name in those groups, who may do what RBAC says; gives its path. */
  userKubeconfig(name: string, groups?: string[]): Promise<string>;
  /** Ends all of it and removes what it stored. */
  stop(): Promise<void>;
}

export interface ApiServer extends Cluster {
  /** A server's certificate of the cluster's authority. */
  issue(fileName: string, names: string[]): Promise<{ cert: string; key: string }>;
  /** Where its etcd listens, without TLS. */
  etcdUrl: string;
  /** kill -9 of the API server; etcd stays. */
  kill(): Promise<void>;
  /** kill -9 if it runs, and starts it again on the same port with the same data. */
  restart(): Promise<void>;
}

export async function startApiServer(): Promise<ApiServer> {
  for (const folder of foldersOfTheDead(PREFIX)) await rm(folder, { recursive: true, force: true });
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}-${process.pid}-`));
  const servers: Server[] = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.kill()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const credentials = await createCredentials(join(folder, 'keys'));
    const etcdUrl = `http://127.0.0.1:${await freePort()}`;
    const data = join(folder, 'etcd');
    servers.push(startServer('etcd', [etcd(), ...etcdFlags(etcdUrl, data)], join(folder, 'etcd.log')));
    const start = await prepareApiServer(folder, credentials, etcdUrl);
    servers.push(await start.run());
    const restart = async () => {
      await servers[1]!.kill();
      servers[1] = await start.run();
    };
    const access = await accessOf(credentials, start.url);
    await namespacesThere(access);
    const issue = async (fileName: string, names: string[]) => {
      const { certFile, keyFile } = await credentials.issue(fileName, { commonName: fileName, names });
      return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    };
    return { ...access, issue, etcdUrl, stop, restart, kill: () => servers[1]!.kill() };
  } catch (err) {
    await stop();
    throw err;
  }
}

async function prepareApiServer(folder: string, credentials: Credentials, etcdUrl: string) {
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const names = ['127.0.0.1', 'localhost', 'kubernetes.default.svc'];
  const serving = await credentials.issue('apiserver', { commonName: 'kube-apiserver', names });
  const flags = [
    ...apiServerFlags(credentials, serving, { etcdUrl, services: '10.96.0.0/16' }),
    ...['--bind-address=127.0.0.1', `--secure-port=${port}`, '--endpoint-reconciler-type=none'],
    // Nobody makes the accounts that this one asks for.
    ...['--authorization-mode=RBAC', '--disable-admission-plugins=ServiceAccount'],
  ];
  const command = [await kubeServer('kube-apiserver'), ...flags];
  const start = async () => {
    const server = startServer('kube-apiserver', command, join(folder, 'kube-apiserver.log'));
    await untilReady(server, () => isReady(url, credentials.caFile), START_DEADLINE_MS);
    return server;
  };
  return { url, run: start };
}

/** etcd for one client at `url`, which loses its last writes when the machine stops. */
export function etcdFlags(url: string, dataFolder: string): string[] {
  return [
    ...['--name', 'only', '--data-dir', dataFolder, '--unsafe-no-fsync', '--log-level', 'warn'],
    ...[
      '--listen-client-urls',
      url,
      '--advertise-client-urls',
      url,
      '--listen-peer-urls',
      'http://127.0.0.1:0',
    ],
  ];
}

/** What every API server of the tests is started with. */
export function apiServerFlags(
  credentials: Credentials,
  serving: { certFile: string; keyFile: string },
  { etcdUrl, services }: { etcdUrl: string; services: string },
): string[] {
  const { caFile, tokenKeyFile, tokenPublicFile } = credentials;
  return [
    ...[`--etcd-servers=${etcdUrl}`, `--client-ca-file=${caFile}`, '--allow-privileged=true'],
    ...[`--tls-cert-file=${serving.certFile}`, `--tls-private-key-file=${serving.keyFile}`],
    '--service-account-issuer=https://kubernetes.default.svc',
    ...[
      `--service-account-signing-key-file=${tokenKeyFile}`,
      `--service-account-key-file=${tokenPublicFile}`,
    ],
    `--service-cluster-ip-range=${services}`,
  ];
}

/** The administrator's and other users' ways to the API server at `url`. */
export async function accessOf(credentials: Credentials, url: string): Promise<Omit<Cluster, 'stop'>> {
  const admin = { commonName: 'admin', groups: ['system:masters'] };
  const adminKubeconfig = await credentials.kubeconfig('admin', admin, url);
  const programs = await clientPrograms();
  const home = join(credentials.folder, 'home');
  await mkdir(home, { recursive: true });
  const env = { PATH: process.env.PATH, HOME: home, KUBECONFIG: adminKubeconfig };
  let users = 0;
  return {
    ...{ url, caFile: credentials.caFile, adminKubeconfig },
    adminCertFile: join(credentials.folder, 'admin.crt'),
    adminKeyFile: join(credentials.folder, 'admin.key'),
    kubectl: (args, options) => run(programs.kubectl, args, { ...options, env }),
    helm: (args, options) => run(programs.helm, args, { ...options, env }),
    userKubeconfig: (name, groups = []) =>
      credentials.kubeconfig(`user-${users++}`, { commonName: name, groups }, url),
  };
}

/** A server that is ready for the first time may still be making its namespaces. */
export async function namespacesThere({ kubectl }: Pick<Cluster, 'kubectl'>): Promise<void> {
  const names = ['namespace/default', 'namespace/kube-system'];
  await kubectl(['wait', '--for=create', '--timeout=120s', ...names]);
}

/** True when the API server at `url` says it is ready. */
export function isReady(url: string, caFile: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const options = { ca: readFileSync(caFile), agent: false, timeout: 5_000 };
    const asked = request(`${url}/readyz`, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', reject).end();
  });
}
