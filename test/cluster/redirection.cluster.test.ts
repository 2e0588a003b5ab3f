// Redirection in a pod by a real container runtime: `sidecar init` with NET_ADMIN, a sidecar without any right, and an app of
// another user, each a container of containerd and runc, connected by a CNI plugin. No Kubernetes.
import { once } from 'node:events';
import { createServer, get, type Server as HttpServer } from 'node:http';
import { join } from 'node:path';
import { commandOf, SIDECAR_UID } from '@echoplane/resources';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildImage } from '../../deploy/image.ts';
import { compilePause, PROBE_IMAGE, probeImage } from './images.ts';
import { enterNode, type NodePlace } from './node-namespaces.ts';
import { startContainerd } from './node-servers.ts';
import { createPod, type PodByHand } from './pod-by-hand.ts';
import { type Server, untilReady } from './processes.ts';

const IMAGE = 'docker.io/local/echoplane:test';
const APP_UID = 1000;
const START_DEADLINE_MS = 120_000;
const NET_ADMIN = { capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW'] };
const SETTINGS = {
  ECHOPLANE_MODE: 'transparent',
  ECHOPLANE_HOST: '0.0.0.0',
  ECHOPLANE_WORKLOAD: 'shop',
};
/** Tells who called it; at /call?URL it calls, on a connection of its own, and gives the answer. */
const APP = `const http = require('http');
http.createServer(({ url, socket }, answer) => {
  const target = url.split('?')[1];
  if (!target) return answer.end('called by ' + socket.remoteAddress);
  http.get(target, { agent: false }, (got) => got.pipe(answer)).on('error', ({ code }) => answer.end(code));
}).listen(8080, '0.0.0.0')`;

let place: NodePlace;
let outside: HttpServer;
let outsideUrl: string;

beforeAll(async () => {
  place = await enterNode(compilePause);
  await startContainerd(place);
  const out = join(place.folder, 'echoplane.tar');
  for (const tarball of [await probeImage(place.folder), await buildImage({ name: IMAGE, out })])
    await place.exec(['ctr', '-n', 'k8s.io', 'images', 'import', tarball]);
  outside = createServer(({ socket }, answer) => answer.end(`outside, called by ${socket.remoteAddress}`));
  outside.listen(0, place.addresses.machine);
  await once(outside, 'listening');
  const { port } = outside.address() as { port: number };
  outsideUrl = `http://${place.addresses.machine}:${port}/`;
});
afterAll(async () => {
  outside?.close();
  await place?.leave();
});

it('what a pod sends and receives goes through the sidecar, and past it after cleanup', async () => {
  const pod = await createPod(place, 'redirected');
  const app = await startApp(pod);
  const outsideSays = `outside, called by ${place.addresses.nodeOnLink}`;
  const callUrl = `http://${pod.address}:8080/call?${outsideUrl}`;
  expect(await read(callUrl)).toBe(outsideSays);

  await prepare(pod, 'init');
  await expect(read(callUrl), 'without a sidecar behind the rules').rejects.toThrow('ECONNREFUSED');
  const sidecar = await startSidecar(pod);

  expect(await read(callUrl)).toBe(outsideSays);
  // The app sees the sidecar, in its own pod, and not the test.
  expect(await read(`http://${pod.address}:8080/`)).toBe(`called by ${pod.address}`);
  await expect.poll(() => captured(pod), { timeout: START_DEADLINE_MS }).toBeGreaterThanOrEqual(3);

  await prepare(pod, 'cleanup');
  expect(await pod.inNetwork(['nft', 'list', 'ruleset'])).not.toContain('echoplane');
  const before = await captured(pod);
  expect(await read(callUrl)).toBe(outsideSays);
  expect(await read(`http://${pod.address}:8080/`)).not.toBe(`called by ${pod.address}`);
  expect(await captured(pod)).toBe(before);
  for (const server of [app, sidecar]) expect(server.isAlive()).toBe(true);
});

it('a pod whose init step lacks NET_ADMIN starts as if we were not there', async () => {
  const pod = await createPod(place, 'refused');
  await startApp(pod);
  const env = SETTINGS;
  const said = await pod.run('init', { image: IMAGE, command: commandOf('sidecar', 'init'), uid: 0, env });
  expect(said).toContain('the pod starts without redirection');
  expect(await pod.inNetwork(['nft', 'list', 'ruleset'])).toBe('');
  expect(await read(`http://${pod.address}:8080/call?${outsideUrl}`)).toContain('outside');
});

async function startApp(pod: PodByHand): Promise<Server> {
  const app = await pod.start('app', { image: PROBE_IMAGE, command: ['node', '-e', APP], uid: APP_UID });
  await untilReady(app, () => read(`http://${pod.address}:8080/`).then(() => true), START_DEADLINE_MS);
  return app;
}

async function prepare(pod: PodByHand, command: 'init' | 'cleanup'): Promise<void> {
  const options = { image: IMAGE, command: commandOf('sidecar', command), uid: 0, env: SETTINGS };
  await pod.run(command, { ...options, ...NET_ADMIN });
}

async function startSidecar(pod: PodByHand): Promise<Server> {
  const command = commandOf('sidecar');
  const sidecar = await pod.start('sidecar', { image: IMAGE, command, uid: SIDECAR_UID, env: SETTINGS });
  await untilReady(sidecar, () => metrics(pod).then(() => true), START_DEADLINE_MS);
  return sidecar;
}

const metrics = (pod: PodByHand) => read(`http://${pod.address}:4145/metrics`);

async function captured(pod: PodByHand): Promise<number> {
  return Number(/^echoplane_pairs_captured_total (\d+)$/m.exec(await metrics(pod))?.[1]);
}

/** One request on a connection of its own. */
async function read(url: string): Promise<string> {
  const [answer] = await once(get(url, { agent: false }), 'response');
  return (await answer.toArray()).join('');
}
