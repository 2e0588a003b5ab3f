// The cache against a real API server that is cut off, silent, killed, and made to forget.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  type Cache,
  type CacheOptions,
  createCache,
  createKubeClient,
  type KubeClient,
  type Obj,
  RESOURCES,
} from '@echoplane/kube';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from './api-server.ts';
import {
  adminAccess,
  collect,
  compact,
  configMap,
  inParallel,
  namespaceObject,
  until,
} from './kube-access.fixture.ts';
import { type Relay, startRelay } from './kube-relay.fixture.ts';

const { configMaps, namespaces, pods } = RESOURCES;
const PODS = 5_000;
let cluster: ApiServer;
let direct: KubeClient;
let relay: Relay;
let relayed: KubeClient;
let namespace: string;
let stop: AbortController;
let running: Promise<void>[];
let spaces = 0;

beforeAll(async () => {
  cluster = await startApiServer();
  direct = createKubeClient(await adminAccess(cluster), { maxSockets: 16 });
});
afterAll(async () => {
  direct?.close();
  await cluster?.stop();
});
beforeEach(async () => {
  relay = await startRelay(cluster.url);
  relayed = createKubeClient({ ...(await adminAccess(cluster)), server: relay.url });
  namespace = `space-${spaces++}`;
  await direct.create(namespaces, namespaceObject(namespace));
  stop = new AbortController();
  running = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  relayed.close();
  await relay.close();
});

interface Watched {
  cache: Cache<Obj>;
  /** `+name`, `~name`, `-name`. */
  changes: string[];
  /** Requests: `list` and `watch`. */
  asked: string[];
}

/** A synced cache of the test's config maps through the relay, with everything it did. */
async function watching(options: Partial<CacheOptions<Obj>> = {}): Promise<Watched> {
  const asked: string[] = [];
  const noted =
    <A extends unknown[], R>(what: string, request: (...args: A) => R) =>
    (...args: A): R => {
      asked.push(what);
      return request(...args);
    };
  const counted: KubeClient = Object.create(relayed, {
    call: { value: noted('list', relayed.call.bind(relayed)) },
    stream: { value: noted('watch', relayed.stream.bind(relayed)) },
  });
  const cache = createCache({ client: counted, resource: configMaps, namespace, ...options });
  const changes: string[] = [];
  cache.onChange(({ key, before, after }) => {
    changes.push(`${before ? (after ? '~' : '-') : '+'}${key.split('/')[1]}`);
  });
  running.push(cache.run(stop.signal));
  await cache.synced();
  await until(
    () => cache.trouble === null && asked.includes('watch'),
    () => cache.trouble,
  );
  return { cache, changes, asked };
}

const make = (name: string, data = {}) => direct.create(configMaps, configMap(namespace, name, data));
const change = (name: string) =>
  direct.patch(configMaps, { namespace, name }, { data: { at: `${performance.now()}` } }, { type: 'merge' });
const drop = (name: string) => direct.delete(configMaps, { namespace, name });

test('what is there is listed, what changes is told, and managedFields are not kept', async () => {
  await direct.apply(configMaps, configMap(namespace, 'a', { x: '1' }));
  const { cache, changes } = await watching();
  expect(cache.get({ namespace, name: 'a' })?.metadata).not.toHaveProperty('managedFields');
  await make('b');
  await change('a');
  await drop('b');
  await until(
    () => changes.includes('-b'),
    () => changes,
  );
  expect(changes).toEqual(['+a', '+b', '~a', '-b']);
  expect([...cache.byNamespace(namespace)].map(({ metadata }) => metadata.name)).toEqual(['a']);
  expect([...cache.byNamespace('elsewhere')]).toEqual([]);
});

test('indexes follow every change, and a selector lets go of what it no longer selects', async () => {
  const object = configMap(namespace, 'a', { team: 'red' });
  object.metadata.labels = { mine: 'yes' };
  await direct.create(configMaps, object);
  const { cache, changes } = await watching({
    labelSelector: 'mine=yes',
    indexes: { team: ({ data }) => (data?.team ? [data.team] : []) },
  });
  expect([...cache.by('team', 'red')]).toHaveLength(1);
  const ref = { namespace, name: 'a' };
  await direct.patch(configMaps, ref, { data: { team: 'blue' } }, { type: 'merge' });
  await until(
    () => changes.length === 2,
    () => changes,
  );
  expect([[...cache.by('team', 'red')].length, [...cache.by('team', 'blue')].length]).toEqual([0, 1]);
  await direct.patch(configMaps, ref, { metadata: { labels: { mine: null } } }, { type: 'merge' });
  await until(
    () => cache.size === 0,
    () => changes,
  );
  expect([...cache.by('team', 'blue')]).toEqual([]);
  expect(() => cache.by('no-such', 'x')).toThrow('no index');
});

test('a listener or a projection that throws stops nothing', async () => {
  const { cache, changes } = await watching({
    project: (object) => {
      if (object.metadata.name === 'bad') throw new Error('does not fit');
      return object;
    },
  });
  const off = cache.onChange(() => {
    throw new Error('a listener failed');
  });
  for (const name of ['a', 'bad', 'b']) await make(name);
  await until(
    () => changes.includes('+b'),
    () => changes,
  );
  expect(changes).toEqual(['+a', '+b']);
  off();
});

test('a watch that is cut goes on where it was, without a list, and nothing is told twice or missed', async () => {
  const { cache, changes, asked } = await watching();
  await make('a');
  await until(
    () => changes.length === 1,
    () => changes,
  );
  relay.cut({ refuse: true });
  await until(
    () => cache.trouble !== null,
    () => 'no trouble',
  );
  expect(cache.trouble).toContain('Watching configmaps');
  expect(cache.size).toBe(1);
  await make('b');
  await drop('a');
  relay.admit();
  await until(
    () => changes.length === 3,
    () => changes,
  );
  expect(changes).toEqual(['+a', '+b', '-a']);
  expect(asked.filter((each) => each === 'list')).toHaveLength(1);
  expect(cache.trouble).toBeNull();
});

