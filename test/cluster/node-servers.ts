// The servers of a node, each with its flags and files: containerd with its CNI network, etcd, the four of the control
// plane, kubelet, kube-proxy and CoreDNS. They are started in the order of need. Of the cluster's objects it knows none.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apiServerFlags, etcdFlags, isReady } from './api-server.ts';
import { coreDns, etcd, kubeServer, type ServerName } from './binaries.ts';
import type { Credentials } from './credentials.ts';
import type { NodePlace } from './node-namespaces.ts';
import { untilReady } from './processes.ts';

const START_DEADLINE_MS = 180_000;
const ETCD_URL = 'http://127.0.0.1:2379';
export const API_PORT = 6443;
/** Debian's place for them. */
export const CNI_PLUGINS = '/usr/lib/cni';
export const PAUSE_IMAGE = 'docker.io/local/pause:test';
/** Where containerd is by convention; /run is the node's own. */
const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
const DNS_READY_PORT = 8181;
const PROXY_HEALTH_PORT = 10256;

/** Starts containerd; ready when it answers. */
export async function startContainerd(place: NodePlace): Promise<void> {
  const { folder, addresses } = place;
  const at = (name: string) => join(folder, name);
  await mkdir(at('cni/net.d'), { recursive: true });
  await writeFile(at('cni/net.d/10-test.conflist'), cniConfig(at('cni/ipam'), addresses.pods));
  await writeFile(at('containerd.toml'), containerdConfig(folder));
  const server = place.start('containerd', ['containerd', '--config', at('containerd.toml')]);
  const answers = () => place.exec(['ctr', 'version']).then(() => true);
  await untilReady(server, answers, START_DEADLINE_MS);
}

/** Starts etcd and the API server, which the machine reaches at `url`; ready when the latter says so. */
export async function startApi(place: NodePlace, credentials: Credentials, url: string): Promise<void> {
  const { node, nodeOnLink, apiService, services } = place.addresses;
  place.start('etcd', [etcd(), ...etcdFlags(ETCD_URL, join(place.folder, 'etcd'))]);
  const admin = await credentials.issue('apiserver-client', {
    commonName: 'kube-apiserver',
    groups: ['system:masters'],
  });
  const kubernetes = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const serving = await credentials.issue('apiserver', {
    commonName: 'kube-apiserver',
    names: ['127.0.0.1', node, nodeOnLink, apiService, ...kubernetes, `${kubernetes[2]}.cluster.local`],
  });
  const server = await startKube(place, 'kube-apiserver', [
    ...apiServerFlags(credentials, serving, { etcdUrl: ETCD_URL, services }),
    ...['--bind-address=0.0.0.0', `--secure-port=${API_PORT}`, `--advertise-address=${node}`],
    ...['--authorization-mode=Node,RBAC', '--enable-admission-plugins=NodeRestriction'],
    `--kubelet-certificate-authority=${credentials.caFile}`,
    ...[`--kubelet-client-certificate=${admin.certFile}`, `--kubelet-client-key=${admin.keyFile}`],
    '--kubelet-preferred-address-types=InternalIP,Hostname',
  ]);
  await untilReady(server, () => isReady(url, credentials.caFile), START_DEADLINE_MS);
}

/** Starts what makes a cluster of it: controllers, scheduler, kubelet, the proxy of Services and DNS. */
export async function startNodeServers(place: NodePlace, credentials: Credentials): Promise<void> {
  const url = `https://${place.addresses.node}:${API_PORT}`;
  const user = (fileName: string, commonName: string) =>
    credentials.kubeconfig(fileName, { commonName }, url);
  await startKubelet(place, credentials, url);
  await startControllers(place, credentials, await user('controllers', 'system:kube-controller-manager'));
  const scheduler = await user('scheduler', 'system:kube-scheduler');
  await startKube(place, 'kube-scheduler', [...threefold(scheduler), '--leader-elect=false']);
  const proxy = await startProxy(place, await user('proxy', 'system:kube-proxy'));
  const dns = await startDns(place, await user('dns', 'system:coredns'));
  await untilReady(proxy, isOk(place, PROXY_HEALTH_PORT, '/healthz'), START_DEADLINE_MS);
  await untilReady(dns, isOk(place, DNS_READY_PORT, '/ready'), START_DEADLINE_MS);
}

const threefold = (kubeconfig: string) => [
  ...[`--kubeconfig=${kubeconfig}`, `--authentication-kubeconfig=${kubeconfig}`],
  `--authorization-kubeconfig=${kubeconfig}`,
];

async function startKube(place: NodePlace, name: ServerName, flags: string[]) {
  return place.start(name, [await kubeServer(name), ...flags]);
}

function isOk({ addresses }: NodePlace, port: number, path: string): () => Promise<boolean> {
  const url = `http://${addresses.nodeOnLink}:${port}${path}`;
  return () => fetch(url, { signal: AbortSignal.timeout(2_000) }).then((answer) => answer.ok);
}

