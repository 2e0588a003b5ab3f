// The collector assembled: health page ─▶ watches, readings and sender side by side, until the signal aborts ─▶ what is held is
// sent. It must not read the environment.
import type { Access, KubeClient } from '@echoplane/kube';
import { type Clock, createFace, type Logger, listen, type Sample, type Stopper } from '@echoplane/runtime';
import type { CollectorConfig } from './config.ts';
import { EventWatch } from './event-watch.ts';
import { MetricsPoller } from './metrics-poller.ts';
import { ObservationQueue, type Seen } from './observation-queue.ts';
import { ObservationSender } from './observation-sender.ts';
import { PodWatch } from './pod-watch.ts';

export interface CollectorContext {
  client: KubeClient;
  /** For the kubelets. */
  access: Access;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  stopper: Stopper;
  /** Told once where the health page is. */
  ready(adminPort: number): void;
}

/** Collects until the signal aborts, then flushes. Throws OperatingError when the health page cannot be opened. */
export async function collect(config: CollectorConfig, context: CollectorContext): Promise<void> {
  const { log, signal } = context;
  const parts = assemble(config, context);
  const { pods, events, metrics, sender } = parts;
  context.ready(await openFace(config, context, parts));
  // The sender outlives the watches: at their end the logs say what they left out.
  const sending = new AbortController();
  const sent = sender.run(sending.signal);
  await Promise.all([pods, events, metrics].map((part) => part.run(signal)));
  sending.abort();
  await sent;
  const left = await sender.flush(config.flushMs);
  const { delivered } = sender;
  log.info({ event: 'collected', delivered, left }, 'the collector ends');
}

interface Parts {
  queue: ObservationQueue;
  pods: PodWatch;
  events: EventWatch;
  metrics: MetricsPoller;
  sender: ObservationSender;
}

function assemble(config: CollectorConfig, { client, access, clock, log }: CollectorContext): Parts {
  const { targets, workloads, forwarderTokenFile: tokenFile, forwarderCaFile: caFile } = config;
  const queue = new ObservationQueue({ replay: config.replayId, nowUs: () => clock.nowUs() });
  const put = (seen: Seen) => queue.put(seen);
  const since = config.since ?? new Date(clock.nowUs() / 1000).toISOString();
  const pods = new PodWatch({ client, clock, targets, since, put });
  const namespaces = [...new Set([...targets, ...workloads].map(({ namespace }) => namespace))];
  const isPod = pods.has.bind(pods);
  // Events are dated in whole seconds.
  const sinceUs = Math.floor(Date.parse(since) / 1000) * 1_000_000;
  const events = new EventWatch({ client, clock, namespaces, workloads, isPod, sinceUs, put });
  pods.onNewPod((namespace, name) => events.podIsNew(namespace, name));
  const metrics = new MetricsPoller({
    ...{ client, access, clock, targets, put, pods: () => pods.pods() },
    ...{ kubeletPort: config.kubeletPort, intervalMs: config.metricsIntervalMs },
  });
  const url = `${config.forwarderUrl.replace(/\/$/, '')}/observations`;
  const sender = new ObservationSender({ url, access: { tokenFile, caFile }, queue, clock, log });
  return { queue, pods, events, metrics, sender };
}

function openFace(
  { host, adminPort }: CollectorConfig,
  { stopper }: CollectorContext,
  parts: Parts,
): Promise<number> {
  const { pods, events, metrics, queue, sender } = parts;
  const face = createFace({
    notReady: () => (pods.isSynced && events.isSynced ? null : (pods.trouble ?? events.trouble)),
    metrics: () => samplesOf(parts),
    pages: {
      '/stats': () => ({
        ...{ pods: pods.pods().length, logs: pods.followed, metrics: metrics.source },
        ...{ delivered: sender.delivered, refused: sender.refused, dropped: queue.dropped },
        held: queue.length + sender.pending,
        trouble: pods.trouble ?? events.trouble,
      }),
    },
  });
  stopper.add('face', () => {
    face.close();
    face.closeAllConnections();
  });
  return listen(face, adminPort, host, 'the collector’s health page');
}

function samplesOf({ pods, queue, sender }: Parts): Sample[] {
  const one = (name: string, help: string, type: 'counter' | 'gauge', value: number): Sample => ({
    ...{ name: `echoplane_collector_${name}`, help, type, values: [{ value }] },
  });
  return [
    one('pods', 'Pods watched.', 'gauge', pods.pods().length),
    one('held_bytes', 'Bytes that wait for the forwarder.', 'gauge', queue.bytes),
    one('delivered_total', 'Observations the forwarder took.', 'counter', sender.delivered),
    one('refused_total', 'Observations the forwarder refused.', 'counter', sender.refused),
    {
      ...{
        name: 'echoplane_collector_dropped_total',
        help: 'Observations that did not fit.',
        type: 'counter',
      },
      values: Object.entries(queue.dropped).map(([kind, value]) => ({ labels: { kind }, value })),
    },
  ];
}
