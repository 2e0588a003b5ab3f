// `sidecar init` in a real network namespace: who gets a connection, by each backend and each exclusion. Needs root.
import { afterEach, describe, expect, test } from 'vitest';
import { closeAll } from '../sidecar.fixture.ts';
import { OTHER, OUTSIDE, POD, type Pod, type Question, startPod } from './netns.fixture.ts';

afterEach(closeAll);

const FAMILIES = [4, 6] as const;
const LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const;
const both = (question: (family: 4 | 6) => Question) => FAMILIES.map(question);
const out = both((family) => ({ to: OUTSIDE[family], port: 80 }));
const into = both((family) => ({ to: POD[family], port: 8080 }));

async function prepared(env: Record<string, string> = {}): Promise<Pod> {
  const pod = await startPod();
  const { code, stderr } = await pod.sidecar('init', env);
  expect([code, stderr]).toEqual([0, '']);
  return pod;
}

describe.each(['nft', 'iptables', 'iptables-legacy'])('by %s', (backend) => {
  test('connections of the app and from outside are redirected, of IPv4 and IPv6', async () => {
    const pod = await startPod();
    expect(await pod.ask(out)).toEqual(['outside', 'outside']);
    expect(await pod.askFromOutside(into)).toEqual(['app', 'app']);
    const { stdout } = await pod.sidecar('init', { BACKEND: backend });
    expect(stdout).toContain(`"backend":"${backend}","families":[4,6]`);
    expect(await pod.ask(out)).toEqual(['outbound', 'outbound']);
    expect(await pod.askFromOutside(into)).toEqual(['inbound', 'inbound']);
  });

  test('connections by uid 4140 or by gid 4140 go their own way, whatever they call', async () => {
    const pod = await prepared({ BACKEND: backend });
    expect(await pod.ask([...out, ...into], { uid: 4140 })).toEqual(['outside', 'outside', 'app', 'app']);
    expect(await pod.ask([...out, ...into], { gid: 4140 })).toEqual(['outside', 'outside', 'app', 'app']);
  });

  test('ignored ports, sources and destinations bypass the sidecar, others do not', async () => {
    const pod = await prepared({
      BACKEND: backend,
      IGNORE_OUTBOUND_PORTS: '443',
      IGNORE_DST_CIDRS: '10.77.0.9, fd77::9/128',
      IGNORE_SRC_CIDRS: '10.77.0.8/29, fd77::8/125',
    });
    expect(await pod.ask(both((family) => ({ to: OUTSIDE[family], port: 443 })))).toEqual([
      'outside',
      'outside',
    ]);
    expect(await pod.ask(both((family) => ({ to: OTHER[family], port: 80 })))).toEqual([
      'outside',
      'outside',
    ]);
    expect(await pod.ask(out)).toEqual(['outbound', 'outbound']);
    const other = both((family) => ({ to: POD[family], port: 8080, from: OTHER[family] }));
    expect(await pod.askFromOutside(other)).toEqual(['app', 'app']);
    const first = both((family) => ({ to: POD[family], port: 8080, from: OUTSIDE[family] }));
    expect(await pod.askFromOutside(first)).toEqual(['inbound', 'inbound']);
  });

  test('DNS goes to the relay only for the server that the relay asks, by UDP and TCP', async () => {
    const pod = await prepared({ BACKEND: backend, HOST_RESOLUTION: 'dns', DNS_SERVER: `${OUTSIDE[4]}:53` });
    const dns = (to: string): Question[] => [
      { to, port: 53, udp: true },
      { to, port: 53 },
    ];
    expect(await pod.ask(dns(OUTSIDE[4]))).toEqual(['relay', 'relay']);
    expect(await pod.ask(dns(OTHER[4]))).toEqual(['dns', 'outbound']);
    expect(await pod.ask(dns(OUTSIDE[4]), { uid: 4140 })).toEqual(['dns', 'dns']);
  });
});

test('an ignored inbound port reaches the app', async () => {
  const pod = await prepared({ IGNORE_INBOUND_PORTS: '8080' });
  expect(await pod.askFromOutside(into)).toEqual(['app', 'app']);
});

test('connections from the node bypass the sidecar unless they are asked for', async () => {
  const node = { HOST_IP: `${OTHER[4]},${OTHER[6]}` };
  const fromNode = both((family) => ({ to: POD[family], port: 8080, from: OTHER[family] }));
  const pod = await prepared(node);
  expect(await pod.askFromOutside(fromNode)).toEqual(['app', 'app']);
  expect((await pod.sidecar('init', { ...node, CAPTURE_NODE_TRAFFIC: 'true' })).code).toBe(0);
  expect(await pod.askFromOutside(fromNode)).toEqual(['inbound', 'inbound']);
});

test('the listeners on loopback are out of reach from outside, and the admin port is never redirected', async () => {
  const pod = await prepared();
  for (const port of [4140, 4153, 4100]) {
    const direct = both((family) => ({ to: POD[family], port }));
    expect(await pod.askFromOutside(direct)).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
  }
  const admin = both((family) => ({ to: POD[family], port: 4145 }));
  expect(await pod.askFromOutside(admin)).toEqual(['admin', 'admin']);
});

test('a neighbour that routes 127.0.0.1 to the pod gets nowhere', async () => {
  const pod = await prepared();
  const neighbour: Question[] = [
    { to: '127.0.0.1', port: 9090, from: OUTSIDE[4] },
    { to: '127.0.0.1', port: 4140, from: OUTSIDE[4] },
  ];
  await pod.routeLoopbackFromOutside();
  expect(await pod.askFromOutside(neighbour)).toEqual(['silence', 'silence']);
});

test('loopback is captured only when asked for, and never leads into the sidecar itself', async () => {
  const local = both((family) => ({ to: LOOPBACK[family], port: 8080 }));
  const self = both((family) => ({ to: POD[family], port: 8080 }));
  const pod = await prepared();
  expect(await pod.ask([...local, ...self])).toEqual(['app', 'app', 'app', 'app']);
  expect((await pod.sidecar('init', { CAPTURE_LOOPBACK: 'true' })).code).toBe(0);
  expect(await pod.ask([...local, ...self])).toEqual(['outbound', 'outbound', 'outbound', 'outbound']);
  expect(await pod.ask([...local, ...self], { uid: 4140 })).toEqual(['app', 'app', 'app', 'app']);
  const own = [4145, 4143].map((port) => ({ to: POD[4], port }));
  expect(await pod.ask(own)).toEqual(['admin', 'inbound']);
});

test('without IPv6 only IPv4 is redirected; modes without redirection get no rules', async () => {
  const pod = await prepared();
  expect((await pod.sidecar('init', { IPV6: 'false' })).code).toBe(0);
  expect(await pod.ask(out)).toEqual(['outbound', 'outside']);
  const plain = await startPod();
  expect((await plain.sidecar('init', { MODE: 'dual' })).code).toBe(0);
  expect(await plain.ask(out)).toEqual(['outside', 'outside']);
});
