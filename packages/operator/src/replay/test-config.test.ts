import type { Obj } from '@echoplane/kube';
import { describe, expect, test } from 'vitest';
import { generatorJob } from './generator-pods.ts';
import { next, replayWith, setting, stagesUpTo, target } from './replay-facts.fixture.ts';
import { targetOf } from './replay-object.ts';
import { responderObjects, responderPods } from './responder-pods.ts';
import { testConfigOf } from './test-config.ts';

const CONFIG = {
  load: { users: 4, timeoutMs: 500 },
  assertions: [{ type: 'expect' as const, expression: 'response.text != "$(HOME)"' }],
  responder: { chaos: [{ name: 'slow', toxicity: 1, action: { type: 'reset' as const } }] },
};

describe('testConfigOf()', () => {
  test.each([
    ['nothing', undefined, { config: {} }],
    [
      'an object',
      { goals: { rules: ['errors.pct < 1%'] } },
      { config: { goals: { rules: ['errors.pct < 1%'] } } },
    ],
    ['the same as JSON', '{"load":{"users":4}}', { config: { load: { users: 4 } } }],
    ['a name', 'nightly.v2', { name: 'nightly.v2' }],
  ])('reads %s', (_, written, read) => {
    expect(testConfigOf(written)).toMatchObject(read);
  });

  test.each([
    [
      { assertions: [{ type: 'expect', expression: 'status = 3' }] },
      'testConfig.assertions[0].expression: column 8: a single =',
    ],
    [{ goals: { rules: ['latency.p95 < 3'] } }, 'testConfig.goals.rules[0]: column'],
    ['{"load":{"user":4}}', 'testConfig.load: Unrecognized key: "user"'],
    ['Not A Name', 'neither JSON nor a name'],
    ['"text"', 'testConfig: Invalid input'],
  ])('refuses %j where it is wrong', (written, problem) => {
    expect(testConfigOf(written)).toMatchObject({ problem: expect.stringContaining(problem) });
  });
});

const envOf = (template: Obj): Record<string, string> =>
  Object.fromEntries(
    template.spec.containers[0].env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  );
/** What Kubernetes makes of a value: `$$(` is a `$(` that is no variable. */
const expanded = (value: string) => value.replaceAll('$$(', () => '$(');

describe('what is asked of a replay', () => {
  const replay = replayWith();
  const workload = replay.spec.workloads[0]!;

  test('reaches the generators: load and assertions, as they were written', () => {
    const job = generatorJob(
      replay,
      { index: 0, url: 'http://a:80', bytes: null, testConfig: CONFIG },
      setting,
    );
    const env = envOf(job.spec.template);
    expect(JSON.parse(env.ECHOPLANE_LOAD!)).toEqual(CONFIG.load);
    expect(env.ECHOPLANE_ASSERTIONS).not.toMatch(/(?<!\$)\$\(HOME/);
    expect(JSON.parse(expanded(env.ECHOPLANE_ASSERTIONS!))).toEqual(CONFIG.assertions);
  });

  test('reaches the responders: their plan', () => {
    const parts = { index: 0, target: targetOf(replay, workload)!, workload, decoded: ['pay:80'] };
    const pods = responderPods(replay, { ...parts, plan: CONFIG.responder });
    const env = envOf(responderObjects(replay, pods, null, setting).deployment.spec.template);
    expect(JSON.parse(env.ECHOPLANE_PLAN!)).toEqual(CONFIG.responder);
  });

  test('is nothing when nothing is asked', () => {
    const job = generatorJob(replay, { index: 0, url: 'http://a:80', bytes: null, testConfig: {} }, setting);
    const names = Object.keys(envOf(job.spec.template));
    expect(names).not.toContain('ECHOPLANE_LOAD');
    expect(names).not.toContain('ECHOPLANE_ASSERTIONS');
  });

  test('is given to the control plane when the replay is opened', () => {
    const looking = replayWith({ status: { stages: stagesUpTo('snapshot'), snapshot: 'a-snapshot' } });
    expect(next(looking, { testConfig: { config: CONFIG } })).toMatchObject({
      do: 'open',
      testConfig: CONFIG,
    });
    expect(next(looking, { targets: [target()] })).not.toHaveProperty('testConfig');
  });
});
