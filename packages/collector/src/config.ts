// The collector's configuration: one zod object over the environment (`ECHOPLANE_TARGETS`, …), parsed once. It must not read
// the environment itself.
import { ALWAYS, field, isLoopbackHost, programFields } from '@echoplane/runtime';
import { z } from 'zod';
import { parseTargets, parseWorkloads } from './targets.ts';

const MAX_TARGETS = 50;
const MAX_WORKLOADS = 100;

/** A list whose items `parse` reads; what it cannot read is named by `shape`. */
function listOf<T>(parse: (text: string) => (T | null)[], shape: string, most: number) {
  return z.string().transform((text, context): T[] => {
    const items = parse(text);
    const refuse = (message: string) => context.addIssue({ code: 'custom', message });
    if (items.length > most) refuse(`more than ${most}`);
    if (items.includes(null)) refuse(`an item is not ${shape}`);
    return items.filter((item) => item !== null);
  });
}

export const collectorConfig = z
  .object({
    replayId: z
      .uuid()
      .describe('id of the replay in the control plane, a UUID; every observation carries it'),
    targets: listOf(parseTargets, 'namespace/selector', MAX_TARGETS)
      .refine((targets) => targets.length > 0, 'there is none')
      .describe('pods to watch: namespace/selector;namespace/selector, such as shop/app=cart,tier=web'),
    workloads: listOf(parseWorkloads, 'namespace/Kind/name', MAX_WORKLOADS)
      .default([])
      .describe('workloads whose Events are kept beside those of the pods: namespace/Kind/name,…'),
    since: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('time from which logs and Events are kept, RFC 3339; without it the start of the collector'),
    metricsIntervalMs: field
      .integer(1_000, 600_000)
      .default(10_000)
      .describe('time between two readings of CPU and memory, in ms'),
    kubeletPort: field
      .port()
      .default(10_250)
      .describe('port of kubelets, asked for CPU and memory where there is no metrics API'),
    forwarderUrl: field
      .url()
      .describe("address of the forwarder's face in the cluster, such as https://echoplane-forwarder:4151"),
    forwarderTokenFile: field
      .text()
      .optional()
      .describe('projected service-account token for the forwarder; read anew for every batch'),
    forwarderCaFile: field.text().optional().describe('PEM roots for the forwarder'),
    kubeconfig: field
      .text()
      .optional()
      .describe('kubeconfig file, outside a cluster; inside, the service account is used'),
    flushMs: field
      .integer(0, 60_000)
      .default(5_000)
      .describe('time for what is held to be sent at the end, in ms'),
    host: field.text().default('127.0.0.1').describe('address of the health page, 0.0.0.0 in a cluster'),
    adminPort: field.port().default(0).describe('port of health and metrics, 0 takes a free one'),
    ...programFields,
  })
  .superRefine(checkForwarder, ALWAYS);
export type CollectorConfig = Readonly<z.output<typeof collectorConfig>>;

/** Logs leave the pod in plain text for nobody. */
function checkForwarder({ forwarderUrl }: { forwarderUrl?: string }, context: z.RefinementCtx): void {
  if (!forwarderUrl || !URL.canParse(forwarderUrl)) return;
  const { protocol, hostname } = new URL(forwarderUrl);
  if (protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))) return;
  context.addIssue({
    code: 'custom',
    path: ['forwarderUrl'],
    message: 'observations leave this machine only over https',
  });
}
