// What needs no facts, and each stage with its facts, as tables.
import { describe, expect, test } from 'vitest';
import { outline } from './decide.ts';
import {
  at,
  factsWith,
  LEASE,
  next,
  replayWith,
  setting,
  snapshot,
  stagesUpTo,
  target,
  UID,
} from './replay-facts.fixture.ts';
import { STAGES } from './stages.ts';

const item = {
  apiVersion: 'v1',
  kind: 'Secret',
  namespace: 'echoplane',
  name: 'x',
  action: 'created',
  restored: false,
};
const outcome = { phase: 'Failed', reason: 'Why', message: 'because' };
const ending = (reason: string) => ({ do: 'end', ending: { reason } });

describe('what needs no facts', () => {
  const cases: [string, Parameters<typeof replayWith>[0], object][] = [
    [
      'nothing is begun before the finalizer stands',
      { metadata: { finalizers: [] } },
      { do: 'finalizer', present: true },
    ],
    [
      'an object on its way out without finalizer is let go',
      { metadata: { finalizers: [], deletionTimestamp: at(0) } },
      { do: 'wait' },
    ],
    [
      'a deleted replay ends as cancelled',
      { metadata: { deletionTimestamp: at(0) }, status: { stages: stagesUpTo('target') } },
      ending('Deleted'),
    ],
    [
      'spec.cancel ends it in any stage',
      { spec: { cancel: true }, status: { stages: stagesUpTo('generate') } },
      ending('Cancelled'),
    ],
    ['a spec that cannot be read fails', { spec: { workloads: [] } }, ending('InvalidSpec')],
    [
      'the first stage begins',
      {},
      { do: 'status', change: { phase: 'Pending', stages: [{ name: 'accept', start: at(0) }] } },
    ],
    [
      'a suspended replay says so',
      { spec: { suspend: true } },
      { do: 'status', change: { phase: 'Pending', message: expect.stringContaining('suspended') } },
    ],
    [
      'and then waits',
      {
        spec: { suspend: true },
        status: { phase: 'Pending', message: 'suspended; set spec.suspend to false to go on' },
      },
      { do: 'wait' },
    ],
    [
      'the whole has a deadline',
      { spec: { timeout: '30s' }, status: { stages: stagesUpTo('target') } },
      ending('TimedOut'),
    ],
    [
      'each stage has one',
      { status: { stages: [{ name: 'accept', start: at(-9), deadline: at(-1) }] } },
      ending('StageTimedOut'),
    ],
    [
      'after the last stage it has succeeded',
      { status: { stages: stagesUpTo('report').map((one) => ({ ...one, finish: at(0) })) } },
      { do: 'end', ending: { phase: 'Succeeded' } },
    ],
    [
      'mocks stay past every deadline',
      { spec: { mode: 'mocks-only', timeout: '1s' }, status: { stages: stagesUpTo('serve', 'mocks-only') } },
      { do: 'wait' },
    ],
    [
      'a finished replay without TTL rests',
      { metadata: { finalizers: [] }, status: { phase: 'Failed', outcome } },
      { do: 'wait', ms: Number.POSITIVE_INFINITY },
    ],
    [
      'a finished replay that is put back lets go of its finalizer',
      { status: { phase: 'Failed', outcome } },
      { do: 'finalizer', present: false },
    ],
    ['one that is not keeps it', { status: { phase: 'Failed', outcome, inventory: [item] } }, { do: 'wait' }],
    [
      'a finished replay goes after its TTL',
      {
        spec: { ttlAfterFinished: '10s' },
        metadata: { finalizers: [] },
        status: { phase: 'Failed', conditions: [complete(-11_000)] },
      },
      { do: 'delete' },
    ],
    [
      'and not before',
      {
        spec: { ttlAfterFinished: '10s' },
        metadata: { finalizers: [] },
        status: { phase: 'Failed', conditions: [complete(-9_000)] },
      },
      { do: 'wait', ms: 1_000 },
    ],
  ];
  test.each(cases)('%s', (_, options, step) => {
    expect(next(replayWith(options))).toMatchObject(step);
  });

  test('a status that nobody understands keeps its inventory', () => {
    const broken = replayWith({ status: { phase: 'Dancing', inventory: [item, { nonsense: 1 }] } });
    expect(broken.status.inventory).toEqual([item]);
  });

  test('no stage needs the control plane to be cleaned up after', () => {
    const plan = outline(replayWith({ status: { outcome } }), setting);
    expect(plan).toMatchObject({ needs: ['objects'] });
  });

  test('every stage that can wait has a condition, and a name of its own', () => {
    expect(new Set(STAGES.map(({ name }) => name)).size).toBe(STAGES.length);
    expect(STAGES.filter(({ condition }) => condition === null).map(({ name }) => name)).toEqual(['serve']);
  });
});

