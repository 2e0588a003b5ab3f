// CPU and memory of containers, from the two places that know them: the metrics API (metrics-server) and the kubelet's
// `/metrics/resource`. Pure: documents in, readings out.

/** What one container used. */
export interface Reading {
  namespace: string;
  pod: string;
  container: string;
  /** µs since the epoch. */
  ts: number;
  /** Null: not known yet. */
  cpuMillicores: number | null;
  memoryBytes: number;
}

/** A PodMetricsList of `metrics.k8s.io/v1beta1`, as far as it is read. */
export interface PodMetricsList {
  items?: {
    metadata: { namespace?: string; name: string };
    timestamp: string;
    containers?: { name: string; usage?: { cpu?: string; memory?: string } }[];
  }[];
}

export function readingsOfMetricsApi(list: PodMetricsList): Reading[] {
  return (list.items ?? []).flatMap(({ metadata, timestamp, containers }) => {
    const about = {
      namespace: metadata.namespace ?? '',
      pod: metadata.name,
      ts: Date.parse(timestamp) * 1000,
    };
    if (Number.isNaN(about.ts)) return [];
    return (containers ?? []).flatMap(({ name, usage }) => {
      const [cpu, memory] = [parseQuantity(usage?.cpu ?? ''), parseQuantity(usage?.memory ?? '')];
      if (cpu === null || memory === null) return [];
      return [
        { ...about, container: name, cpuMillicores: rounded(cpu * 1000), memoryBytes: Math.round(memory) },
      ];
    });
  });
}

const FACTORS: Readonly<Record<string, number>> = {
  ...{ n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 },
};

/** A Kubernetes quantity that is not negative: `250m`, `64Mi`, `1e3`. Null for anything else. */
export function parseQuantity(text: string): number | null {
  const [, digits, suffix = ''] = /^(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = FACTORS[suffix];
  return digits === undefined || factor === undefined ? null : Number(digits) * factor;
}

/** A counter of CPU seconds at a time. */
interface CpuAt {
  seconds: number;
  ts: number;
}

/** Scrapes that are older count as none: the container may be another one of the same name. */
const MAX_KNOWN = 5_000;

/** Readings of successive scrapes of kubelets: CPU is the counter's growth since the scrape before. */
export class KubeletReadings {
  readonly #before = new Map<string, CpuAt>();

  /** `isWanted` picks pods; `nowUs` stands for samples without a time of their own. */
  read(text: string, isWanted: (namespace: string, pod: string) => boolean, nowUs: number): Reading[] {
    const cpu = new Map<string, CpuAt>();
    const readings: Reading[] = [];
    const samples = samplesOf(text).filter(({ labels }) =>
      isWanted(labels.namespace ?? '', labels.pod ?? ''),
    );
    for (const { name, labels, value, ts } of samples)
      if (name === CPU) cpu.set(keyOf(labels), { seconds: value, ts: ts ?? nowUs });
    for (const { name, labels, value, ts } of samples) {
      if (name !== MEMORY) continue;
      const at = cpu.get(keyOf(labels));
      readings.push({
        ...{ namespace: labels.namespace ?? '', pod: labels.pod ?? '', container: labels.container ?? '' },
        ...{ ts: ts ?? nowUs, memoryBytes: Math.round(value) },
        cpuMillicores: at ? this.#grown(keyOf(labels), at) : null,
      });
    }
    return readings;
  }

  #grown(key: string, at: CpuAt): number | null {
    const before = this.#before.get(key);
    this.#before.delete(key);
    if (this.#before.size >= MAX_KNOWN) this.#before.delete(this.#before.keys().next().value!);
    this.#before.set(key, at);
    // A counter that went back is a container that began anew.
    if (!before || at.ts <= before.ts || at.seconds < before.seconds) return null;
    return rounded(((at.seconds - before.seconds) / ((at.ts - before.ts) / 1e6)) * 1000);
  }
}

const CPU = 'container_cpu_usage_seconds_total';
const MEMORY = 'container_memory_working_set_bytes';

interface PrometheusSample {
  name: string;
  labels: Record<string, string>;
  value: number;
  /** µs since the epoch; null when the sample has none. */
  ts: number | null;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+(-?\d+))?[ \t]*$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** The samples of a page in Prometheus' text format that are finite and not negative; other lines are passed over. */
export function samplesOf(text: string): PrometheusSample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value = '', ms] = SAMPLE.exec(line) ?? [];
    const number = Number(value);
    if (name === undefined || !(Number.isFinite(number) && number >= 0)) return [];
    const ts = ms === undefined ? null : Number(ms) * 1000;
    return [{ name, labels: labelsOf(labels), value: number, ts }];
  });
}

function labelsOf(text: string): Record<string, string> {
  const unescaped = (value: string) => value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name, value]) => [name!, unescaped(value!)]));
}

function keyOf({ namespace, pod, container }: Record<string, string>): string {
  return `${namespace}/${pod}/${container}`;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
