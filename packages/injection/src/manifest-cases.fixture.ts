// The edge cases: settings of every sort on a plain pod, and pods of every sort.
import type { Container, PodSpec } from '@echoplane/resources';

export type Level = 'restricted' | 'privileged';
export interface Case {
  name: string;
  settings?: Record<string, string>;
  level?: Level;
  /** Annotations and labels of the template. */
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
  /** Changes the plain pod. */
  change?: (spec: PodSpec, app: Container) => void;
}
const probe = (check: Record<string, unknown>) => ({ ...check, periodSeconds: 7 }) as never;
const port = (name: string, containerPort: number, more = {}) => ({ name, containerPort, ...more });
const CONFINED = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };

function container(name: string, more: Partial<Container> = {}): Container {
  return { name, image: `registry.example.com/${name}:2`, securityContext: CONFINED, ...more } as Container;
}

export function plainPod(): PodSpec {
  return {
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container('app', { ports: [port('http', 8080)], env: [{ name: 'A', value: '1' }] })],
  };
}

export const SETTINGS: Case[] = [
  { name: 'plain' },
  { name: 'reverse', settings: { mode: 'reverse' } },
  { name: 'forward', settings: { mode: 'forward' } },
  { name: 'forward-socks', settings: { mode: 'forward', protocol: 'socks' } },
  { name: 'dual', settings: { mode: 'dual' } },
  { name: 'dual-tcp', settings: { mode: 'dual', protocol: 'tcp' } },
  { name: 'dual-tcp-socks', settings: { mode: 'dual', protocol: 'tcp:socks' } },
  { name: 'dual-target', settings: { mode: 'dual', 'target-port': '9999', 'target-host': '127.0.0.1' } },
  { name: 'dual-ports', settings: { mode: 'dual', 'in-port': '14143', 'out-port': '14140' } },
  { name: 'tls-env', settings: { 'tls-out': 'true' } },
  { name: 'tls-java', settings: { 'tls-out': 'true', 'tls-trust': 'java' } },
  { name: 'tls-mount', settings: { 'tls-out': 'true', 'tls-trust': 'mount' } },
  { name: 'tls-dual', settings: { mode: 'dual', 'tls-out': 'true', 'tls-trust': 'java' } },
  {
    name: 'tls-in',
    settings: { 'tls-in-secret': 'server', 'tls-in-key': 'key.pem', 'tls-in-cert': 'cert.pem' },
  },
  {
    name: 'tls-client',
    settings: {
      'tls-out': 'true',
      'tls-client-secret': 'client',
      'tls-upstream-ca-configmap': 'roots',
    },
  },
  {
    name: 'ignores',
    settings: {
      'ignore-inbound-ports': '22, 23',
      'ignore-outbound-ports': '5432',
      'ignore-src-cidrs': '10.0.0.0/8,fd00::/8',
      'ignore-dst-cidrs': '169.254.169.254',
      'ignore-dst-hosts': '*.example.com',
      'opaque-ports': '3306',
    },
  },
  {
    name: 'captures',
    settings: {
      'capture-node-traffic': 'true',
      'capture-loopback': 'true',
      'host-resolution': 'dns',
      'client-ip': 'proxy-protocol',
      'body-limit': '1Mi',
      sample: '0.25',
      diagnostics: 'true',
    },
  },
  {
    name: 'resources',
    settings: {
      'cpu-request': '50m',
      'cpu-limit': '1',
      'memory-request': '128Mi',
      'memory-limit': '128Mi',
    },
  },
];

