// CPU and memory of the watched pods at every tick: from the metrics API where there is one, else from the kubelets, else one
// note that says what to do. It must not know where readings go.
import { type Access, type KubeClient, KubeError } from '@echoplane/kube';
import type { Clock } from '@echoplane/runtime';
import { KubeletError, readKubelet } from './kubelet.ts';
import type { Seen } from './observation-queue.ts';
import type { WatchedPod } from './pod-watch.ts';
import {
  KubeletReadings,
  type PodMetricsList,
  type Reading,
  readingsOfMetricsApi,
} from './resource-usage.ts';
import type { Target } from './targets.ts';

const ANSWER_MS = 10_000;
/** Nodes read in one tick. */
const MAX_NODES = 50;
/** Latest readings by container, so that none is told twice. */
const MAX_TOLD = 5_000;
/** Ticks between attempts at a better source. */
const RETRY_TICKS = 6;

export type Source = 'metrics-api' | 'kubelet' | 'none';

export interface MetricsPollerOptions {
  client: KubeClient;
  /** For the kubelets. */
  access: Access;
  kubeletPort: number;
  clock: Clock;
  targets: readonly Target[];
  pods(): WatchedPod[];
  intervalMs: number;
  put(seen: Seen): void;
}

export class MetricsPoller {
  readonly name = 'metrics poller';
  readonly #options: MetricsPollerOptions;
  readonly #kubelets = new KubeletReadings();
  readonly #told = new Map<string, number>();
  #source: Source | null = null;
  #ticks = 0;
  #isNoted = false;

  constructor(options: MetricsPollerOptions) {
    this.#options = options;
  }

  /** Where readings come from; null before the first. */
  get source(): Source | null {
    return this.#source;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, intervalMs } = this.#options;
    while (!signal.aborted) {
      const dueUs = clock.nowUs() + intervalMs * 1000;
      await this.#tick(signal);
      await clock.sleep(Math.max(0, (dueUs - clock.nowUs()) / 1000), signal);
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    // Without pods nothing can be read, and nothing be learned about who could be asked.
    const pods = this.#options.pods().filter(({ node, isOver }) => node !== null && !isOver);
    const mayLook = this.#ticks++ % RETRY_TICKS === 0;
    if (pods.length === 0 || signal.aborted || (this.#source === 'none' && !mayLook)) return;
    const isWanted = nameOfAny(pods);
    const errors: Error[] = [];
    if (this.#source !== 'kubelet' || mayLook) {
      const readings = await this.#fromMetricsApi(signal).catch((err: Error) => void errors.push(err));
      if (readings)
        return this.#tell(
          'metrics-api',
          readings.filter(({ namespace, pod }) => isWanted(namespace, pod)),
        );
    }
    const readings = await this.#fromKubelets(pods, isWanted, signal).catch(
      (err: Error) => void errors.push(err),
    );
    if (readings) return this.#tell('kubelet', readings);
    if (signal.aborted) return;
    this.#source = 'none';
    this.#note(errors);
  }

  async #fromMetricsApi(signal: AbortSignal): Promise<Reading[]> {
    const { client, targets } = this.#options;
    const lists = targets.map(({ namespace, selector: labelSelector }) =>
      client.call<PodMetricsList>('GET', `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`, {
        ...{ query: { labelSelector }, signal: soon(signal) },
      }),
    );
    return (await Promise.all(lists)).flatMap(readingsOfMetricsApi);
  }

  /** The readings of every node that answers; rejects when none does. */
  async #fromKubelets(
    pods: readonly WatchedPod[],
    isWanted: (namespace: string, pod: string) => boolean,
    signal: AbortSignal,
  ): Promise<Reading[]> {
    const { access, kubeletPort: port, clock } = this.#options;
    const hosts = new Map(pods.flatMap(({ node, host }) => (node && host ? [[node, host] as const] : [])));
    if (hosts.size === 0) throw new Error('no pod has the address of its node yet');
    const pages = await Promise.allSettled(
      [...hosts]
        .slice(0, MAX_NODES)
        .map(([node, host]) => readKubelet({ node, host, port }, access, soon(signal))),
    );
    const texts = pages.flatMap((page) => (page.status === 'fulfilled' ? [page.value] : []));
    if (texts.length === 0) throw (pages[0] as PromiseRejectedResult).reason;
    return texts.flatMap((text) => this.#kubelets.read(text, isWanted, clock.nowUs()));
  }

  #tell(source: Source, readings: readonly Reading[]): void {
    this.#source = source;
    for (const reading of readings) {
      const key = `${reading.namespace}/${reading.pod}/${reading.container}`;
      // The metrics API shows one reading for as long as it has no newer one.
      if ((this.#told.get(key) ?? 0) >= reading.ts) continue;
      this.#told.delete(key);
      if (this.#told.size >= MAX_TOLD) this.#told.delete(this.#told.keys().next().value!);
      this.#told.set(key, reading.ts);
      this.#options.put({ kind: 'metric', ...reading });
    }
  }

  #note(errors: readonly Error[]): void {
    if (this.#isNoted) return;
    this.#isNoted = true;
    const { put, clock } = this.#options;
    const kubelet = errors.find((err) => err instanceof KubeletError);
    const why = errors
      .map((err) => `the ${err === kubelet ? 'kubelet' : 'metrics API'} says "${reasonOf(err)}"`)
      .join(', ');
    const advice = `Install metrics-server${kubelet ? `, or ${kubelet.advice}` : ''}.`;
    const message = `no resource metrics: ${why}. ${advice}`;
    put({ kind: 'note', ts: clock.nowUs(), code: 'no-resource-metrics', message });
  }
}

function nameOfAny(pods: readonly WatchedPod[]): (namespace: string, pod: string) => boolean {
  const names = new Set(pods.map(({ namespace, name }) => `${namespace}/${name}`));
  return (namespace, pod) => names.has(`${namespace}/${pod}`);
}

function soon(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
}

function reasonOf(err: Error): string {
  const status = err instanceof KubeError ? `${err.status} ` : '';
  return `${status}${err.message}`.slice(0, 500);
}
