// The operator as an image holds it, bundled and with its flags, as a process on the core of what is measured. It finds the
// API server as a pod does, by its service account, so that its memory is that of a pod: a kubeconfig would bring a library
// of 17 MB along.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NODE_FLAGS } from '@echoplane/resources';
import { bundle } from '../../deploy/bundle.ts';
import type { ApiServer } from '../../test/cluster/api-server.ts';
import { freePort } from '../../test/ports.ts';
import { announced, type Running, start, TEST_CORE } from '../sidecar/processes.ts';

export interface OperatorProcess {
  program: Running;
  pid: number;
  webhookPort: number;
  /** The text of a page of its admin port; empty unless it answers well. */
  page(path: string): Promise<string>;
}

const INSTALL_NAMESPACE = 'echoplane';
const ACCOUNT = 'echoplane-operator';
const TOKEN_LIFE = '2h';
const START_DEADLINE_MS = 60_000;
/** Nobody listens there: without control plane and forwarder the operator does all that is measured here. */
const NOBODY = '127.0.0.1:9';
/** The folder of the service account lies below /run; the operator gets a /run of its own, then is the shell's process. */
const IN_A_POD = 'mount --bind "$1" /run && shift && exec "$@"';

let built: Promise<string> | null = null;

/** What a pod of the operator finds in its file system; made once for all replicas. */
export async function preparePod(server: ApiServer, folder: string): Promise<void> {
  await server.kubectl(['-n', INSTALL_NAMESPACE, 'create', 'serviceaccount', ACCOUNT]);
  await server.kubectl([
    ...['create', 'clusterrolebinding', ACCOUNT, '--clusterrole=cluster-admin'],
    `--serviceaccount=${INSTALL_NAMESPACE}:${ACCOUNT}`,
  ]);
  const token = ['-n', INSTALL_NAMESPACE, 'create', 'token', ACCOUNT, `--duration=${TOKEN_LIFE}`];
  const account = join(folder, 'run', 'secrets', 'kubernetes.io', 'serviceaccount');
  await mkdir(account, { recursive: true });
  await writeFile(join(account, 'token'), await server.kubectl(token));
  await writeFile(join(account, 'ca.crt'), await readFile(server.caFile));
  const install = {
    clusterName: 'bench',
    cloudUrl: `http://${NOBODY}`,
    image: 'registry.example.com/echoplane:1',
  };
  await writeFile(join(folder, 'install.json'), JSON.stringify(install));
}

/** Starts one; resolves when it listens, which is before its caches are filled. */
export async function startOperator(
  server: ApiServer,
  { folder, name, webhookPort, bundle: given, profileFolder }: OperatorPlace,
): Promise<OperatorProcess> {
  built ??= given === undefined ? bundle('operator') : Promise.resolve(given);
  const { hostname, port } = new URL(server.url);
  const adminPort = await freePort();
  const profile = profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`] : [];
  const node = [process.execPath, ...NODE_FLAGS.operator, ...profile, await built];
  const pod = ['unshare', '--mount', 'sh', '-c', IN_A_POD, 'pod', join(folder, 'run'), ...node];
  const program = start(TEST_CORE, pod, {
    ...{ KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    ...{ ECHOPLANE_POD_NAME: name, ECHOPLANE_API_KEY: 'bench' },
    ...{ ECHOPLANE_LOG_LEVEL: 'info', ECHOPLANE_SUPERVISED: 'true' },
    ECHOPLANE_INSTALL_FILE: join(folder, 'install.json'),
    ...{ ECHOPLANE_HOST: '127.0.0.1', ECHOPLANE_ARTIFACT_PORT: '0', ECHOPLANE_ADMIN_PORT: String(adminPort) },
    ECHOPLANE_WEBHOOK_PORT: String(webhookPort),
    ECHOPLANE_WEBHOOK_URL: `https://127.0.0.1:${webhookPort}`,
    ECHOPLANE_FORWARDER_URL: `https://${NOBODY}`,
  });
  await announced<{ webhookPort: number }>(program, 'webhookPort', START_DEADLINE_MS);
  drain(program);
  const page = (path: string) =>
    fetch(`http://127.0.0.1:${adminPort}${path}`).then(
      (answer) => (answer.ok ? answer.text() : ''),
      () => '',
    );
  return { program, pid: program.pid, webhookPort, page };
}

export interface OperatorPlace {
  folder: string;
  name: string;
  webhookPort: number;
  /** A bundle that exists already. */
  bundle: string | undefined;
  /** Where its profile of the processor goes. */
  profileFolder: string | undefined;
}

/** Its log is read and not kept: a pipe that nobody reads would stop it. */
function drain({ lines }: Running): void {
  void (async () => {
    for await (const _ of lines);
  })();
}
