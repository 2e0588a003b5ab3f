// Services whose numeric targetPort has moved to the sidecar (modes reverse and dual), for each namespace: the port is
// patched once every pod behind the Service has the sidecar there, recorded on the Service, and put back as soon as one
// has not. Until then and after, the app's own port serves.

import { jsonPatch } from '@echoplane/injection';
import { type Obj, type Outcome, RESOURCES, type Reconciler } from '@echoplane/kube';
import { INJECT_LABEL, STATUS_ANNOTATION } from '@echoplane/resources';
import type { OperatorContext } from '../context.ts';

/** On a Service: the numeric targetPorts as they were, by port (`80/TCP`), as JSON. */
export const TARGET_PORTS_ANNOTATION = 'operator.echoplane.dev/target-ports';

interface ServicePort {
  port: number;
  protocol?: string;
  targetPort?: number | string;
}
type Recorded = Record<string, number>;

export function servicePortsReconciler(context: OperatorContext): Reconciler {
  return {
    name: 'service-ports',
    async reconcile(namespace): Promise<Outcome> {
      for await (const service of context.client.list(RESOURCES.services, { namespace }))
        await keepPorts(context, { ...service, apiVersion: 'v1', kind: 'Service' });
      return { again: 'no' };
    },
  };
}

async function keepPorts(context: OperatorContext, service: Obj): Promise<void> {
  const selector: Record<string, string> = service.spec?.selector ?? {};
  if (Object.keys(selector).length === 0) return;
  const isRecorded = service.metadata.annotations?.[TARGET_PORTS_ANNOTATION] !== undefined;
  const hasNumeric = (service.spec.ports ?? []).some(
    ({ targetPort }: ServicePort) => typeof targetPort !== 'string',
  );
  if (!isRecorded && !hasNumeric) return;
  const labelSelector = Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const pods: Obj[] = [];
  const { client, events } = context;
  for await (const pod of client.list(RESOURCES.pods, {
    namespace: service.metadata.namespace,
    labelSelector,
  }))
    if (pod.metadata.deletionTimestamp === undefined) pods.push(pod);
  const wanted = withPorts(service, pods.map(inboundOf));
  const operations = jsonPatch(service, wanted);
  if (operations.length === 0) return;
  const { namespace, name, resourceVersion } = service.metadata;
  const guard = { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion };
  await client.patch(RESOURCES.services, { namespace, name }, [guard, ...operations], { type: 'json' });
  const message = `targetPort now leads to ${isRecorded && !recordedOf(wanted) ? 'the app' : 'the sidecar'}.`;
  events.record(service, { type: 'Normal', reason: 'TargetPort', message });
}

/** What moved in a pod: the app's port and the sidecar's; null when nothing did. */
function inboundOf(pod: Obj): { from: number; to: number } | null {
  if (pod.metadata.labels?.[INJECT_LABEL] !== 'true') return null;
  try {
    return JSON.parse(pod.metadata.annotations?.[STATUS_ANNOTATION] ?? 'null')?.inbound ?? null;
  } catch {
    return null;
  }
}

function recordedOf(service: Obj): Recorded | null {
  try {
    return JSON.parse(service.metadata.annotations?.[TARGET_PORTS_ANNOTATION] ?? 'null');
  } catch {
    return null;
  }
}

/** The Service as it should be for the pods behind it. Pure. */
export function withPorts(service: Obj, inbounds: readonly ({ from: number; to: number } | null)[]): Obj {
  const changed = structuredClone(service);
  const recorded = recordedOf(service) ?? {};
  const next: Recorded = {};
  for (const port of (changed.spec.ports ?? []) as ServicePort[]) {
    const key = `${port.port}/${port.protocol ?? 'TCP'}`;
    const original = recorded[key] ?? port.targetPort ?? port.port;
    if (typeof original !== 'number') continue;
    const to = commonTarget(inbounds, original);
    // Someone who changed the port meanwhile meant it.
    const isTheirs =
      recorded[key] !== undefined && port.targetPort !== original && !isSidecar(inbounds, port.targetPort);
    if (to !== null && !isTheirs) {
      port.targetPort = to;
      next[key] = original;
    } else if (recorded[key] !== undefined && !isTheirs) port.targetPort = original;
  }
  const { [TARGET_PORTS_ANNOTATION]: _, ...annotations } = changed.metadata.annotations ?? {};
  const mark = Object.keys(next).length > 0 ? { [TARGET_PORTS_ANNOTATION]: JSON.stringify(next) } : {};
  if (changed.metadata.annotations !== undefined || Object.keys(mark).length > 0)
    changed.metadata.annotations = { ...annotations, ...mark };
  return changed;
}

/** Where all pods take what goes to `from`; null when one of them does not. */
function commonTarget(
  inbounds: readonly ({ from: number; to: number } | null)[],
  from: number,
): number | null {
  const [first] = inbounds;
  if (!first || first.from !== from) return null;
  return inbounds.every((one) => one?.from === from && one.to === first.to) ? first.to : null;
}

/** While the pods are replaced, none may be left that shows where the sidecar was: then the record alone counts. */
function isSidecar(inbounds: readonly ({ from: number; to: number } | null)[], port: unknown): boolean {
  const known = inbounds.filter((one) => one !== null);
  return known.length === 0 || known.some(({ to }) => to === port);
}
