// What stands in for the dependencies of one workload: a Deployment and its Service, which sidecars reach by its address and
// aliased names by every recorded port. One for each workload, so that recordings name whose requests were answered. Pure.
import { isIP } from 'node:net';
import type { Obj } from '@echoplane/kube';
import { PORTS, type ReplayWiring, type ReplayWorkload } from '@echoplane/resources';
import type { ResponderPlan } from '@echoplane/traffic';
import { objectKey, type Setting } from './facts.ts';
import { baseName, type TargetRef, type TrafficReplay, workloadKey } from './replay-object.ts';
import {
  envOf,
  FOLDERS,
  jsonEnv,
  podTemplate,
  REDACTION_MOUNT,
  replayLabels,
  trustName,
} from './replay-pods.ts';
import { secretMounts, secretsEnv, stateEnv } from './secret-mounts.ts';
import { formsOfHost, hostOf, mockedDestinations, portOf, unmockedDestinations } from './slices.ts';

/** Ports below are not a plain user's to listen on; the Service maps them. */
const FIRST_FREE_PORT = 1_024;
const MAPPED_FROM = 20_000;
/** A pod that waits for its responder goes on without it after this, and is then seen as it is. */
const HOLD_SECONDS = 60;

/** The responder of one workload. */
export interface ResponderPods {
  name: string;
  target: TargetRef;
  routing: ReplayWorkload['routing'];
  mocks: string[];
  /** Of hosts that have mocks at other ports: they pass through. */
  passing: string[];
  /** Recorded ports and where the responder listens for them; none with `sidecar`. */
  ports: { recorded: number; listening: number }[];
  /** How it answers, as the test config has it. */
  plan: ResponderPlan | undefined;
}

export function responderPods(
  { metadata }: TrafficReplay,
  {
    index,
    target,
    workload,
    decoded,
    plan,
  }: {
    index: number;
    target: TargetRef;
    workload: ReplayWorkload;
    decoded: string[];
    plan: ResponderPlan | undefined;
  },
): ResponderPods {
  const mocks = mockedDestinations(workload.mocks, decoded);
  const hosts = new Set(mocks.map(hostOf));
  const isAlias = workload.routing === 'hostalias';
  // A name that was recorded without its port is the one that `mocks` names with it.
  const passing = unmockedDestinations(mocks, decoded).filter(
    (one) => hosts.has(hostOf(one)) && portOf(one) !== null,
  );
  const recorded = isAlias ? [...new Set([...mocks, ...passing].flatMap((one) => portOf(one) ?? []))] : [];
  const ports = recorded
    .sort((a, b) => a - b)
    .map((port, at) => ({
      recorded: port,
      listening: port < FIRST_FREE_PORT || isTaken(port) ? MAPPED_FROM + at : port,
    }));
  const name = `${baseName(metadata.uid)}-responder-${index}`;
  return { name, target, routing: workload.routing, mocks, passing: isAlias ? passing : [], ports, plan };
}

function isTaken(port: number): boolean {
  return (
    port === PORTS.responder || port === PORTS.admin || (port >= MAPPED_FROM && port < MAPPED_FROM + 1_000)
  );
}

export function responderObjects(
  replay: TrafficReplay,
  plan: ResponderPods,
  bytes: number | null,
  setting: Setting,
): { service: Obj; deployment: Obj } {
  const { metadata, spec } = replay;
  const { name, ports } = plan;
  const labels = replayLabels(metadata.uid, 'responder');
  const selector = { 'app.kubernetes.io/name': name };
  const meta = { name, namespace: setting.namespace, labels: { ...labels, ...selector } };
  const service = {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: meta },
    spec: {
      selector,
      // Without a shared state a pod is answered in one row by one of them.
      ...(spec.responder.replicas > 1 && stateEnv(replay).length === 0
        ? { sessionAffinity: 'ClientIP' }
        : {}),
      ports: [
        { name: 'sidecars', port: PORTS.responder, targetPort: PORTS.responder },
        ...ports.map(({ recorded, listening }) => ({
          name: `port-${recorded}`,
          port: recorded,
          targetPort: listening,
        })),
      ],
    },
  };
  const template = podTemplate(replay, { ...podParts(replay, plan), artifactBytes: bytes }, setting);
  const deployment = {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta },
    spec: { replicas: spec.responder.replicas, selector: { matchLabels: selector }, template },
  };
  return { service, deployment };
}

