// The environment of the sidecar, of `sidecar init` and of `sidecar hold`: docs/sidecar.md and docs/redirection.md say what
// each variable means. Ports are always set: a Service named echoplane-forwarder in the pod's namespace would set
// ECHOPLANE_FORWARDER_PORT to an address otherwise.
import { type EnvVar, FORWARDER_CA_KEY, PORTS, type Probe, SERVICES } from '@echoplane/resources';
import { appContainers, lastingAppContainers } from './app-containers.ts';
import { MOUNTS } from './own-names.ts';
import type { Plan } from './plan.ts';

/** Bytes; see the size of the volume. */
const DIAGNOSTICS_LIMIT = 64 << 20;
const GRPC_PROBE = '/grpc.health.v1.Health/Check';

type Values = Record<string, string | number | boolean | undefined>;

/** Of the proxy. */
export function proxyEnvironment(plan: Plan): EnvVar[] {
  return [
    ...variables({ ...listeners(plan), ...identity(plan), ...tls(plan), ...capture(plan), ...replay(plan) }),
    fromField('ECHOPLANE_NAMESPACE', 'metadata.namespace'),
    fromField('ECHOPLANE_POD', 'metadata.name'),
  ];
}

/** Of the redirect step, which writes the trust files too. */
export function initEnvironment(plan: Plan): EnvVar[] {
  const { settings, mode, givesTrust, opensTls } = plan;
  const isTransparent = mode === 'transparent';
  const own = variables({
    MODE: mode,
    IN_PORT: settings['in-port'],
    OUT_PORT: settings['out-port'],
    ADMIN_PORT: PORTS.sidecarAdmin,
    DIAGNOSTICS_PORT: PORTS.diagnostics,
    HOST_RESOLUTION: settings['host-resolution'],
    IGNORE_INBOUND_PORTS: settings['ignore-inbound-ports'].join(),
    IGNORE_OUTBOUND_PORTS: settings['ignore-outbound-ports'].join(),
    IGNORE_SRC_CIDRS: settings['ignore-src-cidrs'].join(),
    IGNORE_DST_CIDRS: settings['ignore-dst-cidrs'].join(),
    CAPTURE_NODE_TRAFFIC: settings['capture-node-traffic'] || undefined,
    CAPTURE_LOOPBACK: settings['capture-loopback'] || undefined,
    TRUST_FOLDER: givesTrust ? MOUNTS.trust : undefined,
    CA_CERT_FILE: givesTrust ? `${MOUNTS.ca}/tls.crt` : undefined,
    UPSTREAM_CA_FILES: givesTrust && opensTls ? upstreamRoots(plan) : undefined,
  });
  return isTransparent ? [...own, fromField('ECHOPLANE_HOST_IP', 'status.hostIPs')] : own;
}

/** Of the container that holds the pod of a replay until the responder is there. */
export function holdEnvironment({ facts: { wiring } }: Plan): EnvVar[] {
  return variables({
    RESPONDER_HOST: wiring?.responderHost,
    RESPONDER_PORT: wiring?.responderPort,
    HOLD_SECONDS: wiring?.holdSeconds,
  });
}

function listeners({ mode, settings, target }: Plan): Values {
  return {
    MODE: mode,
    PROTOCOL: mode === 'transparent' ? undefined : settings.protocol,
    HOST: '0.0.0.0',
    IN_PORT: settings['in-port'],
    OUT_PORT: settings['out-port'],
    ADMIN_PORT: PORTS.sidecarAdmin,
    DIAGNOSTICS_PORT: PORTS.diagnostics,
    TARGET_HOST: target?.host,
    TARGET_PORT: target?.port,
    CLIENT_IP: settings['client-ip'] === 'none' ? undefined : settings['client-ip'],
  };
}

function identity({ pod, workload, facts }: Plan): Values {
  const service = { host: `${SERVICES.forwarder}.${facts.installNamespace}.svc`, port: PORTS.forwarder };
  const { host, port } = facts.forwarder ?? service;
  return {
    FORWARDER_HOST: host,
    FORWARDER_PORT: port,
    FORWARDER_CA_FILE: `${MOUNTS.ca}/${FORWARDER_CA_KEY}`,
    FORWARDER_TOKEN_FILE: `${MOUNTS.token}/token`,
    CLUSTER: facts.cluster,
    WORKLOAD: workload.name,
    WORKLOAD_KIND: workload.kind,
    CONTAINER: (appContainers(pod.spec)[0] ?? pod.spec.containers[0])?.name,
    STATE_FOLDER: MOUNTS.state,
  };
}

