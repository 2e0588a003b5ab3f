// One pod, one promise: what is added, what is refused, and what people are told.
import {
  CONTAINERS,
  type Container,
  INJECT_LABEL,
  type Pod,
  RESOLVED_ANNOTATION,
  STATUS_ANNOTATION,
} from '@echoplane/resources';
import { describe, expect, test } from 'vitest';
import type { PodFacts } from './contract.ts';
import { injectPod } from './inject-pod.ts';
import { FACTS } from './manifests.fixture.ts';

const POD_FACTS: PodFacts = { ...FACTS, wiring: null, replayId: null, isolate: false };
const WIRING: NonNullable<PodFacts['wiring']> = {
  workload: 'default/Deployment/shop',
  routing: 'sidecar',
  mocks: ['api.example.com:443', 'db:5432'],
  responderHost: 'responder.echoplane.svc',
  responderPort: 4160,
  hostAliases: [{ ip: '10.0.0.9', hostnames: ['api.example.com'] }],
  holdSeconds: 30,
};

function podOf(app: Partial<Container> = {}, spec: Partial<Pod['spec']> = {}, settings = {}): Pod {
  const resolved = JSON.stringify({ workload: { kind: 'Deployment', name: 'shop' }, settings });
  const container = { name: 'app', image: 'app', ports: [{ name: 'http', containerPort: 8080 }], ...app };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { labels: { [INJECT_LABEL]: 'true' }, annotations: { [RESOLVED_ANNOTATION]: resolved } },
    spec: { containers: [container], ...spec } as Pod['spec'],
  };
}

const inject = (pod: Pod, facts: Partial<PodFacts> = {}) => {
  const injected = injectPod(pod, { ...POD_FACTS, ...facts });
  const { initContainers = [], containers } = injected.object.spec;
  const named = (name: string) => [...initContainers, ...containers].find((one) => one.name === name);
  const envOf = (name: string): Record<string, string | undefined> =>
    Object.fromEntries((named(name)?.env ?? []).map((one) => [one.name, one.value]));
  const status = JSON.parse(injected.object.metadata.annotations?.[STATUS_ANNOTATION] ?? 'null');
  return { ...injected, named, envOf, status, reasons: injected.notes.map(({ reason }) => reason) };
};

describe('refused, with a Warning that says what to do', () => {
  test.each<[string, Pod, Partial<PodFacts>, string]>([
    ['user 4140', podOf({ securityContext: { runAsUser: 4140 } }), {}, 'SidecarIdentityInUse'],
    [
      'group 4140 of the pod',
      podOf({}, { securityContext: { runAsGroup: 4140 } }),
      {},
      'SidecarIdentityInUse',
    ],
    ['a port of ours', podOf({ ports: [{ containerPort: 4143 }] }), {}, 'PortInUse'],
    ['the health port', podOf({ ports: [{ containerPort: 4145 }] }), {}, 'PortInUse'],
    ['a container of our name', podOf({ name: CONTAINERS.sidecar }), {}, 'NameInUse'],
    ['Windows', podOf({}, { os: { name: 'windows' } }), {}, 'Windows'],
    [
      'no HTTP port, restricted',
      podOf({ ports: [{ containerPort: 5432 }] }),
      { podSecurity: 'restricted' },
      'PodSecurity',
    ],
    ['no port, node network', podOf({ ports: [] }, { hostNetwork: true }), {}, 'HostNetwork'],
    ['no port, mode dual', podOf({ ports: [] }, {}, { mode: 'dual' }), {}, 'NoTargetPort'],
    [
      'a Job, old kubelets',
      podOf({}, { restartPolicy: 'Never' }),
      { nativeSidecars: false },
      'NoNativeSidecars',
    ],
    ['bad settings', podOf({}, {}, { mode: 'x' }), {}, 'BadSettings'],
  ])('%s', (_, pod, facts, reason) => {
    const { object, refused, notes } = inject(pod, facts);
    expect(object).toBe(pod);
    expect(refused).not.toBeNull();
    expect(notes).toMatchObject([{ type: 'Warning', reason }]);
  });
});

test('a pod nobody asked for, and one that says hands off, stay as they are without a word', () => {
  const plain = podOf();
  const { metadata } = plain;
  for (const pod of [
    { ...plain, metadata: {} },
    {
      ...plain,
      metadata: { ...metadata, labels: { ...metadata.labels, 'operator.echoplane.dev/ignore': 'true' } },
    },
  ]) {
    const { object, refused, notes } = inject(pod);
    expect([object === pod, refused !== null, notes]).toEqual([true, true, []]);
  }
});