function startControllers(place: NodePlace, credentials: Credentials, kubeconfig: string) {
  const { caFile, caKeyFile, tokenKeyFile } = credentials;
  return startKube(place, 'kube-controller-manager', [
    ...threefold(kubeconfig),
    ...[`--service-account-private-key-file=${tokenKeyFile}`, `--root-ca-file=${caFile}`],
    ...[`--cluster-signing-cert-file=${caFile}`, `--cluster-signing-key-file=${caKeyFile}`],
    ...['--use-service-account-credentials=true', '--leader-elect=false', '--allocate-node-cidrs=false'],
    // A test waits for what a user would not notice.
    ...['--kube-api-qps=200', '--kube-api-burst=400'],
  ]);
}

async function startKubelet(place: NodePlace, credentials: Credentials, url: string): Promise<void> {
  const { nodeName, node } = place.addresses;
  const identity = { commonName: `system:node:${nodeName}`, groups: ['system:nodes'] };
  const kubeconfig = await credentials.kubeconfig('kubelet', identity, url);
  const serving = await credentials.issue('kubelet-serving', { ...identity, names: [nodeName, node] });
  const config = join(place.folder, 'kubelet.json');
  await writeFile(config, JSON.stringify(kubeletConfig(place, credentials, serving)));
  await startKube(place, 'kubelet', [
    ...[`--config=${config}`, `--kubeconfig=${kubeconfig}`, `--root-dir=${join(place.folder, 'kubelet')}`],
    ...[`--hostname-override=${nodeName}`, `--node-ip=${node}`],
  ]);
}

function kubeletConfig(
  { folder, cgroup, addresses }: NodePlace,
  { caFile }: Credentials,
  serving: { certFile: string; keyFile: string },
) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: caFile },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: serving.certFile,
    tlsPrivateKeyFile: serving.keyFile,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupDriver: 'cgroupfs',
    // Two kubelets would otherwise remove each other's pods' cgroups.
    cgroupRoot: cgroup,
    failSwapOn: false,
    clusterDomain: 'cluster.local',
    clusterDNS: [addresses.dnsService],
    resolvConf: join(folder, 'resolv.conf'),
    // Images that cannot be pulled again are never collected.
    imageGCHighThresholdPercent: 100,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'imagefs.available': '1%',
      'nodefs.inodesFree': '1%',
    },
  };
}

function startProxy(place: NodePlace, kubeconfig: string) {
  const { nodeName, pods } = place.addresses;
  return startKube(place, 'kube-proxy', [
    ...[`--kubeconfig=${kubeconfig}`, '--proxy-mode=iptables', `--cluster-cidr=${pods}`],
    ...[`--hostname-override=${nodeName}`, `--healthz-bind-address=0.0.0.0:${PROXY_HEALTH_PORT}`],
    // These are the whole machine's: left alone.
    '--conntrack-max-per-core=0',
    ...['--conntrack-tcp-timeout-established=0', '--conntrack-tcp-timeout-close-wait=0'],
    ...['--iptables-min-sync-period=100ms'],
  ]);
}

async function startDns(place: NodePlace, kubeconfig: string) {
  const at = (name: string) => join(place.folder, name);
  await writeFile(at('dns-hosts'), '');
  await writeFile(at('Corefile'), corefile(kubeconfig, at('dns-hosts')));
  return place.start('coredns', [await coreDns(), '-conf', at('Corefile')]);
}

/** Names of `hosts` first, then the cluster's, and for all others that there is no such name. */
function corefile(kubeconfig: string, hosts: string): string {
  return `.:53 {
  errors
  health 127.0.0.1:8090
  ready :${DNS_READY_PORT}
  cache 1
  hosts ${hosts} {
    ttl 1
    reload 500ms
    fallthrough
  }
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${kubeconfig} test
    ttl 1
    fallthrough in-addr.arpa
  }
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`;
}

function containerdConfig(folder: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${folder}/containerd/root"
state = "${folder}/containerd/state"
disabled_plugins = [${['btrfs', 'zfs', 'aufs', 'devmapper'].map((name) => `"io.containerd.snapshotter.v1.${name}"`).join(', ')}]
[grpc]
  address = "${CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/containerd/opt"
[${cri}]
  sandbox_image = "${PAUSE_IMAGE}"
  # Not every machine lets root lower a process's score.
  restrict_oom_score_adj = true
[${cri}.cni]
  bin_dir = "${CNI_PLUGINS}"
  conf_dir = "${folder}/cni/net.d"
[${cri}.containerd]
  snapshotter = "overlayfs"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
`;
}

function cniConfig(dataDir: string, subnet: string): string {
  const portmap = { type: 'portmap', capabilities: { portMappings: true } };
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: 'test',
    plugins: [cniBridge(dataDir, subnet), portmap],
  });
}

/** Settings of the plugin that connects a pod: a bridge, with addresses from `subnet`. */
export function cniBridge(dataDir: string, subnet: string) {
  const ipam = { type: 'host-local', dataDir, ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] };
  return { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: true, hairpinMode: true, ipam };
}
