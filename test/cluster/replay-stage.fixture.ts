// The demo shop on a real node, recorded and ready to be replayed: what tests of TrafficReplays begin with, and how they ask
// about one. For tests only.
import type { ApiClient } from '@echoplane/api';
import { API_VERSION, type TrafficReplaySpec, type TrafficReplayStatus } from '@echoplane/resources';
import {
  cloudClient,
  importImages,
  installCloud,
  installDemo,
  installEchoplane,
  shellOf,
  startClient,
  until,
} from './installation.ts';
import { type ClusterNode, startNode } from './node.ts';

export const SHOP = 'shop';
/** Orders that are recorded. */
const ORDERS = 12;
const END_MS = 300_000;

export type Spec = Partial<Record<keyof TrafficReplaySpec, unknown>>;
export interface SeenReplay {
  metadata: { name: string; uid: string; ownerReferences?: { name: string }[] };
  spec: TrafficReplaySpec;
  status?: TrafficReplayStatus;
}

export class ReplayStage {
  readonly node: ClusterNode;
  readonly cloud: ApiClient;

  private constructor(node: ClusterNode, cloud: ApiClient) {
    this.node = node;
    this.cloud = cloud;
  }

  /** A node with everything, a snapshot `shop` of the shop alone and one `both` of shop and rates; nobody buys any more. */
  static async open(): Promise<ReplayStage> {
    const node = await startNode();
    try {
      const shell = shellOf(node);
      await importImages(node);
      await installCloud(shell);
      await installEchoplane(node);
      // What is recorded of a service that is rolled out meanwhile has its outages in it, which no replay repeats.
      await installDemo(shell, { namespace: SHOP, capture: true, values: ['--set', 'client.enabled=false'] });
      const stage = new ReplayStage(node, await cloudClient(node));
      await stage.#captureRates();
      await startClient(shell, { namespace: SHOP, thinkMs: 20 });
      await stage.#record();
      return stage;
    } catch (err) {
      await node.stop();
      throw err;
    }
  }

  close(): Promise<void> {
    return this.node.stop();
  }

  kubectl(...args: string[]): Promise<string> {
    return this.node.kubectl(['-n', SHOP, ...args]);
  }

