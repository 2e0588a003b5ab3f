// Mocks and generators: what is made, in which order, and when they are ready, lost or impossible.
import type { Obj } from '@echoplane/kube';
import { describe, expect, test } from 'vitest';
import type { FactSet } from './facts.ts';
import { itemOf, objectKey } from './facts.ts';
import {
  at,
  factsWith,
  generatorPod,
  next,
  replayWith,
  setting,
  snapshot,
  stagesUpTo,
  target,
  UID,
} from './replay-facts.fixture.ts';
import type { TrafficReplay } from './replay-object.ts';

type Made = { make: Obj[]; status: object; objects: FactSet['objects'] };

/** Lets a stage make everything it wants to make: first written down, then trusted, then made. */
function madeBy(stage: string, spec: object = {}, facts: Partial<FactSet> = {}): Made {
  const begun = { stages: stagesUpTo(stage), replay: 'r', snapshot: 'a-snapshot' };
  const listed = next(replayWith({ spec, status: begun }), facts);
  if (listed.do !== 'status') throw new Error(JSON.stringify(listed));
  const status = { ...begun, ...listed.change };
  const trusting = next(replayWith({ spec, status }), facts);
  if (trusting.do !== 'trust') throw new Error(JSON.stringify(trusting));
  const objects: FactSet['objects'] = { [objectKey(trusting.item)]: {} as Obj };
  const making = next(replayWith({ spec, status }), { ...facts, objects });
  if (making.do !== 'make') throw new Error(JSON.stringify(making));
  const inventory = listed.change.inventory!.map(objectKey);
  for (const object of making.objects) expect(inventory).toContain(objectKey(itemOf(object)));
  for (const object of making.objects) objects[objectKey(itemOf(object))] = withStatus(object);
  return { make: making.objects, status, objects };
}

function withStatus(object: Obj): Obj {
  const made = { ...object, metadata: { ...object.metadata, generation: 1 } };
  if (object.kind === 'Service') return { ...made, spec: { ...object.spec, clusterIP: '10.96.0.9' } };
  return { ...made, status: { observedGeneration: 1, availableReplicas: 1 } };
}

const podSpecs = (objects: Obj[]) => objects.flatMap(({ spec }) => spec.template?.spec ?? []);