test('redirected: the redirect step has two capabilities and root, the sidecar nothing', () => {
  const { object, named, envOf, status } = inject(podOf());
  expect(object.spec.initContainers!.map(({ name }) => name)).toEqual([CONTAINERS.init, CONTAINERS.sidecar]);
  expect(named(CONTAINERS.init)!.securityContext).toMatchObject({
    runAsUser: 0,
    capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
  });
  const sidecar = named(CONTAINERS.sidecar)!;
  expect(sidecar).toMatchObject({
    restartPolicy: 'Always',
    startupProbe: { httpGet: { port: 4145 } },
    securityContext: {
      runAsUser: 4140,
      runAsGroup: 4140,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
    },
  });
  expect([sidecar.readinessProbe, sidecar.livenessProbe, sidecar.lifecycle]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(envOf(CONTAINERS.sidecar)).toMatchObject({
    ECHOPLANE_FORWARDER_HOST: 'echoplane-forwarder.echoplane.svc',
    ECHOPLANE_FORWARDER_PORT: '4150',
    ECHOPLANE_WORKLOAD: 'shop',
    ECHOPLANE_WORKLOAD_KIND: 'Deployment',
  });
  expect(status).toMatchObject({ mode: 'transparent', inbound: null });
});

test('without redirection the named port moves, the app is told of the proxy, and nobody needs a capability', () => {
  const { object, named, status, reasons } = inject(podOf(), { podSecurity: 'restricted' });
  expect(object.spec.initContainers!.map(({ name }) => name)).toEqual([CONTAINERS.sidecar]);
  expect(named(CONTAINERS.sidecar)!.securityContext).not.toHaveProperty('runAsUser');
  expect(named('app')!.ports).toEqual([{ name: 'http', containerPort: 4143 }]);
  expect(status).toMatchObject({ mode: 'dual', inbound: { name: 'http', from: 8080, to: 4143 } });
  expect(named('app')!.env!.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'HTTP_PROXY',
      'https_proxy',
      'NO_PROXY',
      'NODE_USE_ENV_PROXY',
      'JAVA_TOOL_OPTIONS',
    ]),
  );
  expect(reasons).toEqual(['PodSecurity', 'InboundMoved']);
});

test('a probe by tcpSocket asks the sidecar for the app, all others are as they were', () => {
  const probes = {
    livenessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 3 },
    readinessProbe: { httpGet: { path: '/ready', port: 'http' } },
    startupProbe: { tcpSocket: { port: 8080, host: 'elsewhere' } },
  };
  const { named, envOf } = inject(podOf(probes));
  expect(named('app')!.livenessProbe).toEqual({
    httpGet: { path: '/probe/tcp/8080', port: 4145, scheme: 'HTTP' },
    periodSeconds: 3,
  });
  expect([named('app')!.readinessProbe, named('app')!.startupProbe]).toEqual([
    probes.readinessProbe,
    probes.startupProbe,
  ]);
  expect(envOf(CONTAINERS.sidecar).ECHOPLANE_PROBES).toBe('8080/ready');
  expect(inject(podOf(probes), { podSecurity: 'restricted' }).named('app')!.livenessProbe).toHaveProperty(
    'httpGet',
  );
});

test('what the app sets itself is kept and reported, in either case', () => {
  const env = [
    { name: 'https_proxy', value: 'http://own:1' },
    { name: 'CURL_CA_BUNDLE', value: '/own.pem' },
  ];
  const { envOf, notes } = inject(podOf({ env }, {}, { mode: 'dual', 'tls-out': 'true' }));
  expect(envOf('app')).toMatchObject({ https_proxy: 'http://own:1', CURL_CA_BUNDLE: '/own.pem' });
  expect(envOf('app')).not.toHaveProperty('HTTPS_PROXY');
  expect(envOf('app')).toHaveProperty('HTTP_PROXY');
  expect(notes.map(({ reason, message }) => [reason, /sets (\w+)/.exec(message)?.[1]])).toEqual(
    expect.arrayContaining([
      ['ProxyNotSet', 'https_proxy'],
      ['TrustNotSet', 'CURL_CA_BUNDLE'],
    ]),
  );
});

