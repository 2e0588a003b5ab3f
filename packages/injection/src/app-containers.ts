// Which containers of a pod are the app's and which another injector's. Only the app's are looked at and changed.
import type { Container, ContainerPort, PodSpec } from '@echoplane/resources';

/** Containers of meshes and of those who inject like us. */
const INJECTED_BY_OTHERS = new Set([
  ...['istio-proxy', 'istio-init', 'istio-validation', 'enable-core-dump'],
  ...['linkerd-proxy', 'linkerd-init', 'linkerd-network-validator', 'linkerd-debug'],
  ...['kuma-sidecar', 'kuma-init', 'kuma-validation', 'consul-dataplane', 'consul-connect-inject-init'],
  ...['vault-agent', 'vault-agent-init', 'daprd', 'cloudsql-proxy', 'cloud-sql-proxy'],
]);
const HTTP_NAME = /^(http|https|http2|h2c|h2|grpc|grpc-web|web|www|api|rest|ui|graphql)(-|$)/;
const HTTP_PORTS = new Set([80, 3000, 4200, 5000, 8000, 8008, 8888]);

export interface AppPort {
  container: string;
  port: ContainerPort;
}

/** The app's containers, without its init containers. */
export function appContainers(spec: PodSpec): Container[] {
  return spec.containers.filter(isApp);
}

/** The app's containers of both lists, init containers first. */
export function allAppContainers(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers].filter(isApp);
}

/** The app's containers that go on running, its own native sidecars among them. */
export function lastingAppContainers(spec: PodSpec): Container[] {
  const sidecars = (spec.initContainers ?? []).filter((one) => isApp(one) && one.restartPolicy === 'Always');
  return [...sidecars, ...appContainers(spec)];
}

function isApp({ name }: Container): boolean {
  return !INJECTED_BY_OTHERS.has(name);
}

/** TCP ports the app declares, in their order. */
export function appPorts(spec: PodSpec): AppPort[] {
  return appContainers(spec).flatMap(({ name, ports = [] }) =>
    ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP').map((port) => ({ container: name, port })),
  );
}

/** Whether a port is known to speak HTTP: by its name, by a probe, or because it is a usual one. */
export function isHttpPort(spec: PodSpec, { container, port }: AppPort): boolean {
  const { name, containerPort } = port;
  if (name !== undefined && HTTP_NAME.test(name)) return true;
  if (HTTP_PORTS.has(containerPort) || (containerPort >= 8080 && containerPort <= 8090)) return true;
  const { livenessProbe, readinessProbe, startupProbe } = spec.containers.find(
    (one) => one.name === container,
  )!;
  return [livenessProbe, readinessProbe, startupProbe].some((probe) => {
    const probed = probe?.httpGet?.port ?? probe?.grpc?.port;
    return probed !== undefined && (probed === name || Number(probed) === containerPort);
  });
}
