// What every scenario stands on: a temporary folder with files and certificates, the built programs, the upstream, and
// the peers, each started when it is first asked for. `close` leaves nothing behind.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { bundle } from '../../deploy/bundle.ts';
import { freePort } from '../../test/ports.ts';
import { type Ports, upstreamNginx } from './configurations.ts';
import { type Peer, type PeerName, startPeer } from './peers.ts';
import { accepting, checkPrograms, LOAD_CORE, output, pinSelf, start, stopAll } from './processes.ts';

/** Bytes of each file that the upstream serves, by its path. */
export const FILES: Record<string, number> = { '/300b': 300, '/10kb': 10 << 10, '/1mb': 1 << 20 };

const INTERRUPTED = 130;

export interface Stage {
  folder: string;
  /** Paths of our own Go programs and of the bundled sidecar. */
  programs: { load: string; sink: string; reverseProxy: string; sidecar: string };
  certificates: { ca: string; caKey: string; cert: string; key: string; both: string };
  upstream: Ports;
  profileFolder: string | undefined;
  /** A running peer; the same one each time. */
  peer(name: PeerName): Promise<Peer>;
}

/** What `withStage` may be told. */
export interface StageOptions {
  /** A bundle that exists already, instead of one of the sources as they are. */
  bundle: string | undefined;
  /** A folder for CPU profiles of the sidecars; they are written when the sidecars end. */
  profileFolder: string | undefined;
}

/** Builds and starts what is needed, hands it to `use`, and takes everything away again, also on Ctrl-C. */
export async function withStage<T>(options: StageOptions, use: (stage: Stage) => Promise<T>): Promise<T> {
  checkPrograms();
  pinSelf();
  const folder = await mkdtemp(join(tmpdir(), 'echoplane-bench-'));
  let closing: Promise<void> | null = null;
  const close = () => {
    closing ??= stopAll().then(() => rm(folder, { recursive: true, force: true }));
    return closing;
  };
  const interrupted = () => void close().finally(() => process.exit(INTERRUPTED));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupted);
  try {
    return await use(await setUp(folder, options));
  } catch (error) {
    // What an interrupt cut short is no failure; its handler ends the process.
    if (!closing) throw error;
    return await new Promise<never>(() => {});
  } finally {
    await close();
  }
}

async function setUp(folder: string, options: StageOptions): Promise<Stage> {
  const sidecar = options.bundle ?? (await bundle('sidecar'));
  const programs = { ...(await buildPrograms(folder)), sidecar };
  const certificates = await writeCertificates(folder);
  await mkdir(join(folder, 'files'));
  for (const [path, bytes] of Object.entries(FILES)) {
    await writeFile(join(folder, 'files', path), Buffer.alloc(bytes, 'the quick brown fox\n'));
  }
  const ports = { http: await freePort(), tls: await freePort(), h2c: await freePort() };
  const configuration = join(folder, 'upstream.conf');
  await writeFile(configuration, upstreamNginx(ports, { folder, ...certificates }));
  start(LOAD_CORE, ['nginx', '-e', join(folder, 'upstream.log'), '-c', configuration]);
  for (const port of Object.values(ports)) await accepting(port);

  const started = new Map<PeerName, Promise<Peer>>();
  const stage: Stage = {
    folder,
    programs,
    certificates,
    upstream: ports,
    profileFolder: options.profileFolder,
    peer(name) {
      const peer = started.get(name) ?? startPeer(name, stage);
      started.set(name, peer);
      return peer;
    },
  };
  return stage;
}

async function buildPrograms(folder: string): Promise<Omit<Stage['programs'], 'sidecar'>> {
  const go = (name: string) => join(folder, name.split('/').at(-1)!);
  for (const name of ['load', 'sink', 'peers/reverse-proxy']) {
    const goEnvironment = [
      'env',
      'GOFLAGS=',
      'GOPROXY=off',
      'GOTOOLCHAIN=local',
      `HOME=${process.env.HOME ?? folder}`,
    ];
    await output(LOAD_CORE, [
      ...goEnvironment,
      'go',
      'build',
      '-C',
      import.meta.dirname,
      '-o',
      go(name),
      `./${name}`,
    ]);
  }
  return {
    load: go('load'),
    sink: go('sink'),
    reverseProxy: go('reverse-proxy'),
  };
}

async function writeCertificates(folder: string): Promise<Stage['certificates']> {
  const path = (name: string) => join(folder, name);
  const root = await createAuthority({ commonName: 'Echoplane benchmark', days: 2 });
  const authority = await loadAuthority(root.certPem, root.keyPem);
  const { certPem, keyPem } = await authority.issue({ names: ['localhost', '127.0.0.1'], days: 2 });
  const files = { ca: root.certPem, caKey: root.keyPem, cert: certPem, key: keyPem, both: certPem + keyPem };
  for (const [name, text] of Object.entries(files))
    await writeFile(path(`${name}.pem`), text, { mode: 0o600 });
  await chmod(folder, 0o711);
  return {
    ca: path('ca.pem'),
    caKey: path('caKey.pem'),
    cert: path('cert.pem'),
    key: path('key.pem'),
    both: path('both.pem'),
  };
}
