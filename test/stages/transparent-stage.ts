// A pod in a network namespace of its own, with a real sidecar in transparent mode, and all that is behind it: an outside
// with servers and clients, a forwarder that wants a certificate, a control plane, and a Postgres. Needs root. For tests
// only; what passes and what must be captured then is the test's.
//
//   pod: app, sidecar ──cable── outside: HTTP, HTTPS, gRPC; passages ──folder── this machine: Postgres, forwarder
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, readdir } from 'node:fs/promises';
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ApiClient } from '@echoplane/api';
import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { RRPair } from '@echoplane/traffic';
import { clientOf, DataPath, type Server, type Tenant } from '../data-path-stage.ts';
import { SUPERUSER, SUPERUSER_PASSWORD } from '../postgres.ts';
import { type Ended, type Program, ProgramStage } from '../program-stage.ts';
import type { OriginSettings } from './transparent-origin.ts';

export const POD = { 4: '10.79.0.2', 6: 'fd79::2' } as const;
export const OUTSIDE = { 4: '10.79.0.1', 6: 'fd79::1' } as const;
/** The name in the certificate of the outside's servers. */
export const SERVER_NAME = 'api.test';
export const PORTS = { app: 8080, http: 80, https: 443, grpc: 50_051, postgres: 5432, forwarder: 4150 };

const APP = 1000;
const SIDECAR = 4140;
const SIDECAR_MAIN = fileURLToPath(new URL('../../packages/sidecar/src/main.ts', import.meta.url));
const ORIGIN = fileURLToPath(new URL('./transparent-origin.ts', import.meta.url));
const PATH = process.env.PATH ?? '';
const run = promisify(execFile);

// The near end of a passage: the network namespaces share the file system.
const PASSAGE = `
const { connect, createServer } = require('node:net');
const [port, path] = process.argv.slice(1);
createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ path, allowHalfOpen: true });
  for (const [from, to] of [[near, far], [far, near]]) from.on('error', () => to.destroy()).pipe(to);
}).listen(Number(port), '::', () => console.log('{"event":"ready"}'));`;

/** A connection through a passage: bytes of its client and of its server. */
export interface Passed {
  port: number;
  sentBytes: number;
  receivedBytes: number;
}

export class TransparentStage {
  readonly data: DataPath;
  readonly passed: Passed[] = [];
  readonly #programs: ProgramStage;
  readonly #names: { pod: string; outside: string };
  readonly #servers: NetServer[] = [];
  #tenant!: Tenant;
  #forwarder!: Server;
  #client!: ApiClient;
  #settings: Record<string, string> = {};

  private constructor(data: DataPath, programs: ProgramStage) {
    this.data = data;
    this.#programs = programs;
    const id = randomBytes(4).toString('hex');
    this.#names = { pod: `ep-${id}-pod`, outside: `ep-${id}-out` };
  }

