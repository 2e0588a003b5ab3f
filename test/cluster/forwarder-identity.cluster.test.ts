// Who sends, by a real API server: tokens it issued for pods that are there, and every way in which a token can be wrong.
// Real senders, the real intake over TLS, the real client; pods are objects without a kubelet.
import { sign } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { NDJSON } from '@echoplane/api';
import { createKubeClient, kubeconfigAccess } from '@echoplane/kube';
import { FACE_PATHS, FaceStatus, RESOLVED_ANNOTATION, TOKEN_AUDIENCE } from '@echoplane/resources';
import { silentLogger, systemClock } from '@echoplane/runtime';
import type { Hello } from '@echoplane/wire';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Callers } from '../../packages/forwarder/src/callers/callers.ts';
import { identifyBy } from '../../packages/forwarder/src/callers/cluster-access.ts';
import { capturedPair, HELLO } from '../../packages/forwarder/src/captured.fixture.ts';
import {
  Cleanup,
  forwarderEnv,
  StandInCloud,
  serveCloud,
  startForwarder,
  temporaryHome,
  until,
} from '../../packages/forwarder/src/forwarder.fixture.ts';
import {
  newAuthority,
  startIntake,
  startSidecarSender,
  writeEnd,
} from '../../packages/forwarder/src/intake/intake-tls.fixture.ts';
import { type ApiServer, startApiServer } from './api-server.ts';

const PLACE = { cluster: 'prod', installNamespace: 'echoplane' };
/** What the chart gives the forwarder's account. */
const ROLE = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: forwarder }
rules:
  - { apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create] }
  - { apiGroups: [""], resources: [pods], verbs: [get] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: forwarder }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: forwarder }
