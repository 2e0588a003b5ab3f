// Workloads of every kind that injection meets on a real node, each of the probe image: a server that answers, calls
// another service when it is asked to, and says a last word when it is stopped. Pure.
import type { Container, Pod } from '@echoplane/resources';
import { PROBE_IMAGE } from './images.ts';
import type { Manifest } from './node-manifests.fixture.ts';

/** Injection as usual; `strict` enforces Pod Security `restricted`. */
export const OPEN = 'open';
export const STRICT = 'strict';
/** No workload is injected in it. */
export const LATE = 'late';
/** Who is called; nobody injects it. */
const UPSTREAM = `http://upstream.${OPEN}.svc`;
export const INJECT = { 'sidecar.echoplane.dev/inject': 'true' };
/** Keeps a pod away from the node until the test has changed it. */
const GATE = 'echoplane.test/held';

const APP = `
const http = require('http');
const call = (path) => fetch('${UPSTREAM}' + path).then((answer) => answer.text());
http.createServer(async (asked, answer) => {
  const { pathname, searchParams } = new URL(asked.url, 'http://app');
  if (pathname === '/dial') {
    const socket = require('net').connect(80, new URL('${UPSTREAM}').hostname, () => socket.end(Buffer.from([0, 1, 2, 3])));
    return socket.on('error', () => {}).on('close', () => answer.end('dialled')).resume();
  }
  if (pathname !== '/call') return answer.end('answered ' + pathname);
  await call(searchParams.get('path')).then((text) => answer.end(text), (err) => {
    answer.statusCode = 502;
    answer.end(String(err.cause ?? err));
  });
}).listen(Number(process.env.APP_PORT ?? 8080));
process.on('SIGTERM', () => call('/last-word-of-' + process.env.NAME).catch(() => {}).then(() => process.exit(0)));
`;
/** Calls until it is answered: upstream may still be starting, and a Job has one attempt. */
const CALL_ONCE = (path: string) =>
  `const again = () => setTimeout(call, 500);
const call = () => fetch('${UPSTREAM}${path}').then((answer) => answer.ok ? process.exit(0) : again(), again);
call();`;

/** A server that answers by the way of its probe until the file is there. */
const IS_BROKEN = "require('fs').existsSync('/tmp/broken')";
const PROBED: Record<string, { script: string; port: number; probe: object }> = {
  http: {
    port: 8081,
    script: `require('http').createServer((_, answer) => { answer.statusCode = ${IS_BROKEN} ? 500 : 200; answer.end(); }).listen(8081)`,
    probe: { httpGet: { path: '/alive', port: 8081 } },
  },
  tcp: {
    port: 8082,
    script: `const server = require('net').createServer((socket) => socket.end()).listen(8082); setInterval(() => { if (${IS_BROKEN}) server.close(); }, 100)`,
    probe: { tcpSocket: { port: 8082 } },
  },
  grpc: {
    port: 8083,
    // grpc.health.v1: SERVING is 1, NOT_SERVING is 2.
    script: `require('http2').createServer().on('stream', (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, ${IS_BROKEN} ? 2 : 1]));
    }).listen(8083)`,
    probe: { grpc: { port: 8083 } },
  },
  exec: {
    port: 8084,
    script: "require('http').createServer((_, answer) => answer.end()).listen(8084)",
    probe: { exec: { command: ['/bin/sh', '-c', '! /bin/test -e /tmp/broken'] } },
  },
};
export const PROBE_KINDS = Object.keys(PROBED);

type Raw = Record<string, unknown>;
interface Shape {
  annotations?: Record<string, string>;
  /** Of the pod. */
  spec?: Raw;
  /** Of its container. */
  container?: Raw;
  /** Of the workload. */
  more?: Raw;
}

/** Everything that the tests look at. */
export function injectedWorkloads(): Manifest[] {
  return [
    namespace(OPEN),
    namespace(STRICT, { 'pod-security.kubernetes.io/enforce': 'restricted' }),
    namespace(LATE),
    ...server(OPEN, 'upstream', { annotations: {} }),
    // Annotated by the test, as somebody does with what runs already.
    ...server(OPEN, 'web', { annotations: {} }),
    ...server(STRICT, 'web', { spec: RESTRICTED_POD, container: RESTRICTED_CONTAINER }),
    probed(),
    ...server(OPEN, 'with-init', {
      spec: {
        initContainers: [{ ...container({}), name: 'own', command: ['node', '-e', CALL_ONCE('/from-init')] }],
      },
    }),
    ...server(OPEN, 'same-user', { spec: { securityContext: { runAsUser: 4140 } } }),
    ...server(OPEN, 'on-node', {
      spec: ON_NODE,
      container: { ports: [{ name: 'http', containerPort: 8080 }] },
    }),
    ...server(OPEN, 'on-node-unknown', {
      spec: ON_NODE,
      container: { ports: [], env: env({ APP_PORT: '8085' }) },
    }),
    workload(OPEN, 'StatefulSet', 'stateful', { more: { serviceName: 'stateful' } }),
    workload(OPEN, 'DaemonSet', 'daemon', {}),
    { ...ofKind('batch/v1', 'Job', OPEN, 'once', INJECT), spec: jobSpec('/from-job') },
    {
      ...ofKind('batch/v1', 'CronJob', OPEN, 'often', INJECT),
      spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: jobSpec('/from-cronjob') } },
    },
    ...server(OPEN, 'unpullable', { spec: { schedulingGates: [{ name: GATE }] } }),
    // What it does at its end ends it; the machine may be slow with it.
    ...server(OPEN, 'leaving', { spec: { terminationGracePeriodSeconds: 60 } }),
  ];
}