describe('mocks', () => {
  test('the inventory comes first, then trust, the objects, the wiring, and readiness', () => {
    const { make, status, objects } = madeBy('mocks');
    expect(make.map(({ kind }) => kind)).toEqual(['Service', 'Deployment', 'Deployment']);
    const wired = next(replayWith({ status }), { objects });
    expect(wired).toMatchObject({
      do: 'status',
      change: {
        wiring: [
          {
            workload: 'shop/Deployment/cart',
            routing: 'sidecar',
            mocks: ['payments:8080'],
            responderHost: '10.96.0.9',
            responderPort: 4160,
          },
        ],
      },
    });
    const wiring = (wired as never as { change: { wiring: object[] } }).change.wiring;
    const done = next(replayWith({ status: { ...status, wiring } }), { objects });
    expect(done).toMatchObject({
      do: 'status',
      change: { conditions: [{ type: 'MocksReady', status: 'True' }] },
    });
  });

  test('no address and no ready pod are waited for', () => {
    const { status, objects } = madeBy('mocks');
    const service = Object.keys(objects).find((key) => key.startsWith('Service'))!;
    const reason = (facts: FactSet['objects'], more: object = {}) =>
      next(replayWith({ status: { ...status, ...more } }), { objects: facts });
    expect(reason({ ...objects, [service]: { ...objects[service]!, spec: {} } })).toMatchObject({
      change: { conditions: [{ reason: 'AddressPending' }] },
    });
    const wiring = (reason(objects) as never as { change: { wiring: object[] } }).change.wiring;
    const deployment = Object.keys(objects).find(
      (key) => key.startsWith('Deployment') && key.includes('responder'),
    )!;
    const starting = { ...objects, [deployment]: { ...objects[deployment]!, status: {} } };
    expect(reason(starting, { wiring })).toMatchObject({ change: { conditions: [{ reason: 'Starting' }] } });
  });

  test('mocked Services are known by their addresses too, so that no sidecar waits for a name', () => {
    const { status, objects } = madeBy('mocks');
    const payments = {
      ...service('payments', {}, []),
      spec: { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd00::7'] },
    };
    const services = [payments, { ...service('stock', {}, []), spec: { clusterIP: 'None' } }];
    expect(next(replayWith({ status }), { objects, services })).toMatchObject({
      change: { wiring: [{ mocks: ['payments:8080', '10.96.0.7:8080', '[fd00::7]:8080'] }] },
    });
  });

  test('a responder that cannot start ends it with the last words of its container; until then they are told', () => {
    const { status, objects } = madeBy('mocks');
    const { wiring } = (
      next(replayWith({ status }), { objects }) as never as { change: { wiring: object[] } }
    ).change;
    const responder = Object.keys(objects).find((key) => /^Deployment.*responder/.test(key))!;
    const starting = { ...objects, [responder]: { ...objects[responder]!, status: {} } };
    const after = (restartCount: number) => {
      const lastState = { terminated: { exitCode: 64, message: 'anybody can read the key' } };
      const pod = { status: { containerStatuses: [{ ready: false, restartCount, state: {}, lastState }] } };
      const servers = [{ ...service('p', {}, []), ...pod }];
      return next(replayWith({ status: { ...status, wiring } }), { objects: starting, servers });
    };
    const message = expect.stringContaining('anybody can read the key');
    expect(after(1)).toMatchObject({ change: { conditions: [{ reason: 'CannotStart', message }] } });
    expect(after(2)).toMatchObject({ do: 'end', ending: { reason: 'CannotStart', message } });
  });

  test('opaque destinations are said to keep their real route', () => {
    const { status, objects } = madeBy('mocks');
    const opaque = snapshot({
      manifest: { counts: { tests: 1, mocks: 1, skipped: { opaque: 3 } } } as never,
      summary: { ...snapshot().summary, opaque: [{ host: 'postgres:5432', count: 3 }] } as never,
    });
    const { wiring } = (
      next(replayWith({ status }), { objects }) as never as { change: { wiring: object[] } }
    ).change;
    const done = next(replayWith({ status: { ...status, wiring } }), { objects, snapshot: opaque });
    expect(JSON.stringify(done)).toContain(
      '3 recorded connections were opaque: their destinations (postgres:5432) keep',
    );
  });

  test('an alias has all forms of the name, its recorded ports, and the authority of its namespace', () => {
    const workloads = [
      { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' }, routing: 'hostalias' },
    ];
    const endpoints = ['payments:443', 'payments:9000'].map((host) => ({ direction: 'OUT', host }));
    const facts = { snapshot: snapshot({ summary: { endpoints, notes: [] } as never }) };
    const { make, status, objects } = madeBy(
      'mocks',
      { workloads: [{ ...workloads[0], mocks: ['payments:443'] }] },
      facts,
    );
    const [service, deployment] = make;
    expect(service!.spec.ports).toMatchObject([
      { port: 4160 },
      { port: 443, targetPort: 20_000 },
      { port: 9000, targetPort: 9000 },
    ]);
    const env = Object.fromEntries(
      deployment!.spec.template.spec.containers[0].env.map(
        ({ name, value }: { name: string; value: string }) => [name, value],
      ),
    );
    expect(env).toMatchObject({
      ECHOPLANE_LISTEN_PORTS: '443=20000,9000=9000',
      ECHOPLANE_PASS_THROUGH: 'payments:9000',
    });
    const spec = { workloads: [{ ...workloads[0], mocks: ['payments:443'] }] };
    expect(next(replayWith({ spec, status }), { ...facts, objects })).toMatchObject({
      change: {
        wiring: [
          {
            hostAliases: [
              {
                ip: '10.96.0.9',
                hostnames: [
                  'payments',
                  'payments.shop',
                  'payments.shop.svc',
                  'payments.shop.svc.cluster.local',
                ],
              },
            ],
          },
        ],
      },
    });
  });

  test.each(['10.0.0.1:443', '_sip._tcp.x:5060', 'payments:*'])(
    'an alias for %s is refused with the reason',
    (mock) => {
      const workloads = [
        {
          ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
          routing: 'hostalias',
          mocks: [mock],
        },
      ];
      const step = next(replayWith({ spec: { workloads }, status: { stages: stagesUpTo('mocks') } }));
      expect(step).toMatchObject({
        do: 'end',
        ending: { reason: 'AliasImpossible', message: expect.stringContaining(mock) },
      });
    },
  );
});

describe('every pod of a replay', () => {
  test('passes Pod Security restricted, has a bounded disk and no token of the API but the collector', () => {
    const specs = podSpecs([...madeBy('mocks').make, ...madeBy('generate').make]);
    expect(specs.length).toBeGreaterThan(2);
    for (const spec of specs) {
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(spec.automountServiceAccountToken).toBe(spec.containers[0].name === 'collector');
      for (const one of spec.containers) {
        expect(one.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        const mounts = one.volumeMounts.map(({ name }: { name: string }) => name);
        expect(mounts).toEqual(spec.volumes.map(({ name }: { name: string }) => name));
      }
      const disk = spec.volumes.find(({ emptyDir }: { emptyDir?: object }) => emptyDir);
      if (disk)
        expect(spec.containers[0].resources.limits['ephemeral-storage']).toBe(disk.emptyDir.sizeLimit);
    }
  });
});

describe('generate', () => {
  const job = 'echoplane-replay-11111111-generator-0';
  const running = (startAt?: string, spec: object = {}) => {
    const { status, objects } = madeBy('generate', spec);
    return { status: { ...status, ...(startAt ? { startAt } : {}) }, objects };
  };
  const ended = (message: string, phase = 'Succeeded') => ({
    phase,
    containerStatuses: [{ state: { terminated: { message, reason: 'Ended' } } }],
  });
  const run = {
    startedAt: 5,
    finishedAt: 9,
    testsPlanned: 2,
    sent: 2,
    resultsDelivered: 2,
    notSent: {},
    maxEventLoopLagMs: 0,
    voidReasons: [],
  };

  test('the Job is indexed, never retried, and bounded in time', () => {
    const { make } = madeBy('generate', { generator: { replicas: 3 } });
    const made = make.find(({ kind }) => kind === 'Job')!;
    expect(made.spec).toMatchObject({
      completionMode: 'Indexed',
      completions: 3,
      parallelism: 3,
      backoffLimit: 0,
      activeDeadlineSeconds: 1_800,
    });
    expect(made.spec.template.spec.restartPolicy).toBe('Never');
    const names = made.spec.template.spec.containers[0].env.map(({ name }: { name: string }) => name);
    // A variable is only known to those after it.
    expect(names.indexOf('ECHOPLANE_INDEX')).toBeLessThan(names.indexOf('ECHOPLANE_SHARD'));
  });

  test('the start is told when every index has asked for it, and not before', () => {
    const { status, objects } = running();
    const generators = (ready: boolean) => [generatorPod(job, 0, { phase: 'Running' }, ready)];
    expect(next(replayWith({ status }), { objects, generators: generators(false) })).toMatchObject({
      change: { conditions: [{ reason: 'Starting' }] },
    });
    const told = next(replayWith({ status }), { objects, generators: generators(true) });
    expect(told).toMatchObject({ do: 'status', change: { startAt: '2026-03-01T12:00:03.000000Z' } });
  });

  const outcomes: [string, Obj[], object][] = [
    [
      'a result is the end',
      [generatorPod(job, 0, ended(JSON.stringify(run)))],
      { change: { conditions: [{ status: 'True' }] } },
    ],
    [
      'an index under way is waited for',
      [generatorPod(job, 0, { phase: 'Running' })],
      { change: { conditions: [{ reason: 'Running' }] } },
    ],
    [
      'a failed index ends it, and is named',
      [generatorPod(job, 0, ended('out of memory', 'Failed'))],
      { change: { message: expect.stringContaining('out of memory') } },
    ],
    [
      'a pod that is gone is waited for until its Job has failed',
      [],
      { change: { conditions: [{ reason: 'Running' }] } },
    ],
  ];
  test.each(outcomes)('after the start %s', (_, generators, step) => {
    const { status, objects } = running(at(0));
    expect(next(replayWith({ status }), { objects, generators })).toMatchObject(step);
  });

  test('before the start an index that ends voids it', () => {
    const { status, objects } = running();
    const generators = [generatorPod(job, 0, ended('no target', 'Failed'))];
    expect(next(replayWith({ status }), { objects, generators })).toMatchObject({
      do: 'end',
      ending: { reason: 'GeneratorFailed', verdict: 'void' },
    });
  });

  test('a Job that is deleted during the run is not made anew', () => {
    const { status } = running(at(0));
    expect(next(replayWith({ status }), { objects: {} })).toMatchObject({
      do: 'end',
      ending: { reason: 'GeneratorLost', verdict: 'void' },
    });
  });

  test('a workload that is changed during the run voids it', () => {
    const { status, objects } = running(at(0));
    const changed = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      namespace: 'shop',
      name: 'cart',
      action: 'changed',
      before: 'b',
    };
    const replay = replayWith({ status: { ...status, inventory: [changed] } });
    for (const targets of [[target({ run: null })], [target({ found: false })]])
      expect(next(replay, { objects, targets })).toMatchObject({
        do: 'end',
        ending: { reason: 'TargetChanged', verdict: 'void' },
      });
    expect(next(replay, { objects, targets: [target({ run: UID })] })).not.toMatchObject({ do: 'end' });
  });

  const addresses: [string, Partial<FactSet>, object, string][] = [
    [
      'the Service that selects its pods',
      { services: [service('web', { app: 'cart' }, [{ port: 9 }, { port: 80, name: 'http' }])] },
      {},
      'http://web.shop.svc:80',
    ],
    [
      'the port that tests name',
      { services: [service('web', { app: 'cart' }, [{ port: 80 }, { port: 81 }])] },
      { tests: ['cart:81'] },
      'http://web.shop.svc:81',
    ],
    [
      'a pod, without Service',
      { services: [service('web', { app: 'other' }, [{ port: 80 }])] },
      {},
      'http://10.0.0.1:8080',
    ],
  ];
  test.each(addresses)('it is sent to %s', (_, facts, more, url) => {
    const workloads = [{ ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' }, ...more }];
    const { make } = madeBy('generate', { workloads }, facts);
    expect(JSON.stringify(make)).toContain(JSON.stringify({ name: 'ECHOPLANE_TARGET_URL', value: url }));
  });

  test('a workload without any address fails with what to do', () => {
    const facts = { targets: [target({ ports: [], pods: [] })] };
    const step = next(replayWith({ status: { stages: stagesUpTo('generate') } }), facts);
    expect(step).toMatchObject({ do: 'end', ending: { reason: 'NoAddress' } });
  });

  test('each workload has a Job of its own', () => {
    const workloads = [
      { ref: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' } },
      { url: 'http://stock:80' },
    ];
    const { make } = madeBy('generate', { mode: 'tests-only', workloads });
    expect(make.filter(({ kind }) => kind === 'Job')).toHaveLength(2);
  });
});

function service(name: string, selector: object, ports: object[]): Obj {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'shop', name },
    spec: { selector, ports },
  };
}

test('facts that are not asked for are not looked at', () => {
  const replay: TrafficReplay = replayWith({
    status: { stages: stagesUpTo('serve', 'mocks-only') },
    spec: { mode: 'mocks-only' },
  });
  expect(next(replay, factsWith(), setting)).toMatchObject({ do: 'wait' });
});
