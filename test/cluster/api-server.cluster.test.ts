// The API server alone: what tests of operator, kit and forwarder take for granted of it.
import { once } from 'node:events';
import { createServer } from 'node:https';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from './api-server.ts';

const PATIENCE = { timeout: 30_000 };
let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server?.stop());

it('a user may do what RBAC says, by name or by group, and nothing else', async () => {
  const kubeconfig = await server.userKubeconfig('reader', ['team-a']);
  const asUser = (...args: string[]) => server.kubectl(['--kubeconfig', kubeconfig, ...args]);
  await expect(asUser('get', 'configmaps')).rejects.toThrow('Forbidden');
  await server.kubectl(['create', 'role', 'reader', '--verb=list', '--resource=configmaps']);
  await server.kubectl(['create', 'rolebinding', 'readers', '--role=reader', '--group=team-a']);
  await expect.poll(() => asUser('get', 'configmaps').catch(String), PATIENCE).not.toContain('Forbidden');
  await expect(asUser('get', 'secrets')).rejects.toThrow('Forbidden');
});

it('a service account has a token that the API server takes', async () => {
  await server.kubectl(['create', 'serviceaccount', 'robot']);
  const token = (await server.kubectl(['create', 'token', 'robot'])).trim();
  const review = {
    ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' },
    spec: { token },
  };
  const input = JSON.stringify(review);
  const name = '-ojsonpath={.status.user.username}';
  expect(await server.kubectl(['create', '-f', '-', name], { input })).toBe(
    'system:serviceaccount:default:robot',
  );
});

it('calls a webhook of the test', async () => {
  const authority = await createAuthority({ commonName: 'Webhook authority', days: 1 });
  const leaf = await (await loadAuthority(authority.certPem, authority.keyPem)).leaf('127.0.0.1');
  const webhook = createServer({ cert: leaf.certPem, key: leaf.keyPem }, async (request, answer) => {
    const { uid } = JSON.parse((await request.toArray()).join('')).request;
    const response = { uid, allowed: false, status: { message: 'refused by the test' } };
    answer.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
  }).listen(0, '127.0.0.1');
  await once(webhook, 'listening');
  try {
    const { port } = webhook.address() as { port: number };
    const caBundle = Buffer.from(authority.certPem).toString('base64');
    await server.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify(refuser(`https://127.0.0.1:${port}/`, caBundle)),
    });
    const create = () => server.kubectl(['create', 'configmap', 'x', '--dry-run=server']).catch(String);
    await expect.poll(create, PATIENCE).toContain('refused by the test');
  } finally {
    webhook.close();
  }
});

it('comes back from kill -9 at the same address with what it had', async () => {
  await server.kubectl(['create', 'namespace', 'kept']);
  await server.kill();
  await expect(server.kubectl(['get', 'namespace', 'kept'])).rejects.toThrow('refused');
  await server.restart();
  expect(await server.kubectl(['get', 'namespace', 'kept', '-o', 'name'])).toBe('namespace/kept\n');
});

function refuser(url: string, caBundle: string): unknown {
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] };
  const webhook = {
    ...{ name: 'refuser.echoplane.test', clientConfig: { url, caBundle }, rules: [rule] },
    ...{ admissionReviewVersions: ['v1'], sideEffects: 'None' },
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
  };
  return {
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' },
    ...{ metadata: { name: 'refuser' }, webhooks: [webhook] },
  };
}