const RESTRICTED_POD = {
  securityContext: { runAsNonRoot: true, runAsUser: 1_000, seccompProfile: { type: 'RuntimeDefault' } },
};
const RESTRICTED_CONTAINER = {
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
};
const ON_NODE = { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' };

function ofKind(apiVersion: string, kind: string, ns: string, name: string, annotations: object): Manifest {
  return { apiVersion, kind, metadata: { namespace: ns, name, annotations } };
}

function namespace(name: string, labels: object = {}): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

const env = (values: Record<string, string>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

function container(more: Raw): Raw {
  return {
    ...{ name: 'app', image: PROBE_IMAGE, imagePullPolicy: 'Never', command: ['node', '-e', APP] },
    ...{ resources: { limits: { memory: '96Mi' } }, ...more },
  };
}

function template(name: string, { spec = {}, container: more = {} }: Shape): Raw {
  const isServer = more.ports === undefined;
  const containers = [
    container({
      env: env({ NAME: name }),
      ...(isServer
        ? {
            ports: [{ containerPort: 8080 }],
            readinessProbe: { httpGet: { path: '/alive', port: 8080 }, periodSeconds: 1, timeoutSeconds: 10 },
          }
        : {}),
      ...more,
    }),
  ];
  return {
    metadata: { labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 10, containers, ...spec },
  };
}

function workload(ns: string, kind: string, name: string, shape: Shape): Manifest {
  return {
    ...ofKind('apps/v1', kind, ns, name, shape.annotations ?? INJECT),
    spec: { selector: { matchLabels: { app: name } }, template: template(name, shape), ...shape.more },
  };
}

/** A Deployment, and its Service with a numeric targetPort. */
function server(ns: string, name: string, shape: Shape): Manifest[] {
  const ports = [{ port: 80, targetPort: 8080 }];
  return [
    workload(ns, 'Deployment', name, shape),
    { ...ofKind('v1', 'Service', ns, name, {}), spec: { selector: { app: name }, ports } },
  ];
}

/** A pod with a container for each kind of probe; a restart is what its liveness probe means. */
function probed(): Manifest {
  const containers = Object.entries(PROBED).map(([name, { script, port, probe }]) => ({
    ...container({ name, command: ['node', '-e', script], ports: [{ containerPort: port }] }),
    // What is broken says so at once; a slow answer of what is sound must not count.
    startupProbe: { ...probe, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 240 },
    livenessProbe: { ...probe, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 2 },
  }));
  const spec = { terminationGracePeriodSeconds: 1, containers };
  return workload(OPEN, 'Deployment', 'probed', {
    more: { template: { metadata: { labels: { app: 'probed' } }, spec } },
  });
}

function jobSpec(path: string): Raw {
  const { metadata, spec } = template('job', {
    container: { ports: [], command: ['node', '-e', CALL_ONCE(path)] },
  });
  return { backoffLimit: 0, template: { metadata, spec: { ...(spec as Raw), restartPolicy: 'Never' } } };
}

/** An injected pod as it would have come into another namespace, whose CA is not there. */
export function movedPod({ metadata, spec }: Pod, namespace: string): Manifest {
  const { nodeName: _, ...rest } = spec;
  const isToken = ({ name }: { name: string }) => name.startsWith('kube-api-access-');
  const unmounted = (one: Container) => ({
    ...one,
    volumeMounts: (one.volumeMounts ?? []).filter((m) => !isToken(m)),
  });
  return {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      namespace,
      name: 'moved',
      labels: { ...metadata.labels, app: 'moved' },
      annotations: metadata.annotations,
    },
    spec: {
      ...rest,
      containers: spec.containers.map(unmounted),
      initContainers: spec.initContainers?.map(unmounted),
      volumes: spec.volumes?.filter((volume) => !isToken(volume)),
    },
  };
}
