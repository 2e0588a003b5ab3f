// What tests do with the demo's shop in a cluster: annotate it, record it, replay against it.
import type { ApiClient } from '@echoplane/api';
import { until } from './installation.ts';
import type { ClusterNode } from './node.ts';

export const SHOP = 'shop';
const CAPTURE = [
  'sidecar.echoplane.dev/inject=true',
  'sidecar.echoplane.dev/tls-out=true',
  'sidecar.echoplane.dev/tls-upstream-ca-configmap=payments-ca',
];
const PLAIN = CAPTURE.map((setting) => `${setting.split('=')[0]}-`);

export class Shop {
  readonly #node: ClusterNode;
  readonly #cloud: ApiClient;

  constructor(node: ClusterNode, cloud: ApiClient) {
    this.#node = node;
    this.#cloud = cloud;
  }

  kubectl(...args: string[]): Promise<string> {
    return this.#node.kubectl(['-n', SHOP, ...args], { deadlineMs: 300_000 });
  }

  /** Annotates it, and resolves when its pods are captured. */
  async capture(): Promise<void> {
    await this.kubectl('annotate', 'deployment', 'shop', ...CAPTURE);
    await this.rolledOutCaptured();
  }

  /** Rolled out, and every pod with the sidecar. */
  async rolledOutCaptured(): Promise<void> {
    const look = async () => {
      await this.rolledOut();
      const pods = await this.pods();
      const plain = pods.filter(({ text }) => !text.includes('echoplane-sidecar'));
      // On a machine that is too busy a pod may start without us: then its user deletes it, as often as that happens.
      for (const { name } of plain) await this.kubectl('delete', 'pod', name, '--ignore-not-found');
      return { pods: pods.length, plain: plain.length };
    };
    await until(look, ({ pods, plain }) => pods > 0 && plain === 0, { what: 'captured pods of the shop' });
    await this.rolledOut();
  }

  /** Takes the annotations back. */
  async release(): Promise<void> {
    await this.kubectl('annotate', 'deployment', 'shop', ...PLAIN);
    await this.rolledOut();
  }

  async rolledOut(): Promise<void> {
    await this.kubectl('rollout', 'status', 'deployment/shop', '--timeout=240s');
  }

  /** The pods by name, with what is in them and how often a container of theirs began anew. */
  async pods(): Promise<{ name: string; text: string; restarts: number }[]> {
    const { items } = JSON.parse(
      await this.kubectl('get', 'pods', '-l', 'app.kubernetes.io/name=shop', '-o', 'json'),
    );
    return items
      .filter(({ metadata }: Raw) => metadata.deletionTimestamp === undefined)
      .map((pod: Raw) => ({ name: pod.metadata.name, text: JSON.stringify(pod), restarts: restartsOf(pod) }));
  }

  template(): Promise<string> {
    return this.kubectl('get', 'deployment', 'shop', '-o', 'jsonpath={.spec.template}');
  }

  /** Resolves when pairs of both directions that began after `sinceUs` are in the control plane. */
  async recorded(sinceUs: number): Promise<void> {
    for (const query of [{ direction: 'IN' as const }, { direction: 'OUT' as const, host: 'payments' }]) {
      const newest = async () =>
        (await this.#cloud.call('traffic', { query: { ...query, limit: 1 } })).items[0];
      const isNew = (pair: Awaited<ReturnType<typeof newest>>) => (pair?.ts ?? 0) > sinceUs;
      await until(newest, isNew, { what: `${query.direction} traffic of the shop` });
    }
  }

  /** Freezes all that was recorded. */
  async snapshot(name: string): Promise<void> {
    await this.#cloud.call('createSnapshot', { body: { name, query: {} } });
    const state = async () =>
      (await this.#cloud.call('snapshots', { query: {} })).items.find((one) => one.name === name)?.state;
    await until(state, (now) => now === 'succeeded' || now === 'failed', { what: 'the snapshot' });
  }

  /** Applies a TrafficReplay of a snapshot. */
  async replay(name: string, spec: { snapshot: string; mode?: string }): Promise<void> {
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' };
    const object = {
      ...{ apiVersion: 'echoplane.dev/v1', kind: 'TrafficReplay', metadata: { name, namespace: SHOP } },
      spec: { allowLiveTraffic: true, workloads: [{ ref }], ...spec },
    };
    await this.#node.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
  }

  async replayReaches(name: string, condition: string): Promise<void> {
    await this.kubectl('wait', `--for=condition=${condition}`, '--timeout=280s', `replay/${name}`);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: raw JSON of any kind
type Raw = any;

function restartsOf({ status }: Raw): number {
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return all.reduce((sum, { restartCount }) => sum + restartCount, 0);
}
