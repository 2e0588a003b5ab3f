// The containers and volumes that are added to a pod.
//
//   echoplane-init     redirection (transparent: uid 0, NET_ADMIN, NET_RAW) and trust files; exits
//   echoplane-sidecar  the proxy; native sidecar, so that Jobs end and the app starts after it and stops before it
//   echoplane-hold     replays: waits for the responder, at most so long; exits 0
import {
  CONTAINERS,
  type Container,
  type ContainerPort,
  commandOf,
  FORWARDER_CA_KEY,
  NAMESPACE_CA_SECRET,
  PORTS,
  SIDECAR_UID,
  TOKEN_AUDIENCE,
  VOLUMES,
  type Volume,
  type VolumeMount,
} from '@echoplane/resources';
import { MOUNTS, SETTING_VOLUMES } from './own-names.ts';
import type { Plan } from './plan.ts';
import { holdEnvironment, initEnvironment, proxyEnvironment } from './sidecar-environment.ts';

const TOKEN_SECONDS = 3_600;
/** The trust files are half a MiB; a volume that outgrows its limit would cost the pod. */
const TRUST_SIZE = '32Mi';
const STATE_SIZE = '16Mi';
const DIAGNOSTICS_SIZE = '128Mi';

/** The init containers, in the order in which they come before the pod's own. */
export function ownInitContainers(plan: Plan): Container[] {
  const { mode, givesTrust, facts } = plan;
  return [
    ...(mode === 'transparent' || givesTrust ? [initContainer(plan)] : []),
    ...(facts.nativeSidecars ? [{ ...sidecarContainer(plan), restartPolicy: 'Always' }] : []),
    ...(facts.wiring ? [holdContainer(plan)] : []),
  ];
}

/** The sidecar where kubelets know no native ones: an ordinary container, after the pod's own. */
export function ownContainers(plan: Plan): Container[] {
  return plan.facts.nativeSidecars ? [] : [sidecarContainer(plan)];
}

function initContainer(plan: Plan): Container {
  const { givesTrust, mode } = plan;
  const roots = mount(SETTING_VOLUMES.upstreamCa, MOUNTS.upstreamCa);
  const hasRoots = givesTrust && plan.settings['tls-upstream-ca-configmap'] !== undefined;
  return {
    ...base(plan, CONTAINERS.init, 'init'),
    env: initEnvironment(plan),
    securityContext: mode === 'transparent' ? redirecting() : restricted(plan),
    ...(givesTrust && {
      volumeMounts: [
        { name: VOLUMES.trust, mountPath: MOUNTS.trust },
        mount(VOLUMES.ca, MOUNTS.ca),
        ...(hasRoots ? [roots] : []),
      ],
    }),
  };
}

function sidecarContainer(plan: Plan): Container {
  const { settings } = plan;
  return {
    ...base(plan, CONTAINERS.sidecar),
    env: proxyEnvironment(plan),
    ports: declaredPorts(plan),
    startupProbe: {
      httpGet: { path: '/healthz', port: PORTS.sidecarAdmin },
      periodSeconds: 1,
      timeoutSeconds: 2,
      failureThreshold: 120,
    },
    securityContext: restricted(plan),
    volumeMounts: [
      mount(VOLUMES.ca, MOUNTS.ca),
      { name: VOLUMES.state, mountPath: MOUNTS.state },
      mount(VOLUMES.token, MOUNTS.token),
      ...(settings['tls-in-secret'] ? [mount(SETTING_VOLUMES.tlsIn, MOUNTS.tlsIn)] : []),
      ...(settings['tls-client-secret'] ? [mount(SETTING_VOLUMES.tlsClient, MOUNTS.tlsClient)] : []),
      ...(settings['tls-upstream-ca-configmap']
        ? [mount(SETTING_VOLUMES.upstreamCa, MOUNTS.upstreamCa)]
        : []),
    ],
  };
}

function holdContainer(plan: Plan): Container {
  return {
    ...base(plan, CONTAINERS.hold, 'hold'),
    env: holdEnvironment(plan),
    securityContext: restricted(plan),
  };
}

function base({ facts, settings, pod }: Plan, name: string, ...command: string[]): Container {
  const limits = { cpu: settings['cpu-limit'], memory: settings['memory-limit'] };
  return {
    name,
    image: facts.image,
    imagePullPolicy: facts.imagePullPolicy,
    command: commandOf('sidecar', ...command),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    // Resources of the whole pod leave no room for ours: more than they say would be refused.
    ...(pod.spec.resources === undefined && {
      resources: {
        requests: { cpu: settings['cpu-request'], memory: settings['memory-request'] },
        limits: Object.fromEntries(
          Object.entries(limits).flatMap(([key, value]) => (value ? [[key, value]] : [])),
        ),
      },
    }),
  };
}

/** Passes Pod Security `restricted`. There no user is named: OpenShift gives each namespace its own, and root is refused. */
function restricted({ mode, facts }: Plan) {
  const isAnyUser = mode !== 'transparent' && facts.podSecurity === 'restricted';
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    ...(!isAnyUser && { runAsUser: SIDECAR_UID, runAsGroup: SIDECAR_UID }),
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

function redirecting() {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: false,
    runAsUser: 0,
    runAsGroup: 0,
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** The admin port is found by scrapers; in the node's network every port is declared, so that the scheduler knows. */
function declaredPorts({ pod, settings, target, mode }: Plan) {
  const ports: ContainerPort[] = [
    { name: 'echoplane-admin', containerPort: PORTS.sidecarAdmin, protocol: 'TCP' },
  ];
  const isMoved = target?.name != null;
  if (target && !isMoved)
    ports.push({ name: 'echoplane-in', containerPort: settings['in-port'], protocol: 'TCP' });
  if (pod.spec.hostNetwork === true && mode !== 'reverse')
    ports.push({ name: 'echoplane-out', containerPort: settings['out-port'], protocol: 'TCP' });
  return ports;
}

/** The volumes, after the pod's own. */
export function ownVolumes(plan: Plan): Volume[] {
  const { settings, opensTls, givesTrust } = plan;
  const { 'tls-in-secret': tlsIn, 'tls-client-secret': client } = settings;
  const upstream = settings['tls-upstream-ca-configmap'];
  const keys = [
    FORWARDER_CA_KEY,
    ...(opensTls || givesTrust ? ['tls.crt'] : []),
    ...(opensTls ? ['tls.key'] : []),
  ];
  const items = keys.map((key) => ({ key, path: key }));
  const serviceAccountToken = { audience: TOKEN_AUDIENCE, expirationSeconds: TOKEN_SECONDS, path: 'token' };
  return [
    { name: VOLUMES.ca, secret: { secretName: NAMESPACE_CA_SECRET, optional: true, items } },
    { name: VOLUMES.state, emptyDir: { sizeLimit: settings.diagnostics ? DIAGNOSTICS_SIZE : STATE_SIZE } },
    { name: VOLUMES.token, projected: { sources: [{ serviceAccountToken }] } },
    ...(givesTrust ? [{ name: VOLUMES.trust, emptyDir: { sizeLimit: TRUST_SIZE } }] : []),
    ...(tlsIn ? [{ name: SETTING_VOLUMES.tlsIn, secret: { secretName: tlsIn } }] : []),
    ...(client ? [{ name: SETTING_VOLUMES.tlsClient, secret: { secretName: client } }] : []),
    ...(upstream
      ? [{ name: SETTING_VOLUMES.upstreamCa, configMap: { name: upstream, optional: true } }]
      : []),
  ];
}

function mount(name: string, mountPath: string): VolumeMount {
  return { name, mountPath, readOnly: true };
}
