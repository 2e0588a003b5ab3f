// What is in the image beside our programs: Node, `nft`, the libraries both are linked to, those that resolve names, root
// certificates, and the few files of /etc. All is taken from a Debian file system (the machine's own, or the folder of
// another architecture's) and found by reading ELF files, so that nothing of it has to run.
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { NODE_PATH, SIDECAR_UID } from '@echoplane/resources';
import { linkageOf } from './elf.ts';
import type { Entry } from './layer.ts';

export type Architecture = 'amd64' | 'arm64';
const TRIPLE: Record<Architecture, string> = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
/** Loaded by glibc when a name is resolved, without being linked; since glibc 2.34 most of it is in libc itself. */
const RESOLVERS = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];

const ETC: Record<string, string> = {
  passwd: `root:x:0:0:root:/:/sbin/nologin\nechoplane:x:${SIDECAR_UID}:${SIDECAR_UID}:echoplane:/tmp:/sbin/nologin\n`,
  group: `root:x:0:\nechoplane:x:${SIDECAR_UID}:\n`,
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n',
  // What nft calls by name.
  protocols: 'ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\n',
};

export interface RootSource {
  architecture: Architecture;
  /** A Debian file system of that architecture. */
  root: string;
  /** Node's binary for it. */
  node: string;
}

/** Node with its libraries and /etc: what the demo image has too. */
export async function nodeFiles(source: RootSource): Promise<Entry[]> {
  const node = await readFile(source.node);
  return [
    { path: NODE_PATH, content: node, mode: 0o755 },
    ...(await libraries(source, [node], RESOLVERS)),
    ...Object.entries(ETC).map(([name, content]) => ({ path: `/etc/${name}`, content })),
    // Node's own copy of Mozilla's roots: the machine's may have been added to.
    { path: '/etc/ssl/certs/ca-certificates.crt', content: `${rootCertificates.join('\n')}\n` },
    { path: '/tmp', mode: 0o1777 },
    { path: '/lib', link: 'usr/lib' },
    { path: '/lib64', link: 'usr/lib64' },
  ];
}

/** `nft` and its libraries, for the redirection step. */
export async function nftFiles(source: RootSource): Promise<Entry[]> {
  const nft = await readFile(join(source.root, 'usr/sbin/nft')).catch(() => {
    throw new Error(
      `There is no usr/sbin/nft below ${source.root}; install the Debian package nftables there.`,
    );
  });
  return [{ path: '/usr/sbin/nft', content: nft, mode: 0o755 }, ...(await libraries(source, [nft], []))];
}

/** Everything `files` are linked to, directly or not, and of `wanted` what is there. */
export async function libraries(
  source: RootSource,
  files: readonly Buffer[],
  wanted: readonly string[],
): Promise<Entry[]> {
  const found = new Map<string, Entry>();
  const queue: { name: string; isNeeded: boolean; path?: string }[] = [];
  const follow = (file: Buffer) => {
    const linkage = linkageOf(file);
    for (const name of linkage?.needed ?? []) queue.push({ name, isNeeded: true });
    if (linkage?.loader) queue.push({ name: basename(linkage.loader), isNeeded: true, path: linkage.loader });
  };
  for (const file of files) follow(file);
  for (const name of wanted) queue.push({ name, isNeeded: false });
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { name, isNeeded, path } = next;
    const target = path ? `/usr${path}` : `/usr/lib/${TRIPLE[source.architecture]}/${name}`;
    if (found.has(target) || (!path && name.startsWith('ld-linux'))) continue;
    const content = await readLibrary(source, path ?? target, name);
    if (!content && !isNeeded) continue;
    if (!content)
      throw new Error(`${name} is not below ${source.root}; install the Debian package that has it there.`);
    found.set(target, { path: target, content, mode: 0o755 });
    follow(content);
  }
  return [...found.values()];
}

/** Libraries are in usr/lib and, on a system whose /lib is still a folder, there. */
async function readLibrary(source: RootSource, path: string, name: string): Promise<Buffer | null> {
  for (const candidate of [path, `/lib/${TRIPLE[source.architecture]}/${name}`]) {
    const file = join(source.root, candidate);
    // In the folder of another system an absolute link would lead out of it.
    const real = await realpath(file).catch(() => null);
    if (real && (await stat(real)).isFile()) return readFile(real);
  }
  return null;
}
