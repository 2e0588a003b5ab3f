// The administrator's access to a test's API server, objects to make there, and waiting for what will be.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Access, Obj } from '@echoplane/kube';
import type { Cluster } from './api-server.ts';

/** By certificate, without a kubeconfig and the library that reads it. */
export async function adminAccess(
  cluster: Pick<Cluster, 'adminCertFile' | 'adminKeyFile' | 'caFile' | 'url'>,
) {
  const [cert, key, ca] = await Promise.all(
    [cluster.adminCertFile, cluster.adminKeyFile, cluster.caFile].map((file) => readFile(file)),
  );
  const credentials = { headers: {}, tls: { cert: cert!, key: key!, ca: ca! } };
  return { server: cluster.url, credentials: async () => credentials } satisfies Access;
}

const CRDS = fileURLToPath(new URL('../../crds', import.meta.url));
const KINDS = ['trafficreplays', 'captureconfigs', 'clustercaptureconfigs'];

/** Our kinds, ready for use: a definition is established a moment before its objects can be asked for and are discovered. */
export async function installKinds({ kubectl }: Pick<Cluster, 'kubectl'>): Promise<void> {
  await kubectl(['apply', '-f', CRDS]);
  await kubectl(['wait', '--for=condition=Established', '--timeout=120s', '-f', CRDS]);
  const kinds = KINDS.map((kind) => `${kind}.echoplane.dev`).join(',');
  let refusal = '';
  const areServed = () =>
    kubectl(['get', kinds, '-A']).then(
      () => true,
      (err) => {
        refusal = String(err);
        return false;
      },
    );
  await until(areServed, () => refusal);
}

export const configMap = (namespace: string, name: string, data: Record<string, string> = {}): Obj => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
});

export const namespaceObject = (name: string): Obj => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
});

/** Does `each` for 0 to count - 1, `width` at once. */
export async function inParallel(count: number, width: number, each: (i: number) => Promise<unknown>) {
  let next = 0;
  const lane = async () => {
    while (next < count) await each(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Polls until `check` is true, or fails with what `state` says. */
export async function until(
  check: () => boolean | Promise<boolean>,
  state: () => unknown,
  deadlineMs = 120_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`still not so after ${deadlineMs} ms: ${String(state())}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Makes etcd forget everything before now, as it does every five minutes. */
export async function compact(etcdUrl: string): Promise<void> {
  const post = async (path: string, body: unknown) => {
    const answer = await fetch(`${etcdUrl}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`etcd: ${await answer.text()}`);
    return (await answer.json()) as { header: { revision: string } };
  };
  const { header } = await post('range', { key: Buffer.from('x').toString('base64') });
  await post('compaction', { revision: header.revision, physical: true });
}

/** All of what comes one by one. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