subjects: [{ kind: User, name: forwarder, apiGroup: rbac.authorization.k8s.io }]
`;
const ACCOUNTS = ['shop/default', 'shop/echoplane-replay', 'echoplane/default', 'echoplane/echoplane-replay'];

let server: ApiServer;
let forwarderAccess: string;
const cleanup = new Cleanup();

beforeAll(async () => {
  server = await startApiServer();
  for (const namespace of ['shop', 'echoplane']) await server.kubectl(['create', 'namespace', namespace]);
  for (const account of ACCOUNTS) {
    const [namespace = '', name = ''] = account.split('/');
    await server.kubectl(['-n', namespace, 'create', 'serviceaccount', name]);
  }
  await server.kubectl(['apply', '-f', '-'], { input: ROLE });
  forwarderAccess = await server.userKubeconfig('forwarder');
  // A right that was given is known a moment later.
  const asForwarder = ['--kubeconfig', forwarderAccess, 'auth', 'can-i'];
  await until('the rights of the forwarder', () =>
    server.kubectl([...asForwarder, 'create', 'tokenreviews.authentication.k8s.io']).then(
      () => true,
      () => false,
    ),
  );
});
afterEach(() => cleanup.run());
afterAll(async () => {
  await server?.stop();
});

interface PodFacts {
  namespace?: string;
  name: string;
  account?: string;
  metadata?: Record<string, unknown>;
}

async function makePod({
  namespace = 'shop',
  name,
  account = 'default',
  metadata = {},
}: PodFacts): Promise<void> {
  const pod = {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { ...metadata, namespace, name },
    spec: {
      serviceAccountName: account,
      containers: [
        { name: 'app', image: 'x' },
        { name: 'second', image: 'x' },
      ],
    },
  };
  await server.kubectl(['create', '-f', '-'], { input: JSON.stringify(pod) });
}

/** A token as the kubelet asks for it: bound to the pod. */
async function tokenOf(
  { namespace = 'shop', name, account = 'default' }: PodFacts,
  { audience = TOKEN_AUDIENCE, bound = true } = {},
): Promise<string> {
  const binding = bound ? ['--bound-object-kind=Pod', `--bound-object-name=${name}`] : [];
  const args = ['-n', namespace, 'create', 'token', account, `--audience=${audience}`, ...binding];
  return (await server.kubectl(args)).trim();
}

async function podWithToken(facts: PodFacts): Promise<string> {
  await makePod(facts);
  return tokenOf(facts);
}

/** The token with other claims, signed with the API server's own key. */
async function signAnew(token: string, claims: Record<string, number>): Promise<string> {
  const [head, payload = ''] = token.split('.');
  const all = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), ...claims };
  const text = `${head}.${Buffer.from(JSON.stringify(all)).toString('base64url')}`;
  const key = await readFile(join(dirname(server.caFile), 'sa.key'));
  return `${text}.${sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`;
}

/** What a forwarder makes of it that has never seen the token. */
async function judge(token: string, hello: Partial<Hello> = {}) {
  const client = createKubeClient(await kubeconfigAccess(forwarderAccess));
  cleanup.add(() => client.close());
  const callers = new Callers({ client, clock: systemClock(), log: silentLogger() });
  return identifyBy(callers, PLACE, silentLogger())({ ...HELLO, ...hello, token }, '10.0.0.1');
}

const refusal = (code: string, words: RegExp) => ({ code, message: expect.stringMatching(words) });

describe('names are those of the cluster', () => {
  test('of the controller, whatever Hello says, and without the token', async () => {
    const owner = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      name: 'cart-6d4f',
      uid: 'u',
      controller: true,
    };
    const metadata = { labels: { 'pod-template-hash': '6d4f' }, ownerReferences: [owner] };
    const token = await podWithToken({ name: 'cart-6d4f-1', metadata });
    const lies = {
      namespace: 'bank',
      workload: 'vault',
      pod: 'vault-1',
      cluster: 'else',
      container: 'second',
    };
    expect(await judge(token, lies)).toEqual({
      identity: 'pod shop/cart-6d4f-1',
      hello: {
        ...{ version: 1, incarnation: 'life-1', hop: 'sidecar', cluster: 'prod', namespace: 'shop' },
        ...{ workloadKind: 'Deployment', workload: 'cart', pod: 'cart-6d4f-1', container: 'second' },
      },
    });
  });

  test('of what the workload webhook wrote; a container that the pod does not have is not told', async () => {
    const resolved = JSON.stringify({ workload: { kind: 'CronJob', name: 'backup' }, settings: {} });
    const token = await podWithToken({
      name: 'b-1',
      metadata: { annotations: { [RESOLVED_ANNOTATION]: resolved } },
    });
    const named = { workloadKind: 'CronJob', workload: 'backup', container: 'app' };
    expect(await judge(token, { container: 'invented' })).toMatchObject({ hello: named });
  });
});

describe('a token that will not do is refused with what to do', () => {
  test.each([
    ['none', '', /no service-account token was shown/],
    ['no token', 'abc', /is no token/],
    ['something endless', `${'a'.repeat(9_000)}.b.c`, /is no token/],
  ])('%s', async (_, token, words) => {
    expect(await judge(token)).toEqual(refusal('token-refused', words));
  });

  test('of another audience', async () => {
    await makePod({ name: 'audience' });
    const token = await tokenOf({ name: 'audience' }, { audience: 'https://kubernetes.default.svc' });
    expect(await judge(token)).toEqual(refusal('token-refused', /for another audience/));
  });

  test('bound to no pod', async () => {
    const token = await tokenOf({ name: '' }, { bound: false });
    expect(await judge(token)).toEqual(refusal('token-refused', /not bound to a pod/));
  });

  test('with claims that somebody changed', async () => {
    const [head, payload = '', signature] = (await podWithToken({ name: 'forged' })).split('.');
    const claims = Buffer.from(payload, 'base64url').toString().replaceAll('shop', 'bank');
    const forged = [head, Buffer.from(claims).toString('base64url'), signature].join('.');
    expect(await judge(forged)).toEqual(refusal('token-refused', /the API server does not accept the token/));
  });

  test('that has expired', async () => {
    const token = await podWithToken({ name: 'expired' });
    const expired = await signAnew(token, {
      exp: 1_700_000_000,
      iat: 1_699_990_000,
      nbf: 1_699_990_000,
    });
    expect(await judge(expired)).toEqual(
      refusal('token-refused', /the API server does not accept the token/),
    );
    const sound = await signAnew(token, {});
    expect(await judge(sound)).toHaveProperty('hello');
  });

  test('whose pod is gone, or is another one of the same name', async () => {
    const token = await podWithToken({ name: 'gone' });
    expect(await judge(token)).toHaveProperty('hello');
    await server.kubectl(['-n', 'shop', 'delete', 'pod', 'gone', '--grace-period=0', '--force']);
    expect(await judge(token)).toEqual(refusal('token-refused', /is gone|does not accept/));
    await makePod({ name: 'gone' });
    expect(await judge(token)).toEqual(refusal('token-refused', /is gone|does not accept/));
  });
});

describe('the pods of a replay', () => {
  const replay = { account: 'echoplane-replay' };
  const hello = {
    hop: 'generator',
    namespace: 'shop',
    workload: 'cart',
    workloadKind: 'Deployment',
  } as const;

  test('of the installation speak for the workloads of their Hello', async () => {
    const token = await podWithToken({ ...replay, namespace: 'echoplane', name: 'generator-0' });
    const named = { ...hello, cluster: 'prod', pod: 'generator-0' };
    expect(await judge(token, hello)).toMatchObject({ hello: named });
    expect(await judge(token, { ...hello, hop: 'sidecar' })).toMatchObject({
      hello: { namespace: 'echoplane' },
    });
    expect(await judge(token, { ...hello, hop: 'import' })).toEqual(
      refusal('hop-not-allowed', /not as import/),
    );
  });

  test.each([
    ['of another account', { namespace: 'echoplane', name: 'g-1', account: 'default' }],
    ['of that account in another namespace', { namespace: 'shop', name: 'g-2', ...replay }],
  ])('%s do not', async (_, facts) => {
    const token = await podWithToken(facts);
    expect(await judge(token, hello)).toEqual(refusal('hop-not-allowed', /may send as sidecar only/));
  });
});

describe('real senders and the real intake over TLS', () => {
  async function startStage() {
    const home = await mkdtemp(join(tmpdir(), 'identity-'));
    cleanup.add(() => rm(home, { recursive: true, force: true }));
    const authority = await newAuthority();
    const { certFile, keyFile, caFile } = await writeEnd(join(home, 'server'), authority, authority, {});
    const client = createKubeClient(await kubeconfigAccess(forwarderAccess));
    cleanup.add(() => client.close());
    const callers = new Callers({ client, clock: systemClock(), log: silentLogger() });
    const identify = identifyBy(callers, PLACE, silentLogger());
    const intake = await startIntake(cleanup, { files: { certFile, keyFile }, home, identify });
    const tokenFile = join(home, 'token');
    const sender = () => startSidecarSender(cleanup, intake.port, { tls: { caFile }, tokenFile });
    return { ...intake, tokenFile, sender };
  }

  test('a sender whose token comes late gets in with it', async () => {
    const { sender, tokenFile, ledger } = await startStage();
    const late = sender();
    await writeFile(tokenFile, `${await podWithToken({ name: 'late' })}\n`);
    await until('Welcome', () => late.isConnected);
    expect(ledger.streams).toMatchObject([{ identity: 'pod shop/late', connected: true }]);
  });

  test('while the API server is away nobody gets in who is not known; back again, they do', async () => {
    const { sender, tokenFile } = await startStage();
    const token = await podWithToken({ name: 'away' });
    await writeFile(tokenFile, token);
    const known = sender();
    await until('Welcome', () => known.isConnected);
    await server.kill();
    try {
      expect(await judge(token)).toEqual(refusal('identity-unavailable', /could not be asked/));
      const again = sender();
      await until('Welcome of one that is remembered', () => again.isConnected);
      expect(known.isConnected).toBe(true);
    } finally {
      await server.restart();
    }
    expect(await judge(token)).toHaveProperty('hello');
  });
});

describe('a forwarder as a process', () => {
  /** A request to the cluster face. */
  function ask(port: number, options: RequestOptions, body = ''): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode!, text }));
      });
      asked.on('error', reject).end(body);
    });
  }

  test('takes pairs from a pod by its token, and serves the operator and a collector', async () => {
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const authority = await newAuthority();
    const { certFile, keyFile, caFile } = await writeEnd(join(home, 'server'), authority, authority, {});
    const env = {
      ...{ ECHOPLANE_TLS_CERT_FILE: certFile, ECHOPLANE_TLS_KEY_FILE: keyFile, ECHOPLANE_CLUSTER: 'prod' },
      ...{ ECHOPLANE_SENDER_IDENTITY: 'token', ECHOPLANE_KUBECONFIG: forwarderAccess },
      ...{ ECHOPLANE_CLUSTER_PORT: '0', ECHOPLANE_CLUSTER_CA_FILE: caFile },
    };
    const forwarder = await startForwarder(forwarderEnv(home, url, env), cleanup);
    const tokenFile = join(home, 'token');
    await writeFile(tokenFile, await podWithToken({ name: 'pays-1' }));
    const sender = startSidecarSender(cleanup, forwarder.port, { tls: { caFile }, tokenFile });
    sender.offer(capturedPair(1));
    await until('the pair', () => cloud.rows.size === 1);
    const row = { cluster: 'prod', namespace: 'shop', workloadKind: 'Pod', workload: 'pays-1' };
    expect([...cloud.rows.values()]).toMatchObject([row]);

    const clusterPort = forwarder.clusterPort!;
    const ca = await readFile(caFile);
    const issued = await authority.issue({ names: ['echoplane-operator'], days: 1, usage: 'clientAuth' });
    const operator = { ca, cert: issued.certPem, key: issued.keyPem };
    const status = await ask(clusterPort, { ...operator, path: FACE_PATHS.status });
    expect(FaceStatus.parse(JSON.parse(status.text))).toMatchObject({ cluster: 'prod', streams: 1 });
    expect((await ask(clusterPort, { ca, path: FACE_PATHS.status })).status).toBe(401);

    const token = await podWithToken({
      namespace: 'echoplane',
      name: 'collector',
      account: 'echoplane-replay',
    });
    const replay = '0190a0a0-0000-7000-8000-00000000dddd';
    const place = { namespace: 'shop', pod: 'pays-1', container: 'app' };
    const seen = { replay, kind: 'log', ts: 1, ...place, line: 'mail to jane.doe@example.com' };
    const post = (shown: string) => {
      const headers = { authorization: `Bearer ${shown}`, 'content-type': NDJSON };
      return ask(
        clusterPort,
        { ca, method: 'POST', path: FACE_PATHS.observations, headers },
        JSON.stringify(seen),
      );
    };
    expect(await post(token)).toMatchObject({ status: 200, text: '{"accepted":1}\n' });
    expect((await post(await tokenOf({ name: 'pays-1' }))).status).toBe(403);
    expect(JSON.stringify(cloud.observations)).toMatch(/mail to \S+@redacted\.example\.com/);
    expect((await forwarder.page('/status')).text).not.toContain(token.slice(0, 40));
  });
});
