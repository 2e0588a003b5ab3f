// Which waits of a pod are told, and which end its replay.
import type { Obj } from '@echoplane/kube';
import { expect, test } from 'vitest';
import { podTrouble } from './pod-trouble.ts';

const pod = (container: object | null, conditions: object[] = []) =>
  ({
    metadata: { name: 'p' },
    status: { conditions, containerStatuses: container ? [container] : [] },
  }) as unknown as Obj;
const waiting = (reason: string, message = '') => pod({ state: { waiting: { reason, message } } });
const crashed = (restartCount: number) =>
  pod({
    ...{ ready: false, restartCount, state: { waiting: { reason: 'CrashLoopBackOff' } } },
    lastState: {
      terminated: { exitCode: 64, reason: 'Error', message: `${'x'.repeat(900)}\n the last\nwords\n` },
    },
  });
const unscheduled = pod(null, [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes' }]);

test.each<[string, Obj, boolean | null, string]>([
  [
    'an image that cannot be pulled',
    waiting('ImagePullBackOff', 'no such image'),
    true,
    'ImagePullBackOff: no such image',
  ],
  ['a pull that failed once', waiting('ErrImagePull'), false, 'ErrImagePull'],
  ['a Secret that is not there', waiting('CreateContainerConfigError', 'secret "a"'), true, 'secret "a"'],
  ['one restart', crashed(1), false, 'exit code 64'],
  ['restart after restart', crashed(2), true, 'x the last words'],
  ['no node', unscheduled, false, 'not scheduled: 0/3 nodes'],
  ['a container that is made', waiting('ContainerCreating'), null, ''],
  ['a container that runs', pod({ ready: true, state: { running: {} } }), null, ''],
  [
    'one that runs after a restart',
    pod({ ready: true, restartCount: 3, state: { running: {} }, lastState: { terminated: {} } }),
    null,
    '',
  ],
])('%s', (_, seen, isHopeless, words) => {
  const trouble = podTrouble(seen);
  expect(trouble?.isHopeless ?? null).toBe(isHopeless);
  expect(trouble?.why ?? '').toContain(words);
  expect((trouble?.why ?? '').length).toBeLessThan(700);
});
