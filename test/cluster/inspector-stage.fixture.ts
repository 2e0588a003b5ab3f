// An inspector with everything real around it but a node: API server with the rights of the chart, control plane on
// Postgres, forwarder with its cluster face over mutual TLS, and the inspector itself as a process. For tests only.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiClient, type ClusterCommandBody, type Command, createClient } from '@echoplane/api';
import { createKubeClient, type KubeClient, type Obj, RESOURCES, type Resource } from '@echoplane/kube';
import { type Authority, listen } from '@echoplane/runtime';
import { parseAllDocuments } from 'yaml';
import { OPEN_DOORS } from '../../packages/cloud/src/agent-plane.fixture.ts';
import {
  type ControlPlane,
  type Replica,
  startControlPlane,
  startReplica,
} from '../../packages/cloud/src/control-plane.fixture.ts';
import {
  type Cleanup,
  type ForwarderProcess,
  forwarderEnv,
  startForwarder,
} from '../../packages/forwarder/src/forwarder.fixture.ts';
import { newAuthority, writeEnd } from '../../packages/forwarder/src/intake/intake-tls.fixture.ts';
import { type Program, ProgramStage } from '../program-stage.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { adminAccess, installKinds, namespaceObject, until } from './kube-access.fixture.ts';

export const INSTALL = 'echoplane';
export const ACCOUNT = `system:serviceaccount:${INSTALL}:echoplane-inspector`;
const PROBE = 'gate.example.com/probe';
const LIMITS = { pingMs: 1_000, resendMs: 1_000, perTenant: 100, perReplica: 100 };

/** An API server with our kinds, namespaces and the accounts of the chart; and the objects the chart makes. */
export async function startInstalledServer(cleanup: Cleanup) {
  const server = await startApiServer();
  cleanup.add(() => server.stop());
  const client = createKubeClient(await adminAccess(server));
  cleanup.add(() => client.close());
  await installKinds(server);
  for (const name of [INSTALL, 'shop']) await client.create(RESOURCES.namespaces, namespaceObject(name));
  const chart = await chartObjects(server);
  const rights = chart.filter(({ apiVersion }) => apiVersion.startsWith('rbac.'));
  await server.kubectl(['apply', '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: rights }),
  });
  return { server, client, chart };
}

async function chartObjects(server: ApiServer): Promise<Obj[]> {
  const values = [
    'clusterName=test',
    'cloud.url=http://cloud',
    'existingSecret=mine',
    'image.repository=r/e',
  ];
  const set = values.flatMap((value) => ['--set', value]);
  const text = await server.helm(['template', 'echoplane', 'charts/echoplane', '-n', INSTALL, ...set]);
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((object) => object !== null);
}

export class InspectorStage {
  readonly server: ApiServer;
  readonly client: KubeClient;
  readonly plane: ControlPlane;
  readonly forwarder: ForwarderProcess;
  readonly programs: ProgramStage;
  /** As an editor of the tenant. */
  readonly cloud: ApiClient;
  readonly #env: Record<string, string>;

  private constructor(
    parts: Pick<InspectorStage, 'server' | 'client' | 'plane' | 'forwarder' | 'programs' | 'cloud'>,
    env: Record<string, string>,
  ) {
    this.server = parts.server;
    this.client = parts.client;
    this.plane = parts.plane;
    this.forwarder = parts.forwarder;
    this.programs = parts.programs;
    this.cloud = parts.cloud;
    this.#env = env;
  }

  static async open(cleanup: Cleanup): Promise<InspectorStage> {
    const { server, client } = await startInstalledServer(cleanup);
    const programs = await ProgramStage.open();
    cleanup.add(() => programs.close());
    const { plane, replica } = await startCloud(cleanup);
    const authority = await newAuthority();
    const forwarder = await startFacingForwarder(cleanup, { plane, replica, authority });
    const headers = () => ({ authorization: `Bearer ${plane.ann.keys.editor}` });
    const cloud = createClient({ baseUrl: replica.origin, fetch, headers });
    const url = `https://127.0.0.1:${forwarder.clusterPort}`;
    const env = await inspectorEnv(programs, { server, authority, url });
    return new InspectorStage({ server, client, plane, forwarder, programs, cloud }, env);
  }