function complete(ms: number) {
  return { type: 'Complete', status: 'True', reason: 'Failed', message: '', lastTransitionTime: at(ms) };
}

describe('accept', () => {
  const accepting = (spec: object = {}, status: object = {}) =>
    replayWith({ spec, status: { stages: stagesUpTo('accept'), ...status } });
  const refusals: [string, object, object, string][] = [
    [
      'a kind whose pods do not follow its template',
      { workloads: [{ ref: { apiVersion: 'batch/v1', kind: 'Job', name: 'x' } }] },
      {},
      'KindNotSupported',
    ],
    ['a namespace without the label', {}, { namespaces: { shop: {} } }, 'NamespaceNotAllowed'],
    ['a namespace that is not there', {}, { namespaces: { shop: null } }, 'NamespaceNotAllowed'],
    ['a workload that is not there', {}, { targets: [target({ found: false })] }, 'WorkloadNotFound'],
    [
      'a workload that would not roll',
      {},
      { targets: [target({ unrollable: 'it is paused' })] },
      'WorkloadNotRollable',
    ],
    [
      'a workload that wants no sidecar',
      {},
      { targets: [target({ declinesInjection: true })] },
      'NotInjected',
    ],
    ['a workload still wired to another replay', {}, { targets: [target({ run: 'another' })] }, 'StillWired'],
    ['live traffic', {}, { live: { 'shop/Deployment/cart': 1 } }, 'LiveTraffic'],
    ['a Secret it may not use', {}, { secretProblems: ['no'] }, 'SecretNotAllowed'],
  ];
  test.each(refusals)('%s is refused', (_, spec, facts, reason) => {
    expect(next(accepting(spec), facts)).toMatchObject({ do: 'end', ending: { phase: 'Failed', reason } });
  });

  test('a workload that is only sent requests needs neither sidecar nor rollout', () => {
    const targets = [target({ isInjected: false, unrollable: 'it is paused' })];
    expect(next(accepting({ mode: 'tests-only' }), { targets })).toMatchObject({ do: 'status' });
  });

  test('a busy workload is waited for, and said', () => {
    const leases = [{ workload: 'w', item: LEASE, resourceVersion: '1', holder: { replay: 'shop/other' } }];
    // Whoever holds it has wired it.
    const step = next(accepting(), { leases, targets: [target({ run: 'other' })] });
    expect(step).toMatchObject({
      do: 'status',
      change: { conditions: [{ type: 'Accepted', status: 'False', reason: 'WorkloadBusy' }] },
    });
    const conditions = [
      {
        ...(step as never as { change: { conditions: object[] } }).change.conditions[0],
        lastTransitionTime: at(0),
      },
    ];
    expect(next(accepting({}, { conditions }), { leases })).toMatchObject({ do: 'wait' });
  });

  test('the Lease stands in the inventory, then it is taken, then the stage is done', () => {
    expect(next(accepting())).toMatchObject({ do: 'status', change: { inventory: [LEASE] } });
    expect(next(accepting({}, { inventory: [LEASE] }))).toMatchObject({ do: 'lease' });
    const leases = factsWith().leases.map((one) => ({ ...one, holder: 'ours' as const }));
    expect(next(accepting({}, { inventory: [LEASE] }), { leases })).toMatchObject({
      do: 'status',
      change: {
        conditions: [{ type: 'Accepted', status: 'True' }],
        stages: [{ name: 'accept', finish: at(0) }],
      },
    });
  });
});

describe('snapshot', () => {
  const looking = (status: object = {}, spec: object = {}) =>
    replayWith({ spec, status: { stages: stagesUpTo('snapshot'), ...status } });
  const cases: [string, object, object, object][] = [
    ['an unknown one fails', {}, { snapshot: null }, ending('SnapshotNotFound')],
    [
      'one in the making is waited for',
      {},
      { snapshot: snapshot({ state: 'running' }) },
      { do: 'status', change: { conditions: [{ reason: 'SnapshotPending' }] } },
    ],
    ['one that failed fails', {}, { snapshot: snapshot({ state: 'failed' }) }, ending('SnapshotFailed')],
    [
      'a baseline without a report fails before anything is opened',
      { snapshot: 'a-snapshot' },
      { baseline: { problem: 'not known' } },
      ending('BaselineNotFound'),
    ],
    [
      'what is to be known without a baseline fails before anything is opened',
      { snapshot: 'a-snapshot' },
      { testConfig: { config: { goals: { allowKnown: true } } } },
      ending('BaselineNotFound'),
    ],
    [
      'a baseline is named when the replay is opened',
      { snapshot: 'a-snapshot' },
      { baseline: { id: 'b' } },
      { do: 'open', snapshot: 'a-snapshot', baseline: 'b' },
    ],
    ['its id is remembered', {}, {}, { do: 'status', change: { snapshot: 'a-snapshot' } }],
    ['the replay is opened', { snapshot: 'a-snapshot' }, {}, { do: 'open', snapshot: 'a-snapshot' }],
    [
      'and then it is done',
      { snapshot: 'a-snapshot', replay: 'r' },
      {},
      { do: 'status', change: { conditions: [{ type: 'SnapshotReady', status: 'True' }] } },
    ],
  ];
  test.each(cases)('%s', (_, status, facts, step) => {
    expect(next(looking(status), facts)).toMatchObject(step);
  });
  test('a test config by name is refused with how to write one', () => {
    const unknown = { problem: 'The control plane keeps no test config nightly' };
    expect(next(looking(), { testConfig: unknown })).toMatchObject(ending('TestConfigUnknown'));
  });
});

