// Scenes for accounting under faults: a tenant with its forwarder, its workloads and its store, on a data path that many
// scenes share; and the one check that ends every scene. What goes wrong in between is the test's.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { ApiClient } from '@echoplane/api';
import { openStore } from '@echoplane/archive';
import { folderStore, type ObjectStore } from '@echoplane/runtime';
import { clientOf, DataPath, flush, type Server, type Tenant, Workload } from './data-path-stage.ts';
import { ACCESS_KEY, type Emulator, REGION, SECRET_KEY, startMinio } from './object-stores.ts';

const BUCKET = 'segments';
const CREDENTIALS = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY, AWS_REGION: REGION };

/** Rules under which some pairs of a workload are dropped, some sessions sampled away, and the rest folded. */
export const WITHHOLDING = {
  ...{ v: 1, version: 'withholding-1' },
  filter: {
    standard: false,
    rules: [
      { name: 'drop-some', when: 'path.startsWith("/orders/1")', action: 'drop' },
      { name: 'half-of-rates', when: 'path == "/rates"', action: 'sample', share: 0.5 },
    ],
  },
  fold: { enabled: true, payloadsPerMinute: 10, never: 'path.startsWith("/orders/2")' },
  redaction: {},
};

export interface SceneOptions {
  rules?: object;
  /** Further settings of the forwarder. */
  settings?: Record<string, string>;
  /** Where its store is; a folder when it is not said. */
  store?: 'folder' | 'bucket';
  /** The way to the bucket, when it is not the straight one. */
  storePort?: number;
  /** The control plane it reports to, when it is not the scene's own replica. */
  cloudUrl?: string;
  /** The forwarder's spool, when it is not a fresh folder. */
  spoolDir?: string;
}

/** What scenes share: a database, a replica for each kind of store, a MinIO. */
export class World {
  readonly path: DataPath;
  readonly replicas: Record<'folder' | 'bucket', Server>;
  readonly minio: Emulator;
  /** Those that were made and not yet closed. */
  readonly scenes: Scene[] = [];
  #made = 0;

  private constructor(path: DataPath, replicas: World['replicas'], minio: Emulator) {
    this.path = path;
    this.replicas = replicas;
    this.minio = minio;
  }

  static async open(): Promise<World> {
    Object.assign(process.env, CREDENTIALS);
    const minio = await startMinio();
    const s3 = new S3Client({ endpoint: minio.url, region: REGION, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const path = await DataPath.open();
    // The first one makes the tables that a replica wants.
    await path.init('first');
    const folder = await path.replica('replica');
    const bucket = await path.replica('replica of the bucket', bucketSettings(minio.port));
    return new World(path, { folder, bucket }, minio);
  }

  async close(): Promise<void> {
    await this.path.close();
    await this.minio.stop();
  }

  async scene(options: SceneOptions = {}): Promise<Scene> {
    const { store = 'folder', storePort = this.minio.port } = options;
    const tenant = await this.path.tenant(`tenant-${++this.#made}`);
    const folder = join(this.path.folder, tenant.name);
    await mkdir(folder);
    const spoolDir = options.spoolDir ?? join(folder, 'spool');
    const settings: Record<string, string> = {
      ECHOPLANE_SPOOL_DIR: spoolDir,
      ECHOPLANE_FRAME_MAX_DELAY_MS: '20',
      ...(store === 'bucket' ? bucketSettings(storePort) : {}),
      ...options.settings,
    };
    if (options.rules) {
      settings.ECHOPLANE_RULES_FILE = join(folder, 'rules.json');
      await writeFile(settings.ECHOPLANE_RULES_FILE, JSON.stringify(options.rules));
    }
    const { url } = this.replicas[store];
    const forwarder = await this.path.forwarder(tenant, options.cloudUrl ?? url, settings);
    const objects =
      store === 'folder' ? folderStore(this.path.storeDir) : openStore(bucketAt(this.minio.port));
    const client = clientOf(url, tenant.apiKey);
    const scene = new Scene({ world: this, tenant, forwarder, spoolDir, client, store: (await objects)! });
    this.scenes.push(scene);
    return scene;
  }
}

function bucketAt(port: number) {
  return { s3Bucket: BUCKET, s3Endpoint: `http://127.0.0.1:${port}`, s3PathStyle: true, s3Region: REGION };
}

function bucketSettings(port: number): Record<string, string> {
  return {
    ...{ ECHOPLANE_STORE_DIR: '', ECHOPLANE_S3_BUCKET: BUCKET, ECHOPLANE_S3_PATH_STYLE: 'true' },
    ...{ ECHOPLANE_S3_ENDPOINT: `http://127.0.0.1:${port}`, ECHOPLANE_S3_REGION: REGION },
    ...CREDENTIALS,
  };
}

interface SceneParts {
  world: World;
  tenant: Tenant;
  forwarder: Server;
  spoolDir: string;
  client: ApiClient;
  store: ObjectStore;
}

export class Scene {
  readonly world: World;
  readonly tenant: Tenant;
  readonly forwarder: Server;
  readonly spoolDir: string;
  /** Reads as a user of the tenant. */
  readonly client: ApiClient;
  readonly store: ObjectStore;
  readonly workloads: Workload[] = [];
  /** What is undone when the scene is over, last first. */
  readonly undo: (() => unknown)[] = [];

  constructor({ world, tenant, forwarder, spoolDir, client, store }: SceneParts) {
    this.world = world;
    this.tenant = tenant;
    this.forwarder = forwarder;
    this.spoolDir = spoolDir;
    this.client = client;
    this.store = store;
    this.undo.push(() => this.killForwarder());
  }

  workload(port = this.forwarder.port): Workload {
    const made = new Workload(this.tenant.name, port);
    this.workloads.push(made);
    this.undo.push(() => made.close());
    return made;
  }

  get sent(): number {
    return this.workloads.reduce((sum, { sent }) => sum + sent.size, 0);
  }
  /** Pairs that the forwarder acknowledged. */
  get acknowledged(): number {
    return this.workloads.reduce((sum, { delivered }) => sum + delivered, 0);
  }

  /** Every workload sends on until it has sent so many. */
  async sendEach(total: number): Promise<void> {
    await Promise.all(this.workloads.map((workload) => workload.send(total)));
  }

  killForwarder(): Promise<void> {
    return this.world.path.kill(this.forwarder.program);
  }

  async bounceForwarder(): Promise<void> {
    await this.killForwarder();
    await this.forwarder.restart();
  }

  /** The forwarder's `/status`. */
  async status(): Promise<ForwarderStatus> {
    return (await fetch(`${this.forwarder.url}/status`)).json() as Promise<ForwarderStatus>;
  }

  /** Everything sent was acknowledged, and everything in the forwarder shipped, indexed and reported. */
  async settle(): Promise<void> {
    await Promise.all(this.workloads.map((workload) => workload.drain()));
    await this.flushed();
  }

  flushed(): Promise<void> {
    return flush(this.forwarder);
  }

  async close(): Promise<void> {
    for (const step of this.undo.splice(0).reverse()) await step();
  }
}

/** What tests look at of `/status`. */
export interface ForwarderStatus {
  forwarder: {
    counters: { captured: number; withheld: Record<string, number>; dropped: Record<string, number> };
  };
  lag: { frames: number; segments: number; failures: number; failingSegments: number; lostSegments: number };
  senders: { connected: boolean }[];
  queuedBytes: number;
  spool: { sizeBytes: number; pendingBytes: number; trouble: string | null };
  ring: { sizeBytes: number; files: number; skipped: number };
}