  async #captureRates(): Promise<void> {
    await this.kubectl('annotate', 'deployment/rates', 'sidecar.echoplane.dev/inject=true');
    await this.rolledOut('rates');
    const pods = ['get', 'pods', '-l', 'app.kubernetes.io/name=rates', '-o', 'name'];
    const running = async () => (await this.kubectl(...pods)).trim().split('\n').length;
    await until(running, (count) => count === 1, { what: 'the captured pod of rates alone' });
  }

  async #record(): Promise<void> {
    const query = { direction: 'OUT' as const, host: 'payments', limit: 100 };
    const charges = async () => (await this.cloud.call('traffic', { query })).items.length;
    await until(charges, (count) => count >= 3 * ORDERS, { what: 'traffic of the shop' });
    await this.kubectl('scale', 'deployment/client', '--replicas=0');
    await this.kubectl(
      'wait',
      '--for=delete',
      'pod',
      '-l',
      'app.kubernetes.io/name=client',
      '--timeout=240s',
    );
    // What was recorded last may still be on its way.
    const books = () => this.cloud.call('accounting', {});
    await until(books, ({ balanced }) => balanced, { what: 'balanced books' });
    const [shop, both] = [{ service: 'test/shop/shop' }, {}];
    await this.cloud.call('createSnapshot', { body: { name: 'shop', query: shop } });
    await this.cloud.call('createSnapshot', { body: { name: 'both', query: both } });
    const states = async () => (await this.cloud.call('snapshots', {})).items.map(({ state }) => state);
    await until(states, (all) => all.every((one) => one === 'succeeded'), { what: 'the snapshots' });
    await this.kubectl('label', 'namespace', SHOP, 'replay.echoplane.dev/allowed=true');
  }

  async rolledOut(name: string): Promise<void> {
    await this.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=240s');
  }

  /** The database is empty again, as it was when the recording began. */
  async freshDatabase(): Promise<void> {
    await this.kubectl('rollout', 'restart', 'deployment/postgres');
    await this.rolledOut('postgres');
  }

  /** Creates a TrafficReplay of the shop, unless `spec` says of what. */
  async apply(name: string, spec: Spec = {}, namespace = SHOP): Promise<void> {
    const workloads = [workload('shop')];
    const object = {
      ...{ apiVersion: API_VERSION, kind: 'TrafficReplay', metadata: { name, namespace } },
      spec: { snapshot: 'shop', allowLiveTraffic: true, workloads, ...spec },
    };
    await this.node.kubectl(['create', '-f', '-'], { input: JSON.stringify(object) });
  }

  async patch(name: string, spec: Spec): Promise<void> {
    await this.kubectl('patch', 'replay', name, '--type=merge', '-p', JSON.stringify({ spec }));
  }

  async get(name: string, namespace = SHOP): Promise<SeenReplay> {
    return JSON.parse(await this.node.kubectl(['-n', namespace, 'get', 'replay', name, '-o', 'json']));
  }

  /** The replay when `isThere` holds of it. */
  until(name: string, isThere: (replay: SeenReplay) => boolean, namespace = SHOP): Promise<SeenReplay> {
    return until(() => this.get(name, namespace), isThere, {
      what: `${name} of ${namespace}`,
      deadlineMs: END_MS,
    });
  }

  ended(name: string, namespace = SHOP): Promise<SeenReplay> {
    return this.until(name, (replay) => conditionOf(replay, 'Complete')?.status === 'True', namespace);
  }

  inPhase(name: string, phase: string): Promise<SeenReplay> {
    return this.until(name, ({ status }) => status?.phase === phase);
  }

  /** The pod template as text: equal before and after says that nothing of ours is left. */
  template(name: string): Promise<string> {
    return this.kubectl('get', `deployment/${name}`, '-o', 'jsonpath={.spec.template}');
  }

  /** Types and reasons of the Events about a replay. */
  async events(name: string): Promise<string[]> {
    const { metadata } = await this.get(name);
    const selector = `involvedObject.uid=${metadata.uid}`;
    const list = JSON.parse(await this.kubectl('get', 'events', '--field-selector', selector, '-o', 'json'));
    return list.items.map(({ type, reason }: { type: string; reason: string }) => `${type} ${reason}`);
  }

  /** What there still is in the namespace of the installation of a replay. */
  async leftovers({ metadata }: SeenReplay): Promise<string> {
    const label = `replay.echoplane.dev/id=${metadata.uid}`;
    const kinds = 'deployments,jobs,services,secrets,leases';
    return this.node.kubectl(['-n', 'echoplane', 'get', kinds, '-l', label, '-o', 'name']);
  }

  /** Sends the shop a request, and resolves when the control plane knows of it. */
  async traffic(): Promise<void> {
    const sinceUs = Date.now() * 1_000;
    const look = async () => {
      await this.ask('/products?page=1&perPage=8');
      const query = { direction: 'IN' as const, limit: 100 };
      return (await this.cloud.call('traffic', { query })).items.some(({ ts }) => ts >= sinceUs);
    };
    await until(look, (isThere) => isThere, { what: 'live traffic of the shop' });
  }

  /** Whether the shop gives an answer of this status, asked through its Service. */
  async ask(path: string): Promise<{ status: number; body: unknown }> {
    const address = await this.kubectl('get', 'service', 'shop', '-o', 'jsonpath={.spec.clusterIP}');
    const answer = await fetch(`http://${address}${path}`);
    return { status: answer.status, body: await answer.json() };
  }
}

export const workload = (name: string, more: object = {}, namespace = SHOP) => ({
  ...{ ref: { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace } },
  ...more,
});

export function conditionOf({ status }: SeenReplay, wanted: string) {
  return status?.conditions.find(({ type }) => type === wanted);
}