describe('target', () => {
  const changed = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'shop',
    name: 'cart',
    action: 'changed',
    before: 'as-before',
    restored: false,
  };
  const rolling = (status: object = {}) =>
    replayWith({ status: { stages: stagesUpTo('target'), ...status } });
  const seen = {
    conditions: [
      { type: 'TargetReady', status: 'False', reason: 'RollingOut', message: '', lastTransitionTime: at(0) },
    ],
  };
  const cases: [string, object, object, object][] = [
    [
      'what it was is written down first',
      {},
      {},
      { do: 'status', change: { inventory: [{ action: 'changed', before: 'as-before' }] } },
    ],
    ['then it is wired', { inventory: [changed] }, {}, { do: 'wire', target: { name: 'cart' } }],
    [
      'a template that changed in between is written down anew',
      { inventory: [changed] },
      { targets: [target({ digest: 'newer' })] },
      { do: 'status', change: { inventory: [{ before: 'newer' }] } },
    ],
    [
      'a rollout is waited for',
      { inventory: [changed] },
      { targets: [target({ run: UID, isRolledOut: false })] },
      { do: 'status', change: { conditions: [{ reason: 'RollingOut' }] } },
    ],
    [
      'pods that the webhook missed are not ready',
      { inventory: [changed] },
      { targets: [target({ run: UID, pods: [{ name: 'p', ip: null, ready: true, wired: false }] })] },
      {
        do: 'status',
        change: { conditions: [{ status: 'False', message: expect.stringContaining('without wiring') }] },
      },
    ],
    [
      'no pods are not ready',
      { inventory: [changed] },
      { targets: [target({ run: UID, pods: [] })] },
      { do: 'status', change: { conditions: [{ status: 'False' }] } },
    ],
    [
      'wired pods are',
      { inventory: [changed] },
      { targets: [target({ run: UID })] },
      { do: 'status', change: { conditions: [{ type: 'TargetReady', status: 'True' }] } },
    ],
    [
      'one that lost the annotation again is not fought over',
      { inventory: [changed], ...seen },
      {},
      ending('TargetChanged'),
    ],
    [
      'one that is gone ends it',
      { inventory: [changed] },
      { targets: [target({ found: false })] },
      ending('WorkloadNotFound'),
    ],
    [
      'one that another replay took ends it',
      { inventory: [changed] },
      { targets: [target({ run: 'other' })] },
      ending('TargetChanged'),
    ],
  ];
  test.each(cases)('%s', (_, status, facts, step) => {
    expect(next(rolling(status), facts)).toMatchObject(step);
  });
});

describe('report', () => {
  const reporting = (status: object = {}) =>
    replayWith({ status: { stages: stagesUpTo('report'), replay: 'r', startAt: at(0), ...status } });
  const opened = (phase: string) => ({ opened: { id: 'r', phase, message: null } as never });
  const cases: [string, object, object, object][] = [
    ['a running replay is finished', {}, opened('running'), { do: 'finish' }],
    ['the analysis is waited for', {}, opened('analyzing'), { do: 'wait' }],
    ['an analysis that failed fails', {}, opened('failed'), ending('AnalysisFailed')],
    [
      'one cancelled there is cancelled here',
      {},
      opened('cancelled'),
      { do: 'end', ending: { phase: 'Cancelled' } },
    ],
    ['one that nobody knows fails', {}, { opened: null }, ending('ReplayNotFound')],
    ['the report is fetched', {}, opened('succeeded'), { do: 'fetch-report' }],
    [
      'and then it is done',
      { report: { id: 'r', url: 'u', successRate: 1 } },
      opened('succeeded'),
      { do: 'status', change: { conditions: [{ type: 'ReportReady', status: 'True' }] } },
    ],
  ];
  test.each(cases)('%s', (_, status, facts, step) => {
    expect(next(reporting(status), facts)).toMatchObject(step);
  });
  test('an index without result voids the run', () => {
    const inventory = [{ ...item, kind: 'Job', apiVersion: 'batch/v1', name: 'job' }];
    const step = next(reporting({ inventory }), opened('running')) as never as {
      run: { voidReasons: string[] };
    };
    expect(step.run.voidReasons.join()).toContain('generator 0 of job was lost');
  });
});