  /** Everything but the sidecar and its rules. */
  static async open(): Promise<TransparentStage> {
    const stage = new TransparentStage(await DataPath.open(), await ProgramStage.open());
    try {
      await stage.#startNetwork();
      await stage.#startServers();
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) server.close();
    await this.#programs.close();
    for (const name of Object.values(this.#names)) await run('ip', ['netns', 'del', name]).catch(() => {});
    await this.data.close();
  }

  get forwarder(): Server {
    return this.#forwarder;
  }

  get client(): ApiClient {
    return this.#client;
  }

  /** The roots that `sidecar init` wrote for the app. */
  get bundle(): string {
    return join(this.#settings.ECHOPLANE_TRUST_FOLDER!, 'ca-bundle.pem');
  }

  /** Runs a command of the app to its end. */
  app(env: Record<string, string>, command: string, ...args: string[]): Promise<Ended> {
    return this.#start('pod', APP, [command, ...args], env).ended;
  }

  /** Runs a command outside to its end. */
  outside(command: string, ...args: string[]): Promise<Ended> {
    return this.#start('outside', 0, [command, ...args]).ended;
  }

  /** The app asks the real Postgres outside. */
  psql(sql: string): Promise<Ended> {
    const env = { PGPASSWORD: SUPERUSER_PASSWORD };
    return this.app(env, 'psql', '-h', OUTSIDE[4], '-U', SUPERUSER, '-d', 'postgres', '-Atc', sql);
  }

  /** `sidecar init` or `sidecar cleanup`, as root of the pod; further settings without their prefix. */
  prepare(command: 'init' | 'cleanup', settings: Record<string, string> = {}): Promise<Ended> {
    const more = Object.entries(settings).map(([name, value]) => [`ECHOPLANE_${name}`, value]);
    const env = { ...this.#settings, ...Object.fromEntries(more) };
    return this.#start('pod', 0, [process.execPath, SIDECAR_MAIN, command], env).ended;
  }

  /** Starts the sidecar, without any right. */
  async sidecar(): Promise<Program> {
    const program = this.#start('pod', SIDECAR, [process.execPath, SIDECAR_MAIN], this.#settings);
    await program.event('ready');
    return program;
  }

  /** How many pairs the forwarder has acknowledged. */
  async delivered(): Promise<number> {
    const curl = ['curl', '-sS', 'http://127.0.0.1:4145/metrics'];
    const page = (await this.#must(this.#start('pod', SIDECAR, curl))).stdout;
    return Number(/^echoplane_pairs_delivered_total (\d+)$/m.exec(page)?.[1]);
  }

  /** A command as root of the pod that must succeed; its output. */
  async asRoot(...command: string[]): Promise<string> {
    return (await this.#must(this.#start('pod', 0, command))).stdout;
  }

  /** What the forwarder has stored, by the tools a user has. */
  async stored(): Promise<RRPair[]> {
    const folder = join(this.data.storeDir, this.#tenant.id, 'segments');
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ndjson.zst'));
    const paths = files.map((name) => join(folder, name));
    const { stdout } = await run('zstd', ['-dc', ...paths], { maxBuffer: 64 << 20 });
    const pairs = stdout.trimEnd().split('\n');
    return pairs.map((line) => RRPair.parse(JSON.parse(line))).toSorted((a, b) => a.ts - b.ts);
  }

  async #startNetwork(): Promise<void> {
    const { pod, outside } = this.#names;
    for (const name of [pod, outside]) await run('ip', ['netns', 'add', name]);
    const cable = `link add eth0 netns ${pod} type veth peer name eth0 netns ${outside}`;
    await run('ip', cable.split(' '));
    for (const [name, addresses] of [
      [pod, POD],
      [outside, OUTSIDE],
    ] as const) {
      const ip = (command: string) => run('ip', ['-n', name, ...command.split(' ')]);
      await ip('link set lo up');
      await ip(`addr add ${addresses[4]}/24 dev eth0`);
      await ip(`addr add ${addresses[6]}/64 dev eth0 nodad`);
      await ip('link set eth0 up');
    }
  }

  async #startServers(): Promise<void> {
    const { folder } = this.#programs;
    await chmod(folder, 0o755);
    this.#tenant = await this.data.tenant('acme');
    const replica = await this.data.replica('replica');
    this.#client = clientOf(replica.url, this.#tenant.apiKey);

    const theirs = await createAuthority({ commonName: 'Payments', days: 30 });
    const { certPem, keyPem } = await (await loadAuthority(theirs.certPem, theirs.keyPem)).leaf(SERVER_NAME);
    const { app, http, https, grpc } = PORTS;
    await this.#origin('outside', 0, {
      httpPort: http,
      tls: { certPem, keyPem, httpsPort: https, grpcPort: grpc },
    });
    await this.#origin('pod', APP, { httpPort: app });

    this.#forwarder = await this.data.forwarder(this.#tenant, replica.url, await this.#streamFiles());
    await this.#passage(PORTS.forwarder, this.#forwarder.port);
    await this.#passage(PORTS.postgres, this.data.postgres.port);

    const ours = await createAuthority({ commonName: 'Echoplane', days: 30 });
    Object.assign(this.#settings, {
      ECHOPLANE_MODE: 'transparent',
      ECHOPLANE_HOST: '0.0.0.0',
      ECHOPLANE_WORKLOAD: 'shop',
      ECHOPLANE_TLS_OUT: 'true',
      ECHOPLANE_CA_CERT_FILE: await this.#programs.file('ca.pem', ours.certPem),
      ECHOPLANE_CA_KEY_FILE: await this.#sidecarsOwn('ca.key', ours.keyPem),
      ECHOPLANE_UPSTREAM_CA_FILES: await this.#programs.file('theirs.pem', theirs.certPem),
      ECHOPLANE_TRUST_FOLDER: join(folder, 'trust'),
    });
  }

  /** Certificates for the capture stream: the settings of the forwarder; those of the sidecar are kept. */
  async #streamFiles(): Promise<Record<string, string>> {
    const root = await createAuthority({ commonName: 'Cluster', days: 30 });
    const authority = await loadAuthority(root.certPem, root.keyPem);
    const served = await authority.issue({ names: ['forwarder.test'], days: 30 });
    const shown = await authority.issue({ names: ['shop-1'], days: 30, usage: 'clientAuth' });
    const roots = await this.#programs.file('cluster.pem', root.certPem);
    Object.assign(this.#settings, {
      ECHOPLANE_FORWARDER_HOST: OUTSIDE[4],
      ECHOPLANE_FORWARDER_PORT: String(PORTS.forwarder),
      ECHOPLANE_FORWARDER_NAME: 'forwarder.test',
      ECHOPLANE_FORWARDER_CA_FILE: roots,
      ECHOPLANE_FORWARDER_CERT_FILE: await this.#programs.file('shown.pem', shown.certPem),
      ECHOPLANE_FORWARDER_KEY_FILE: await this.#sidecarsOwn('shown.key', shown.keyPem),
    });
    return {
      ECHOPLANE_TLS_CERT_FILE: await this.#programs.file('served.pem', served.certPem),
      ECHOPLANE_TLS_KEY_FILE: await this.#programs.file('served.key', served.keyPem),
      ECHOPLANE_TLS_CLIENT_CA_FILE: roots,
    };
  }