  /** Starts the inspector; resolves when commands can arrive, or, when it will not trust what it meets, when it is up. */
  async inspector({ isTrusting = true } = {}): Promise<RunningInspector> {
    const program = this.programs.start('inspector', this.#env);
    const { agent, adminPort } = (await program.event('ready')) as { agent: string; adminPort: number };
    const metrics = async () => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    // At the beginning of a line: the help of the metric begins with the same words.
    const isConnected = async () => /^echoplane_inspector_connected 1$/m.test(await metrics());
    if (isTrusting) await until(isConnected, () => program.stdout());
    return Object.assign(program, { agent, metrics });
  }

  async ask(agent: string, body: ClusterCommandBody): Promise<string> {
    return (await this.cloud.call('createCommand', { body: { agent, body } })).id;
  }

  /** The command once it has ended. */
  async ended(id: string): Promise<Command> {
    let seen: Command | null = null;
    const look = async () => {
      seen = await this.cloud.call('command', { params: { id } });
      return seen.state === 'succeeded' || seen.state === 'failed';
    };
    await until(look, () => JSON.stringify(seen));
    return seen!;
  }

  async do(agent: string, body: ClusterCommandBody): Promise<Command> {
    return this.ended(await this.ask(agent, body));
  }
}

export type RunningInspector = Program & { agent: string; metrics(): Promise<string> };

async function startCloud(cleanup: Cleanup): Promise<{ plane: ControlPlane; replica: Replica }> {
  const plane = await startControlPlane();
  cleanup.add(() => plane.stop());
  const replica = await startReplica(plane, { ...OPEN_DOORS, limits: LIMITS });
  cleanup.add(() => replica.stop());
  return { plane, replica };
}

async function startFacingForwarder(
  cleanup: Cleanup,
  { plane, replica, authority }: { plane: ControlPlane; replica: Replica; authority: Authority },
): Promise<ForwarderProcess> {
  const home = await mkdtemp(join(tmpdir(), 'echoplane-face-'));
  cleanup.add(() => rm(home, { recursive: true, force: true }));
  const { certFile, keyFile, caFile } = await writeEnd(join(home, 'tls'), authority, authority, {});
  const env = {
    ...{ ECHOPLANE_AGENT_KEY: plane.ann.keys.agent, ECHOPLANE_CLUSTER: 'test' },
    ...{ ECHOPLANE_TLS_CERT_FILE: certFile, ECHOPLANE_TLS_KEY_FILE: keyFile },
    ...{ ECHOPLANE_TLS_CLIENT_CA_FILE: caFile },
    ...{ ECHOPLANE_CLUSTER_PORT: '0', ECHOPLANE_CLUSTER_CA_FILE: caFile },
  };
  return startForwarder(forwarderEnv(home, replica.origin, env), cleanup);
}

/** What the operator gives an inspector, and the account the chart makes for it. */
export async function inspectorEnv(
  programs: ProgramStage,
  { server, authority, url }: { server: ApiServer; authority: Authority; url: string },
): Promise<Record<string, string>> {
  const issued = await authority.issue({ names: ['echoplane-inspector'], days: 1, usage: 'clientAuth' });
  return {
    ECHOPLANE_KUBECONFIG: await server.userKubeconfig(ACCOUNT, ['system:serviceaccounts']),
    ECHOPLANE_FORWARDER_URL: url,
    ECHOPLANE_CA_FILE: await programs.file('ca.crt', authority.certPem),
    ECHOPLANE_CERT_FILE: await programs.file('tls.crt', issued.certPem),
    ECHOPLANE_KEY_FILE: await programs.file('tls.key', issued.keyPem),
    ECHOPLANE_CLUSTER: 'test',
    ECHOPLANE_ADMIN_PORT: '0',
  };
}

/**
 * A validating webhook of the API server: `judge` sees each change of those before it holds, and may take its time. `probe`
 * is one of them, whose changes in dry runs tell from when until when the API server asks.
 */
export async function gate(
  client: KubeClient,
  { resource, namespace, probe }: { resource: Resource; namespace: string; probe: string },
  judge: (object: Obj) => Promise<boolean>,
): Promise<() => Promise<void>> {
  const authority = await newAuthority();
  const { certPem: cert, keyPem: key } = await authority.issue({ names: ['127.0.0.1'], days: 1 });
  let probed = 0;
  const server = createServer({ cert, key }, async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const { uid, object } = JSON.parse(text).request;
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
    const isProbe = object.metadata.annotations?.[PROBE] === 'true';
    if (isProbe) probed++;
    const allowed = isProbe || (await judge(object));
    response.end(JSON.stringify({ ...review, response: { uid, allowed } }));
  });
  const port = await listen(server, 0);
  const name = `gate-${port}`;
  await client.create(RESOURCES.validatingWebhooks, {
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' },
    metadata: { name },
    webhooks: [
      {
        ...{
          name: 'gate.example.com',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          timeoutSeconds: 30,
        },
        clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: btoa(authority.certPem) },
        rules: [
          {
            ...{ apiGroups: [resource.group], apiVersions: ['v1'], operations: ['UPDATE'] },
            resources: [resource.plural],
          },
        ],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      },
    ],
  });
  const isAsked = async () => {
    const before = probed;
    const patch = { metadata: { annotations: { [PROBE]: 'true' } } };
    await client.patch(resource, { namespace, name: probe }, patch, { type: 'merge', dryRun: true });
    return probed > before;
  };
  await until(isAsked, () => 'the gate is not asked');
  let isOpen = false;
  return async () => {
    if (isOpen) return;
    isOpen = true;
    await client.delete(RESOURCES.validatingWebhooks, { name });
    await until(
      async () => !(await isAsked()),
      () => 'the gate is still asked',
    );
    server.closeAllConnections();
    server.close();
  };
}