function podParts(replay: TrafficReplay, { name, target, ports, passing, plan }: ResponderPods) {
  const { metadata } = replay;
  const authority = `${FOLDERS.trust}-ca`;
  return {
    ...{ role: 'responder' as const, name, workload: target },
    env: [
      ...stateEnv(replay),
      ...envOf({
        ...{ HOST: '0.0.0.0', SIDECAR_PORT: PORTS.responder, ADMIN_PORT: PORTS.admin },
        REDACTION_KEY_FILE: `${FOLDERS.redaction}/redaction.key`,
        ...(ports.length > 0
          ? {
              LISTEN_PORTS: ports.map(({ recorded, listening }) => `${recorded}=${listening}`).join(','),
              CA_CERT_FILE: `${authority}/tls.crt`,
              CA_KEY_FILE: `${authority}/tls.key`,
            }
          : {}),
        ...(passing.length > 0 ? { PASS_THROUGH: passing.join(',') } : {}),
        PLAN: jsonEnv(plan),
        ...secretsEnv(replay),
      }),
    ],
    ports: [
      { name: 'sidecars', containerPort: PORTS.responder },
      { name: 'admin', containerPort: PORTS.admin },
      ...ports.map(({ recorded, listening }) => ({ name: `port-${recorded}`, containerPort: listening })),
    ],
    isReadyAt: { path: '/readyz', port: 'admin' },
    mounts: [
      REDACTION_MOUNT,
      ...secretMounts(replay),
      // With aliases no sidecar ends TLS: the responder signs with the authority of that namespace, copied for this replay.
      ...(ports.length > 0
        ? [
            {
              ...{ name: 'authority', secret: trustName(metadata.uid), folder: authority },
              items: ['crt', 'key'].map((part) => ({
                key: `${target.namespace}.${part}`,
                path: `tls.${part}`,
              })),
            },
          ]
        : []),
    ],
  };
}

/** What the pods of the workload are told; null until the Service has its address. */
export function wiringFor(
  plan: ResponderPods,
  objects: Readonly<Record<string, Obj | null>>,
  { namespace, services }: { namespace: string; services: readonly Obj[] },
): ReplayWiring | null {
  const service = objects[objectKey({ kind: 'Service', namespace, name: plan.name })];
  const ip: string | undefined = service?.spec?.clusterIP;
  if (!ip) return null;
  const { target, routing } = plan;
  // A sidecar that knows the address does not have to wait for the name.
  const mocks = [...plan.mocks, ...(routing === 'sidecar' ? clusterAddresses(plan, services) : [])];
  const hosts = [...new Set(plan.mocks.map(hostOf))];
  const hostnames = [...new Set(hosts.flatMap((host) => formsOfHost(host, target.namespace)))];
  return {
    ...{ workload: workloadKey(target), routing, mocks, responderHost: ip, responderPort: PORTS.responder },
    hostAliases: routing === 'hostalias' && hostnames.length > 0 ? [{ ip, hostnames }] : [],
    holdSeconds: HOLD_SECONDS,
  };
}

/** The addresses of Services among the mocked destinations, as mocks: `10.96.0.7:80`, `[fd00::7]:*`. */
function clusterAddresses({ target, mocks }: ResponderPods, services: readonly Obj[]): string[] {
  const found = mocks.flatMap((mock) => {
    const forms = formsOfHost(hostOf(mock), target.namespace);
    const own = services.filter(({ metadata }) =>
      forms.includes(`${metadata.name}.${metadata.namespace}.svc`),
    );
    const addresses: string[] = own.flatMap(({ spec }) => spec?.clusterIPs ?? spec?.clusterIP ?? []);
    return addresses
      .filter((one) => isIP(one) !== 0)
      .map((one) => `${one.includes(':') ? `[${one}]` : one}:${portOf(mock) ?? '*'}`);
  });
  return [...new Set(found)];
}