  /** A file that nobody but the sidecar can read. */
  async #sidecarsOwn(name: string, text: string): Promise<string> {
    const path = await this.#programs.file(name, text);
    await chmod(path, 0o400);
    await chown(path, SIDECAR, SIDECAR);
    return path;
  }

  async #origin(where: 'pod' | 'outside', user: number, settings: OriginSettings): Promise<void> {
    const command = [process.execPath, ORIGIN, JSON.stringify(settings)];
    await this.#start(where, user, command).event('ready');
  }

  /** Lets the outside answer at a port with a server of this machine, and keeps the size of each connection. */
  async #passage(port: number, target: number): Promise<void> {
    const path = join(this.#programs.folder, `passage-${port}`);
    const server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
      const join = (from: Socket, to: Socket) => from.on('error', () => to.destroy()).pipe(to);
      join(near, far);
      join(far, near);
      far.on('close', () => {
        this.passed.push({ port, sentBytes: far.bytesWritten, receivedBytes: far.bytesRead });
      });
    });
    this.#servers.push(server);
    await once(server.listen(path), 'listening');
    await this.#start('outside', 0, [process.execPath, '-e', PASSAGE, String(port), path]).event('ready');
  }

  #start(
    where: 'pod' | 'outside',
    user: number,
    command: string[],
    env: Record<string, string> = {},
  ): Program {
    const ids = ['setpriv', '--reuid', String(user), '--regid', String(user), '--clear-groups'];
    const args = [`--net=/run/netns/${this.#names[where]}`, ...ids, ...command];
    return this.#programs.run('nsenter', args, { PATH, HOME: this.#programs.folder, ...env });
  }

  async #must(program: Program): Promise<Ended> {
    const ended = await program.ended;
    if (ended.code !== 0) throw new Error(`exit ${ended.code}: ${ended.stderr}${ended.stdout}`);
    return ended;
  }
}
