// Where the generator finds a workload: a Service that selects its pods, else one of its pods. Pure.
import type { Obj } from '@echoplane/kube';
import type { ReplayWorkload } from '@echoplane/resources';
import { workloadKey } from './replay-object.ts';
import { portOf } from './slices.ts';
import type { TargetFact } from './target-state.ts';

interface ServicePort {
  name?: string;
  port: number;
  protocol?: string;
  appProtocol?: string;
}

/** The address as `http://host:port`, or why there is none. */
export function addressOf(
  target: TargetFact,
  workload: Pick<ReplayWorkload, 'tests'>,
  services: readonly Obj[],
): { url: string } | { problem: string } {
  const wanted = workload.tests
    .map((slice) => (slice === '*' ? null : portOf(slice)))
    .find((port) => port !== null);
  const own = services.filter((service) => selects(service, target)).sort(byName);
  for (const service of own) {
    const port = choosePort(service.spec?.ports ?? [], wanted ?? null);
    if (port) return { url: `http://${service.metadata.name}.${target.namespace}.svc:${port.port}` };
  }
  const pod = target.pods.find(({ ready, ip }) => ready && ip !== null);
  const port = wanted ?? target.ports[0];
  if (pod && port !== undefined)
    return { url: `http://${pod.ip!.includes(':') ? `[${pod.ip}]` : pod.ip}:${port}` };
  return {
    problem: `${workloadKey(target)} cannot be reached: no Service selects its pods and its containers name no port; name one in tests (host:port), or use url.`,
  };
}

const byName = (a: Obj, b: Obj) => (a.metadata.name < b.metadata.name ? -1 : 1);

function selects({ metadata, spec }: Obj, { namespace, labels }: TargetFact): boolean {
  const selector = Object.entries((spec?.selector ?? {}) as Record<string, string>);
  return (
    metadata.namespace === namespace &&
    selector.length > 0 &&
    selector.every(([key, value]) => labels[key] === value)
  );
}

/** The wanted port; else the one that says it speaks HTTP; else the first. */
function choosePort(ports: readonly ServicePort[], wanted: number | null): ServicePort | undefined {
  const tcp = ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  if (wanted !== null) return tcp.find(({ port }) => port === wanted);
  const speaksHttp = ({ name = '', appProtocol = '' }: ServicePort) =>
    /^http(2|-|$)/.test(name) || /^http$/.test(appProtocol);
  return tcp.find(speaksHttp) ?? tcp[0];
}
