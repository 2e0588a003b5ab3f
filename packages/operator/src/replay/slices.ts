// Which recorded destinations a workload's mocks cover, the forms of a host's name, and what an alias cannot do. Pure;
// slices are `*`, `host:*` or `host:port`.
import { isIP } from 'node:net';
import type { Snapshot } from '@echoplane/api';

/** Every destination that was decoded, as `host:port`; `host:*` where the client named none. Sorted. */
export function decodedDestinations({ summary }: Pick<Snapshot, 'summary'>): string[] {
  const outbound = (summary?.endpoints ?? []).filter(({ direction }) => direction === 'OUT');
  return [...new Set(outbound.map(({ host }) => withPort(host)))].sort();
}

function withPort(host: string): string {
  return /:[0-9]+$/.test(host) && !/^[^[]*:.*:/.test(host) ? host : `${host}:*`;
}

/** A slice that names a port is kept as it is, recorded or not: what is to be mocked is never dialled. */
export function mockedDestinations(
  slices: readonly string[] | undefined,
  decoded: readonly string[],
): string[] {
  if (slices === undefined || slices.includes('*')) return [...decoded];
  const named = slices.filter((slice) => !decoded.includes(slice));
  return [...new Set([...slices.filter((slice) => decoded.includes(slice)), ...named])].sort();
}

/** The destinations that stay as they are. */
export function unmockedDestinations(mocks: readonly string[], decoded: readonly string[]): string[] {
  const hosts = new Set(mocks.filter((one) => one.endsWith(':*')).map(hostOf));
  return decoded.filter((one) => !mocks.includes(one) && !hosts.has(hostOf(one)));
}

export function hostOf(destination: string): string {
  return destination.slice(0, destination.lastIndexOf(':'));
}

/** Null for `host:*`. */
export function portOf(destination: string): number | null {
  const text = destination.slice(destination.lastIndexOf(':') + 1);
  return text === '*' ? null : Number(text);
}

const CLUSTER_DOMAIN = 'cluster.local';

/** Every name by which pods of a namespace reach the same host. */
export function formsOfHost(host: string, namespace: string): string[] {
  const labels = host.replace(/\.$/, '').split('.');
  const short = labels.length === 1 ? [labels[0]!, namespace] : serviceLabels(labels);
  if (!short) return [host];
  const [service, of] = short;
  const forms = [`${service}.${of}`, `${service}.${of}.svc`, `${service}.${of}.svc.${CLUSTER_DOMAIN}`];
  return of === namespace ? [service!, ...forms] : forms;
}

/** Service and namespace of a cluster-internal name; null for others. Two labels may be either, so both are meant. */
function serviceLabels(labels: string[]): [string, string] | null {
  const isInternal = labels.length === 2 || labels[2] === 'svc';
  return isInternal ? [labels[0]!, labels[1]!] : null;
}

/** Why an alias cannot stand in for a destination; null when it can. */
export function aliasProblem(destination: string): string | null {
  const host = hostOf(destination);
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0)
    return `${destination} is an address, which needs no name to be found; use routing: sidecar`;
  if (host.startsWith('_'))
    return `${destination} is an SRV name, which aliases do not answer; use routing: sidecar`;
  if (portOf(destination) === null)
    return `${destination} has no port, and an alias needs one; name it in mocks as ${host}:443`;
  return null;
}