export const PODS: Case[] = [
  {
    name: 'http-probes',
    change(_, app) {
      app.livenessProbe = probe({ httpGet: { path: '/live', port: 'http', scheme: 'HTTPS' } });
      app.readinessProbe = probe({
        httpGet: { path: '/ready', port: 8080, httpHeaders: [{ name: 'A', value: 'b' }] },
      });
      app.startupProbe = probe({ httpGet: { port: 8080 } });
    },
  },
  {
    name: 'tcp-probes',
    change(_, app) {
      app.livenessProbe = probe({ tcpSocket: { port: 'http' } });
      app.readinessProbe = probe({ tcpSocket: { port: 8080 } });
    },
  },
  {
    name: 'tcp-probes-dual',
    settings: { mode: 'dual' },
    change(_, app) {
      app.livenessProbe = probe({ tcpSocket: { port: 'http' } });
      app.readinessProbe = probe({ tcpSocket: { port: 8080 } });
    },
  },
  {
    name: 'grpc-exec-probes',
    change(_, app) {
      app.livenessProbe = probe({ grpc: { port: 8080, service: 'x' } });
      app.readinessProbe = probe({ exec: { command: ['true'] } });
      app.lifecycle = { preStop: { httpGet: { path: '/stop', port: 'http' } } };
    },
  },
  {
    name: 'many-ports',
    change(_, app) {
      app.ports = [
        port('dns', 53, { protocol: 'UDP' }),
        port('metrics', 9102),
        port('http', 8080),
        port('grpc', 9000),
      ];
    },
  },
  { name: 'no-ports', change: (_, app) => delete app.ports },
  {
    name: 'unnamed-port-dual',
    settings: { mode: 'dual' },
    change(_, app) {
      app.ports = [{ containerPort: 3000 }];
    },
  },
  {
    name: 'two-containers',
    change(spec) {
      spec.containers.push(container('second', { ports: [port('admin', 9001)] }));
    },
  },
  {
    name: 'init-containers',
    settings: { mode: 'dual', 'tls-out': 'true' },
    change(spec) {
      spec.initContainers = [container('migrate'), container('seed', { env: [{ name: 'B', value: '2' }] })];
    },
  },
  {
    name: 'own-native-sidecar',
    change(spec) {
      const readinessProbe = probe({ tcpSocket: { port: 6000 } });
      spec.initContainers = [container('helper', { restartPolicy: 'Always', readinessProbe })];
    },
  },
  {
    name: 'volumes',
    settings: { 'tls-out': 'true', 'tls-trust': 'mount' },
    change(spec, app) {
      spec.volumes = [
        { name: 'data', emptyDir: {} },
        { name: 'certs', configMap: { name: 'certs' } },
      ];
      app.volumeMounts = [
        { name: 'data', mountPath: '/data' },
        { name: 'certs', mountPath: '/etc/ssl/certs' },
      ];
    },
  },
  {
    name: 'env-set',
    settings: { mode: 'dual', 'tls-out': 'true' },
    change(_, app) {
      app.env = [
        { name: 'http_proxy', value: 'http://proxy:3128' },
        { name: 'SSL_CERT_FILE', value: '/my.pem' },
        { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      ];
    },
  },
  {
    name: 'java-options',
    settings: { 'tls-out': 'true', 'tls-trust': 'java' },
    change(_, app) {
      app.env = [
        { name: 'JAVA_TOOL_OPTIONS', value: '-Xmx1g' },
        { name: 'LATER', value: '$(JAVA_TOOL_OPTIONS)' },
      ];
    },
  },
  {
    name: 'java-truststore-set',
    settings: { 'tls-out': 'true', 'tls-trust': 'java' },
    change(_, app) {
      app.env = [{ name: 'JAVA_TOOL_OPTIONS', value: '-Djavax.net.ssl.trustStore=/mine.jks' }];
    },
  },
  {
    name: 'java-options-from-elsewhere',
    settings: { mode: 'dual' },
    change(_, app) {
      const configMapKeyRef = { name: 'java', key: 'options' };
      app.env = [{ name: 'JAVA_TOOL_OPTIONS', valueFrom: { configMapKeyRef } }];
    },
  },
  {
    name: 'env-from',
    settings: { mode: 'forward' },
    change(_, app) {
      app.envFrom = [{ configMapRef: { name: 'settings', optional: true } }];
      delete app.env;
    },
  },
  {
    name: 'host-network',
    level: 'privileged',
    change(spec) {
      spec.hostNetwork = true;
      spec.dnsPolicy = 'ClusterFirstWithHostNet';
    },
  },
  {
    name: 'host-network-host-port',
    level: 'privileged',
    change(spec, app) {
      spec.hostNetwork = true;
      app.ports = [port('http', 8080, { hostPort: 8080 })];
    },
  },
  {
    name: 'host-port-dual',
    level: 'privileged',
    settings: { mode: 'dual' },
    change(_, app) {
      app.ports = [port('http', 8080, { hostPort: 80 })];
    },
  },
  {
    name: 'istio',
    annotations: { 'traffic.sidecar.istio.io/excludeOutboundPorts': '3306,4100-4160' },
    labels: { 'sidecar.istio.io/inject': 'true' },
  },
  {
    name: 'istio-injected',
    annotations: { 'sidecar.istio.io/status': '{}' },
    change(spec) {
      spec.initContainers = [container('istio-init'), container('istio-proxy', { restartPolicy: 'Always' })];
    },
  },
  {
    name: 'linkerd',
    annotations: { 'linkerd.io/inject': 'enabled', 'config.linkerd.io/skip-inbound-ports': '25' },
    change(spec) {
      spec.containers.unshift(container('linkerd-proxy', { ports: [port('linkerd-admin', 4191)] }));
    },
  },
  {
    name: 'guaranteed',
    change(_, app) {
      app.resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } };
    },
  },
  {
    name: 'host-aliases',
    change(spec) {
      spec.hostAliases = [{ ip: '10.1.1.1', hostnames: ['a.example.com'] }];
    },
  },
  {
    name: 'arbitrary-uid',
    settings: { mode: 'dual' },
    change(spec) {
      spec.securityContext = {
        runAsNonRoot: true,
        runAsUser: 1000660000,
        fsGroup: 1000660000,
        seccompProfile: { type: 'RuntimeDefault' },
      };
    },
  },
  {
    name: 'no-token',
    change(spec) {
      spec.automountServiceAccountToken = false;
      spec.enableServiceLinks = false;
      spec.shareProcessNamespace = true;
    },
  },
  {
    name: 'own-dns',
    change(spec) {
      spec.dnsPolicy = 'None';
      spec.dnsConfig = { nameservers: ['10.0.0.10'], searches: ['svc.cluster.local'] };
    },
  },
  {
    name: 'placed',
    annotations: { 'prometheus.io/scrape': 'true', 'example.com/with.dots': 'a/b~c' },
    change(spec) {
      spec.nodeSelector = { disk: 'fast' };
      spec.tolerations = [{ key: 'a', operator: 'Exists' }];
      spec.affinity = { podAntiAffinity: {} };
      spec.topologySpreadConstraints = [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: {},
        },
      ];
      spec.terminationGracePeriodSeconds = 5;
    },
  },
  {
    name: 'private-registry',
    change(spec) {
      spec.imagePullSecrets = [{ name: 'own' }, { name: 'both' }];
    },
  },
  {
    name: 'dollar-host',
    settings: { 'ignore-dst-hosts': 'a.example.com,b.example.com' },
    labels: { team: 'a' },
  },
];