describe('wired to a replay', () => {
  const facts = { wiring: WIRING, replayId: 'r1', isolate: true };

  test('sidecar routing: mocks, the responder, TLS opened, tagged, isolated, held', () => {
    const { object, envOf, status } = inject(podOf(), facts);
    expect(object.spec.initContainers!.map(({ name }) => name)).toEqual(Object.values(CONTAINERS));
    expect(object.spec.hostAliases).toBeUndefined();
    expect(envOf(CONTAINERS.sidecar)).toMatchObject({
      ECHOPLANE_MOCKS: 'api.example.com:443,db:5432',
      ECHOPLANE_RESPONDER_HOST: 'responder.echoplane.svc',
      ECHOPLANE_RESPONDER_PORT: '4160',
      ECHOPLANE_TLS_OUT: 'true',
      ECHOPLANE_TAGS: 'replay=r1',
      ECHOPLANE_ISOLATE: 'true',
    });
    expect(envOf(CONTAINERS.hold)).toEqual({
      ECHOPLANE_RESPONDER_HOST: 'responder.echoplane.svc',
      ECHOPLANE_RESPONDER_PORT: '4160',
      ECHOPLANE_HOLD_SECONDS: '30',
    });
    expect(envOf('app')).toHaveProperty('SSL_CERT_FILE');
    expect(status.replay).toBe('r1');
  });

  test('hostalias routing: names only', () => {
    const { object, envOf } = inject(podOf(), { ...facts, wiring: { ...WIRING, routing: 'hostalias' } });
    expect(object.spec.hostAliases).toEqual(WIRING.hostAliases);
    expect(envOf(CONTAINERS.sidecar)).not.toHaveProperty('ECHOPLANE_MOCKS');
    expect(envOf('app')).toHaveProperty('SSL_CERT_FILE');
  });

  test('hostalias routing in the network of the node is said to be impossible', () => {
    const wiring = { ...WIRING, routing: 'hostalias' as const };
    const { object, reasons } = inject(podOf({}, { hostNetwork: true }), { ...facts, wiring });
    expect(object.spec.hostAliases).toBeUndefined();
    expect(reasons).toContain('HostNetwork');
  });

  test('wiring and its end change nothing else of the pod', () => {
    const [wired, plain] = [inject(podOf(), facts).object, inject(podOf()).object];
    expect(inject(wired).object).toEqual(plain);
    expect(inject(plain, facts).object).toEqual(wired);
  });
});

test('a mesh is told to leave our ports alone, beside those it was told before', () => {
  const pod = podOf();
  const istio = 'traffic.sidecar.istio.io/exclude';
  pod.metadata.annotations![`${istio}OutboundPorts`] = '3306,4000-4200';
  const { annotations = {} } = inject(pod, {
    namespaceMarks: { 'istio-injection': 'enabled', 'linkerd.io/inject': 'enabled' },
  }).object.metadata;
  expect([annotations[`${istio}InboundPorts`], annotations[`${istio}OutboundPorts`]]).toEqual([
    '4145',
    '3306,4000-4200',
  ]);
  expect(annotations['config.linkerd.io/skip-inbound-ports']).toBe('4145');
  expect(annotations['config.linkerd.io/skip-outbound-ports']).toBe('4150');
  expect(Object.keys(inject(podOf()).object.metadata.annotations!).join()).not.toMatch(/istio|linkerd/);
});

test('old kubelets: an ordinary container after the app’s, and init containers that are told of no proxy', () => {
  const initContainers = [{ name: 'migrate', image: 'app' }];
  const { object, named } = inject(podOf({}, { initContainers }), { nativeSidecars: false });
  expect(object.spec.containers.map(({ name }) => name)).toEqual(['app', CONTAINERS.sidecar]);
  expect(named(CONTAINERS.sidecar)).not.toHaveProperty('restartPolicy');
  expect(named('migrate')).toEqual(initContainers[0]);
});

test('a Guaranteed pod is told that it is not any more, unless the sidecar’s limits keep it so', () => {
  const resources = { limits: { cpu: '1', memory: '1Gi' } };
  expect(inject(podOf({ resources })).reasons).toEqual(['QualityOfService']);
  const equal = { 'cpu-request': '1', 'cpu-limit': '1', 'memory-request': '1Gi', 'memory-limit': '1Gi' };
  expect(inject(podOf({ resources }, {}, equal)).reasons).toEqual([]);
});

test('resources of the whole pod leave ours out', () => {
  const { named } = inject(podOf({}, { resources: { limits: { cpu: '1' } } }));
  expect(named(CONTAINERS.sidecar)).not.toHaveProperty('resources');
});

describe('Secrets for the registry', () => {
  const secrets = (own: object[] | undefined, ...names: string[]) => {
    const pod = podOf({}, own ? { imagePullSecrets: own } : {});
    return inject(pod, { imagePullSecrets: names.map((name) => ({ name })) }).object.spec.imagePullSecrets;
  };
  test('come after the pod’s own, each once; without any the pod says nothing of them', () => {
    expect(secrets([{ name: 'a' }], 'a', 'b')).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect(secrets(undefined, 'b')).toEqual([{ name: 'b' }]);
    expect(secrets(undefined)).toBeUndefined();
  });
});