test('a connection that says nothing any more is given up and replaced', async () => {
  const { changes, asked } = await watching({ silenceMs: 1_000 });
  await make('a');
  await until(
    () => changes.length === 1,
    () => changes,
  );
  relay.stall();
  await make('b');
  await until(
    () => changes.length === 2,
    () => changes,
  );
  expect(asked.filter((each) => each === 'list')).toHaveLength(1);
});

test('a watch that the server ends is opened again where it was', async () => {
  const { changes, asked } = await watching({ watchMs: 2_000 });
  await until(
    () => asked.length >= 4,
    () => asked,
  );
  await make('a');
  await until(
    () => changes.length === 1,
    () => changes,
  );
  expect(asked.filter((each) => each === 'list')).toHaveLength(1);
});

test('what cannot be had is trouble with its reason, and is had as soon as it can be', async () => {
  const resource = { ...configMaps, group: 'late.echoplane.dev', plural: 'lates', kind: 'Late' };
  const cache = createCache({ client: relayed, resource, namespace });
  running.push(cache.run(stop.signal));
  await until(
    () => cache.trouble?.includes('404') === true,
    () => cache.trouble,
  );
  const gaveUp = cache.synced(AbortSignal.timeout(200));
  await expect(gaveUp).rejects.toThrow();
  await direct.create(RESOURCES.crds, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'lates.late.echoplane.dev' },
    spec: {
      group: resource.group,
      names: { plural: 'lates', singular: 'late', kind: 'Late', listKind: 'LateList' },
      scope: 'Namespaced',
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
      ],
    },
  });
  await cache.synced(AbortSignal.timeout(120_000));
  await until(
    () => cache.trouble === null,
    () => cache.trouble,
  );
});

test('a server that is killed and has forgotten is listed anew, and the difference is told', async () => {
  for (const name of ['kept', 'changed', 'dropped']) await make(name);
  const { cache, changes, asked } = await watching();
  relay.cut({ refuse: true });
  await change('changed');
  await drop('dropped');
  await make('new');
  await cluster.kill();
  await compact(cluster.etcdUrl);
  await cluster.restart();
  changes.length = 0;
  relay.admit();
  await until(
    () => changes.length === 3 && cache.trouble === null,
    () => [changes, cache.trouble],
  );
  expect([...changes].sort()).toEqual(['+new', '-dropped', '~changed']);
  expect(asked.filter((each) => each === 'list').length).toBeGreaterThan(1);
  await change('kept');
  await until(
    () => changes.length === 4,
    () => changes,
  );
  expect(changes[3]).toBe('~kept');
});

test('kill -9 of the server with changes before and after it: the cache ends up with what the server has', async () => {
  const { cache } = await watching();
  for (let i = 0; i < 20; i++) await make(`before-${i}`);
  await cluster.kill();
  await cluster.restart();
  for (let i = 0; i < 20; i++) await make(`after-${i}`);
  for (let i = 0; i < 20; i += 2) await drop(`before-${i}`);
  const truth = (await collect(direct.list(configMaps, { namespace }))).map((each) => each.metadata);
  expect(truth).toHaveLength(30);
  // On its way there the cache may hold 30 others.
  const isCaughtUp = () =>
    cache.size === truth.length &&
    truth.every(
      ({ name, resourceVersion }) =>
        cache.get({ namespace, name })?.metadata.resourceVersion === resourceVersion,
    );
  await until(
    () => isCaughtUp() && cache.trouble === null,
    () => [cache.size, cache.trouble],
  );
});

test(`${PODS} pods in a projected cache are a small process`, { timeout: 600_000 }, async () => {
  await inParallel(PODS, 16, (i) => direct.create(pods, pod(i)));
  const script = fileURLToPath(new URL('./kube-cache-memory.fixture.ts', import.meta.url));
  const { url, caFile, adminCertFile, adminKeyFile } = cluster;
  const args = ['--expose-gc', script, url, caFile, adminCertFile, adminKeyFile];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 300_000 });
  const { size, rssBefore, rssListed, rss, heapGrowth } = JSON.parse(stdout);
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  console.log(
    `${size} pods: RSS ${mb(rssBefore)} before, ${mb(rssListed)} after the list, ${mb(rss)} at rest; heap by ${mb(heapGrowth)}`,
  );
  expect(size).toBe(PODS);
  expect(heapGrowth).toBeLessThan(25e6);
  expect(rss - rssBefore).toBeLessThan(100e6);
});

/** A pod as large as real ones are. */
function pod(i: number): Obj {
  const env = Array.from({ length: 20 }, (_, at) => ({
    name: `SETTING_${at}`,
    value: `value-${at}-of-pod-${i}`,
  }));
  const probe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 10 };
  const resources = { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '128Mi' } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name: `pod-${i}`,
      labels: { app: `app-${i % 100}`, 'pod-template-hash': `hash-${i % 200}` },
      annotations: {
        'sidecar.echoplane.dev/resolved': JSON.stringify({ workload: `app-${i % 100}`, mode: 'dual' }),
      },
    },
    spec: {
      nodeName: `node-${i % 50}`,
      containers: [
        {
          name: 'app',
          image: `registry.example/app:${i}`,
          env,
          livenessProbe: probe,
          readinessProbe: probe,
          resources,
        },
        { name: 'second', image: 'registry.example/second:1', env, resources },
      ],
    },
  };
}
