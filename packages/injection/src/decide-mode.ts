// Whether a pod can be injected, and in which mode: what the settings ask for, or `dual` where redirection is not possible.
// Asked for a template by the workload webhook and for a pod by the pod webhook, with the same answer.
import {
  CONTAINERS,
  type ObjectMeta,
  PORTS,
  type PodSpec,
  type Settings,
  SIDECAR_PREFIX,
  SIDECAR_UID,
  VOLUMES,
} from '@echoplane/resources';
import { allAppContainers, appPorts, isHttpPort, lastingAppContainers } from './app-containers.ts';
import type { Note, PodFacts } from './contract.ts';
import { SETTING_VOLUMES } from './own-names.ts';

export interface Target {
  host: string;
  port: number;
  /** Container and name of the declared port; null when it is not declared. */
  container: string | null;
  name: string | null;
}
export interface Decision {
  mode: Settings['mode'];
  /** Reverse and dual: where inbound goes. */
  target: Target | null;
  notes: Note[];
}
export interface Refusal {
  refused: string;
  notes: Note[];
}
export type ModeFacts = Pick<PodFacts, 'podSecurity' | 'nativeSidecars'>;
interface Subject {
  metadata?: ObjectMeta | undefined;
  spec: PodSpec;
}

const MIRROR = 'kubernetes.io/config.mirror';

/** The mode for a pod or template without our containers. */
export function decideMode(subject: Subject, settings: Settings, facts: ModeFacts): Decision | Refusal {
  const { spec } = subject;
  const obstacle = obstacleOf(subject, settings);
  if (obstacle) return refusal(obstacle.reason, obstacle.message);
  if (!facts.nativeSidecars && spec.restartPolicy !== undefined && spec.restartPolicy !== 'Always')
    return refusal('NoNativeSidecars', 'a Job cannot end beside a sidecar on kubelets older than 1.29');

  const against = settings.mode === 'transparent' ? againstRedirection(spec, facts) : null;
  const mode = against ? 'dual' : settings.mode;
  const target = mode === 'dual' || mode === 'reverse' ? targetOf(spec, settings, against !== null) : null;
  if ((mode === 'dual' || mode === 'reverse') && !target) {
    const port = `set ${SIDECAR_PREFIX}target-port or declare the port the app listens at`;
    return against
      ? refusal(against.reason, `${against.message}, and no HTTP port is declared for mode dual; ${port}`)
      : refusal('NoTargetPort', `mode ${mode} needs a port: ${port}`);
  }
  const notes: Note[] = against
    ? [{ type: 'Normal', reason: against.reason, message: `${against.message}: mode dual is used instead` }]
    : [];
  return { mode, target, notes };
}

function refusal(reason: string, message: string): Refusal {
  return { refused: message, notes: [{ type: 'Warning', reason, message: `Not injected: ${message}.` }] };
}

interface Obstacle {
  reason: string;
  message: string;
}

function obstacleOf({ metadata, spec }: Subject, settings: Settings): Obstacle | null {
  const os = (spec.os as { name?: string } | undefined)?.name;
  const selected = (spec.nodeSelector as Record<string, string> | undefined)?.['kubernetes.io/os'];
  if (os === 'windows' || selected === 'windows')
    return { reason: 'Windows', message: 'the sidecar runs on Linux only' };
  if (metadata?.annotations?.[MIRROR] !== undefined)
    return { reason: 'StaticPod', message: 'static pods are the kubelet’s own' };
  return nameObstacle(spec) ?? identityObstacle(spec) ?? portObstacle(spec, settings);
}

function identityObstacle(spec: PodSpec): Obstacle | null {
  for (const { name, securityContext } of allAppContainers(spec)) {
    const user = securityContext?.runAsUser ?? spec.securityContext?.runAsUser;
    const group = securityContext?.runAsGroup ?? spec.securityContext?.runAsGroup;
    if (user !== SIDECAR_UID && group !== SIDECAR_UID) continue;
    const what = user === SIDECAR_UID ? 'user' : 'group';
    return {
      reason: 'SidecarIdentityInUse',
      message: `container ${name} runs as ${what} ${SIDECAR_UID}, which is the sidecar's own; choose another`,
    };
  }
  return null;
}

function nameObstacle(spec: PodSpec): Obstacle | null {
  const ours = new Set<string>(
    [CONTAINERS, VOLUMES, SETTING_VOLUMES].flatMap((names) => Object.values(names)),
  );
  const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.volumes ?? [])];
  const taken = all.find(({ name }) => ours.has(name));
  return taken
    ? {
        reason: 'NameInUse',
        message: `a container or volume is called ${taken.name} already; rename or remove it`,
      }
    : null;
}

function portObstacle(spec: PodSpec, settings: Settings): Obstacle | null {
  const ours = new Map([
    [settings['in-port'], 'in-port'],
    [settings['out-port'], 'out-port'],
    [PORTS.sidecarAdmin as number, null],
  ]);
  for (const { name, ports = [] } of lastingAppContainers(spec)) {
    const taken = ports.find(
      ({ containerPort, protocol = 'TCP' }) => protocol === 'TCP' && ours.has(containerPort),
    );
    if (!taken) continue;
    const setting = ours.get(taken.containerPort);
    const cure = setting ? `set ${SIDECAR_PREFIX}${setting} to another` : 'the app needs another';
    const message = `container ${name} uses port ${taken.containerPort}, which the sidecar needs; ${cure}`;
    return { reason: 'PortInUse', message };
  }
  return null;
}

function againstRedirection(spec: PodSpec, facts: ModeFacts): Obstacle | null {
  if (spec.hostNetwork === true)
    return { reason: 'HostNetwork', message: 'the network of the node is never redirected' };
  if (facts.podSecurity !== 'privileged')
    return {
      reason: 'PodSecurity',
      message: `Pod Security ${facts.podSecurity} of the namespace does not allow redirection`,
    };
  if (!facts.nativeSidecars)
    return { reason: 'NoNativeSidecars', message: 'redirection needs native sidecars (Kubernetes 1.29)' };
  return null;
}

/** `mustBeHttp`: a port that nobody chose moves only when it is known to speak HTTP. */
function targetOf(spec: PodSpec, settings: Settings, mustBeHttp: boolean): Target | null {
  const host = settings['target-host'];
  const chosen = settings['target-port'];
  const ports = appPorts(spec);
  if (chosen !== undefined) {
    const declared = ports.find(({ port }) => port.containerPort === chosen);
    return { host, port: chosen, container: declared?.container ?? null, name: declared?.port.name ?? null };
  }
  const found = mustBeHttp ? ports.find((one) => isHttpPort(spec, one)) : ports[0];
  if (!found) return null;
  const { containerPort, name } = found.port;
  return { host, port: containerPort, container: found.container, name: name ?? null };
}
