// What the app is told: of the proxy where its connections are not redirected, and of our CA. A variable that the app
// sets itself is never overridden, whichever case it is written in; it is reported.
import { type Container, type EnvVar, VOLUMES, type VolumeMount } from '@echoplane/resources';
import type { Note } from './contract.ts';
import { MOUNTS, TRUST_FILES } from './own-names.ts';
import { isProxied, type Plan } from './plan.ts';

const TRUST_VARIABLES = [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'AWS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
];
/** Where distributions keep their roots: Debian, Red Hat (two), SUSE, Alpine. */
const BUNDLE_PATHS = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];
const JAVA = 'JAVA_TOOL_OPTIONS';
const TRUSTSTORE_PASSWORD = 'changeit';
/** The Kubernetes API verifies by its own CA and is none of a recording. */
const DIRECT = [
  ...['localhost', '127.0.0.1', '::1', '$(KUBERNETES_SERVICE_HOST)'],
  ...['kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'],
];

/** Changes the app's containers; the notes say what could not be. */
export function tellApp(containers: readonly Container[], plan: Plan): Note[] {
  return containers.flatMap((container) => {
    const java: string[] = [];
    const notes: Note[] = [];
    if (isProxied(plan)) {
      notes.push(...setVariables(container, proxyVariables(plan), 'ProxyNotSet'));
      java.push(...javaProxy(plan));
    }
    if (plan.givesTrust) {
      const way = plan.settings['tls-trust'];
      mount(container, [{ name: VOLUMES.trust, mountPath: MOUNTS.trust, readOnly: true }]);
      if (way === 'env') {
        const variables = TRUST_VARIABLES.map((name) => ({ name, value: TRUST_FILES.bundle }));
        notes.push(...setVariables(container, variables, 'TrustNotSet'));
      }
      if (way === 'mount') notes.push(...mountBundles(container));
      if (way === 'java') java.push(...javaTrust());
    }
    notes.push(...setJava(container, java));
    const isUnseen = (container.envFrom?.length ?? 0) > 0 && (isProxied(plan) || plan.givesTrust);
    if (isUnseen) notes.push(unseen(container));
    return notes;
  });
}

function proxyVariables({ settings }: Plan): EnvVar[] {
  const address = `127.0.0.1:${settings['out-port']}`;
  const value = settings.protocol.endsWith('socks') ? `socks5h://${address}` : `http://${address}`;
  const names = settings.protocol.endsWith('socks') ? ['ALL_PROXY'] : ['HTTP_PROXY', 'HTTPS_PROXY'];
  const both = names.flatMap((name) => [name, name.toLowerCase()]);
  return [
    ...both.map((name) => ({ name, value })),
    ...['NO_PROXY', 'no_proxy'].map((name) => ({ name, value: DIRECT.join() })),
    ...(settings.protocol.endsWith('socks') ? [] : [{ name: 'NODE_USE_ENV_PROXY', value: '1' }]),
  ];
}

function javaProxy({ settings }: Plan): string[] {
  const port = settings['out-port'];
  if (settings.protocol.endsWith('socks')) return ['-DsocksProxyHost=127.0.0.1', `-DsocksProxyPort=${port}`];
  return [
    ...['http', 'https'].flatMap((scheme) => [
      `-D${scheme}.proxyHost=127.0.0.1`,
      `-D${scheme}.proxyPort=${port}`,
    ]),
    '-Dhttp.nonProxyHosts=localhost|127.*|[::1]|kubernetes.default.svc|$(KUBERNETES_SERVICE_HOST)',
  ];
}

function javaTrust(): string[] {
  return [
    `-Djavax.net.ssl.trustStore=${TRUST_FILES.truststore}`,
    `-Djavax.net.ssl.trustStorePassword=${TRUSTSTORE_PASSWORD}`,
    '-Djavax.net.ssl.trustStoreType=JKS',
  ];
}

function setVariables(container: Container, variables: readonly EnvVar[], reason: string): Note[] {
  const own = new Map((container.env ?? []).map(({ name, value }) => [name.toUpperCase(), { name, value }]));
  const kept = variables.filter(({ name }) => own.has(name.toUpperCase()));
  const set = variables.filter(({ name }) => !own.has(name.toUpperCase()));
  if (set.length > 0) container.env = [...(container.env ?? []), ...set];
  const names = [...new Set(kept.map(({ name }) => own.get(name.toUpperCase())!.name))];
  if (names.length === 0) return [];
  const message = `Container ${container.name} sets ${names.join(', ')} itself, which stays as it is.`;
  return [{ type: 'Warning', reason, message }];
}

/** Java reads its options from one variable, which may hold others. */
function setJava(container: Container, options: readonly string[]): Note[] {
  if (options.length === 0) return [];
  const env = container.env ?? [];
  const index = env.findIndex(({ name }) => name === JAVA);
  const own = env[index];
  if (!own) {
    container.env = [...env, { name: JAVA, value: options.join(' ') }];
    return [];
  }
  const had = own.value ?? '';
  const clash = options.find((option) => had.includes(option.split('=')[0]!));
  if (own.valueFrom === undefined && clash === undefined) {
    env[index] = { ...own, value: [had, ...options].filter((part) => part !== '').join(' ') };
    return [];
  }
  const why = clash ? `has ${clash.split('=')[0]} already` : 'takes it from elsewhere';
  const message = `Container ${container.name} ${why} in ${JAVA}, which stays as it is.`;
  return [{ type: 'Warning', reason: 'JavaOptionsNotSet', message }];
}

function mountBundles(container: Container): Note[] {
  const mounts = container.volumeMounts ?? [];
  const isTaken = (path: string) =>
    mounts.find(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath.replace(/\/$/, '')}/`));
  const taken = BUNDLE_PATHS.filter(isTaken);
  const free = BUNDLE_PATHS.filter((path) => !isTaken(path));
  mount(
    container,
    free.map((mountPath) => ({
      name: VOLUMES.trust,
      mountPath,
      subPath: 'ca-bundle.pem',
      readOnly: true,
    })),
  );
  if (taken.length === 0) return [];
  const message = `Container ${container.name} mounts ${taken.join(', ')} itself, which stays as it is.`;
  return [{ type: 'Warning', reason: 'TrustNotSet', message }];
}

function mount(container: Container, mounts: readonly VolumeMount[]): void {
  container.volumeMounts = [...(container.volumeMounts ?? []), ...mounts];
}

function unseen(container: Container): Note {
  const message = `Container ${container.name} takes variables from envFrom, which cannot be seen here: where it sets a proxy or a root file itself, ours wins.`;
  return { type: 'Normal', reason: 'EnvFromNotSeen', message };
}
