// How others reach the app: the port that moves to the sidecar where nothing is redirected, the tcpSocket probes, which
// would otherwise ask the sidecar instead of the app, names of hosts in a replay, and the marks for a mesh beside us.
import { type Container, PORTS, type Pod, type Probe } from '@echoplane/resources';
import { lastingAppContainers } from './app-containers.ts';
import type { InjectionStatus, Note } from './contract.ts';
import type { Plan } from './plan.ts';

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;
const ISTIO = {
  in: 'traffic.sidecar.istio.io/excludeInboundPorts',
  out: 'traffic.sidecar.istio.io/excludeOutboundPorts',
};
const LINKERD = { in: 'config.linkerd.io/skip-inbound-ports', out: 'config.linkerd.io/skip-outbound-ports' };

/** Changes the ports and probes of `pod`; says what moved. */
export function moveInbound(
  pod: Pod,
  { target, settings }: Plan,
): { inbound: InjectionStatus['inbound']; notes: Note[] } {
  if (!target) return { inbound: null, notes: [] };
  const to = settings['in-port'];
  const { name, port: from, container: owner } = target;
  const declared = pod.spec.containers
    .find((one) => one.name === owner)
    ?.ports?.find((port) => port.name === name && port.containerPort === from);
  if (declared && name !== null) {
    declared.containerPort = to;
    // In the node's network both must be the same.
    if (pod.spec.hostNetwork === true && declared.hostPort !== undefined) declared.hostPort = to;
  }
  const message = `Port ${from} is taken by the sidecar at ${to}: Services with the numeric targetPort ${from} and NetworkPolicies with that port need ${to}.`;
  return { inbound: { name, from, to }, notes: [{ type: 'Normal', reason: 'InboundMoved', message }] };
}

/** Leads tcpSocket probes that would reach the sidecar to its health port, which dials the app. */
export function rewriteProbes(pod: Pod, { pod: before, mode, target }: Plan): void {
  const originals = new Map(lastingAppContainers(before.spec).map((one) => [one.name, one]));
  for (const container of lastingAppContainers(pod.spec)) {
    for (const kind of PROBES) {
      const probe = container[kind];
      if (!probe?.tcpSocket || probe.tcpSocket.host !== undefined) continue;
      const port = portOf(probe.tcpSocket.port, originals.get(container.name)!);
      const isMoved = target?.name != null && probe.tcpSocket.port === target.name;
      if (port === null || !(mode === 'transparent' || isMoved)) continue;
      container[kind] = rewritten(probe, port);
    }
  }
}

function rewritten(probe: Probe, port: number): Probe {
  const entries = Object.entries(probe).map(([key, value]) =>
    key === 'tcpSocket'
      ? ['httpGet', { path: `/probe/tcp/${port}`, port: PORTS.sidecarAdmin, scheme: 'HTTP' }]
      : [key, value],
  );
  return Object.fromEntries(entries) as Probe;
}

function portOf(port: number | string, container: Container): number | null {
  if (/^\d+$/.test(String(port))) return Number(port);
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? null;
}

/** Names that the responder answers for. */
export function aliasHosts(pod: Pod, { facts: { wiring } }: Plan): Note[] {
  if (wiring?.routing !== 'hostalias' || wiring.hostAliases.length === 0) return [];
  if (pod.spec.hostNetwork === true) {
    const message =
      'Routing hostalias is not possible in the network of the node: the mocks of the replay are not used.';
    return [{ type: 'Warning', reason: 'HostNetwork', message }];
  }
  const aliases = wiring.hostAliases.map(({ ip, hostnames }) => ({ ip, hostnames: [...hostnames] }));
  pod.spec.hostAliases = [...(pod.spec.hostAliases ?? []), ...aliases];
  return [];
}

/** Tells a mesh to leave alone what is ours: the health port, and the connections to forwarder and responder. */
export function markForMesh(pod: Pod, { facts }: Plan): void {
  const inbound = [PORTS.sidecarAdmin];
  const outbound = [
    facts.forwarder?.port ?? PORTS.forwarder,
    ...(facts.wiring ? [facts.wiring.responderPort] : []),
  ];
  for (const [mesh, isThere] of [
    [ISTIO, isIstio(pod, facts.namespaceMarks)],
    [LINKERD, isLinkerd(pod, facts.namespaceMarks)],
  ] as const) {
    if (!isThere) continue;
    const annotations = pod.metadata.annotations ?? {};
    pod.metadata.annotations = {
      ...annotations,
      [mesh.in]: withPorts(annotations[mesh.in], inbound),
      [mesh.out]: withPorts(annotations[mesh.out], outbound),
    };
  }
}

type Marks = Readonly<Record<string, string>>;

function isIstio({ metadata, spec }: Pod, namespace: Marks = {}): boolean {
  const own = { ...metadata.annotations, ...metadata.labels };
  if (own['sidecar.istio.io/inject'] !== undefined) return own['sidecar.istio.io/inject'] === 'true';
  const isNamed = (list: readonly Container[] | undefined) =>
    list?.some(({ name }) => name === 'istio-proxy');
  const isRevision = own['istio.io/rev'] !== undefined || namespace['istio.io/rev'] !== undefined;
  return (
    isRevision ||
    namespace['istio-injection'] === 'enabled' ||
    own['sidecar.istio.io/status'] !== undefined ||
    isNamed(spec.containers) === true ||
    isNamed(spec.initContainers) === true
  );
}

function isLinkerd({ metadata, spec }: Pod, namespace: Marks = {}): boolean {
  const asked =
    { ...metadata.labels, ...metadata.annotations }['linkerd.io/inject'] ?? namespace['linkerd.io/inject'];
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  return asked === 'enabled' || asked === 'ingress' || all.some(({ name }) => name === 'linkerd-proxy');
}

/** Ports added to a comma list, which may hold ranges. */
function withPorts(list: string | undefined, ports: readonly number[]): string {
  const items = (list ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const isIn = (port: number) =>
    items.some((item) => {
      const [from = '', to = from] = item.split('-');
      return item === '*' || (port >= Number(from) && port <= Number(to));
    });
  return [...items, ...ports.filter((port) => !isIn(port)).map(String)].join();
}
