// A process that does nothing but hold a projected cache of all pods: prints how many and its memory, once the list is in.
import { createCache, createKubeClient, RESOURCES } from '@echoplane/kube';
import { adminAccess } from './kube-access.fixture.ts';

const [url, caFile, adminCertFile, adminKeyFile] = process.argv.slice(2) as [string, string, string, string];
const client = createKubeClient(await adminAccess({ url, caFile, adminCertFile, adminKeyFile }));
const before = process.memoryUsage();
const stop = new AbortController();
const cache = createCache({
  client,
  resource: RESOURCES.pods,
  project: ({ metadata, spec, status }) => ({
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    labels: metadata.labels,
    annotations: metadata.annotations,
    owner: metadata.ownerReferences?.[0],
    node: spec.nodeName as string | undefined,
    ip: status?.podIP as string | undefined,
    containers: (spec.containers as { name: string }[]).map(({ name }) => name),
  }),
  indexes: { node: ({ node }) => (node ? [node] : []) },
});
const running = cache.run(stop.signal);
await cache.synced();
const listed = process.memoryUsage();
globalThis.gc?.();
const { rss, heapUsed } = process.memoryUsage();
const result = { size: cache.size, rssBefore: before.rss, rssListed: listed.rss, rss };
process.stdout.write(JSON.stringify({ ...result, heapGrowth: heapUsed - before.heapUsed }));
stop.abort();
await running;
client.close();