function tls(plan: Plan): Values {
  const { settings, opensTls } = plan;
  const isIn = settings['tls-in-secret'] !== undefined;
  const isClient = settings['tls-client-secret'] !== undefined;
  return {
    TLS_OUT: opensTls || undefined,
    CA_CERT_FILE: opensTls ? `${MOUNTS.ca}/tls.crt` : undefined,
    CA_KEY_FILE: opensTls ? `${MOUNTS.ca}/tls.key` : undefined,
    UPSTREAM_CA_FILES: upstreamRoots(plan),
    TLS_IN_CERT_FILES: isIn ? `${MOUNTS.tlsIn}/${settings['tls-in-cert']}` : undefined,
    TLS_IN_KEY_FILES: isIn ? `${MOUNTS.tlsIn}/${settings['tls-in-key']}` : undefined,
    TLS_CLIENT_CERT_FILE: isClient ? `${MOUNTS.tlsClient}/tls.crt` : undefined,
    TLS_CLIENT_KEY_FILE: isClient ? `${MOUNTS.tlsClient}/tls.key` : undefined,
  };
}

function capture(plan: Plan): Values {
  const { settings } = plan;
  return {
    OPAQUE_PORTS: settings['opaque-ports'].join(),
    IGNORE_DST_HOSTS: settings['ignore-dst-hosts'].join(),
    HOST_RESOLUTION: settings['host-resolution'],
    BODY_LIMIT: settings['body-limit'],
    SAMPLE: plan.facts.wiring ? undefined : settings.sample,
    PROBES: declaredProbes(plan).join(),
    DIAGNOSTICS: settings.diagnostics || undefined,
    DIAGNOSTICS_FOLDER: settings.diagnostics ? `${MOUNTS.state}/diagnostics` : undefined,
    DIAGNOSTICS_LIMIT: settings.diagnostics ? DIAGNOSTICS_LIMIT : undefined,
  };
}

function replay({ facts: { wiring, replayId, isolate } }: Plan): Values {
  const isRouted = wiring?.routing === 'sidecar';
  return {
    TAGS: wiring && replayId ? `replay=${replayId}` : undefined,
    MOCKS: isRouted ? wiring.mocks.join() : undefined,
    RESPONDER_HOST: isRouted ? wiring.responderHost : undefined,
    RESPONDER_PORT: isRouted ? wiring.responderPort : undefined,
    ISOLATE: (wiring && isolate) || undefined,
  };
}

function upstreamRoots({ settings }: Plan): string | undefined {
  return settings['tls-upstream-ca-configmap'] === undefined ? undefined : `${MOUNTS.upstreamCa}/ca.crt`;
}

/** `PORT/PATH` of the HTTP and gRPC probes that the app declares. */
function declaredProbes({ pod }: Plan): string[] {
  const declared = lastingAppContainers(pod.spec).flatMap((container) => {
    const portOf = (port: number | string) => {
      const named = container.ports?.find(({ name }) => name === port)?.containerPort;
      return named ?? Number(port);
    };
    const of = (probe: Probe | undefined): string[] => {
      if (probe?.grpc) return [`${probe.grpc.port}${GRPC_PROBE}`];
      if (!probe?.httpGet) return [];
      const path = probe.httpGet.path ?? '/';
      return [`${portOf(probe.httpGet.port)}${path.startsWith('/') ? path : `/${path}`}`];
    };
    return [container.livenessProbe, container.readinessProbe, container.startupProbe].flatMap(of);
  });
  // A comma would be read as the end of the path, and a port that is not declared is none.
  return [...new Set(declared)].filter((probe) => /^\d{1,5}\/[^,]*$/.test(probe));
}

/** Variables by their names without the prefix; what is empty is left out. */
function variables(values: Values): EnvVar[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => ({ name: `ECHOPLANE_${name}`, value: escaped(String(value)) }));
}

function fromField(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** `$(X)` would be replaced by Kubernetes. */
function escaped(text: string): string {
  return text.replaceAll('$(', '$$$$(');
}
