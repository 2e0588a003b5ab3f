// The generators: one Indexed Job for each workload that gets requests; all indexes ready, then one common start, then
// their results. An index that is lost voids the run. Pure.
import type { Obj } from '@echoplane/kube';
import { collectorDeployment } from './collector-pods.ts';
import { type FactSet, itemOf, objectKey, type Setting, type Step } from './facts.ts';
import { generatorJob, generatorName, trustItem } from './generator-pods.ts';
import { type IndexResult, indexResults, isOver } from './generator-results.ts';
import { configOf, serverTrouble } from './mocks-stage.ts';
import { type TrafficReplay, targetOf, workloadKey } from './replay-object.ts';
import { withItems } from './status.ts';
import { addressOf } from './target-address.ts';
import { targetsLost } from './target-stage.ts';

type Facts = Pick<
  FactSet,
  'targets' | 'testConfig' | 'objects' | 'generators' | 'servers' | 'services' | 'sizes'
>;
const POLL_MS = 1_000;
/** From all ready to the start: time for each to hear of it. */
const START_LEAD_MS = 3_000;

export function generateStep(replay: TrafficReplay, facts: Facts, setting: Setting): Step {
  const { status } = replay;
  const { targets, objects, generators, servers } = facts;
  const lost = targetsLost(replay, targets);
  if (lost) return lost;
  const jobs = jobNames(replay);
  const missing = jobs.filter(
    (name) => !objects[objectKey({ kind: 'Job', namespace: setting.namespace, name })],
  );
  if (missing.length > 0) {
    // After the start a Job that is gone is not made anew: its requests would come twice.
    if (status.startAt !== undefined)
      return fail('GeneratorLost', `The Job ${missing[0]} was deleted during the run.`);
    return start(replay, facts, setting);
  }
  const results = indexResults(replay, jobs, generators);
  const open = results.filter((result) => !isOver(result));
  if (status.startAt === undefined) {
    // Without mocks this stage is the first to have a collector.
    const troubled = serverTrouble(servers, []);
    return troubled?.do === 'end' ? troubled : beforeStart(results, open, setting);
  }
  // Pods of a Job that failed are taken away by its controller.
  const isFailed = jobs.some((name) =>
    hasFailed(objects[objectKey({ kind: 'Job', namespace: setting.namespace, name })]),
  );
  if (open.some(({ state }) => state !== 'absent') || (open.length > 0 && !isFailed))
    return {
      do: 'wait',
      ms: POLL_MS,
      why: {
        reason: 'Running',
        message: `${results.length - open.length} of ${results.length} generators are done.`,
      },
    };
  return { do: 'stage-done', message: summary(results) };
}

function beforeStart(results: IndexResult[], open: IndexResult[], { nowMs }: Setting): Step {
  const failed = results.find(isOver);
  if (failed)
    return fail(
      'GeneratorFailed',
      `Generator ${failed.index} of ${failed.job} did not get to the start: ${failed.why || 'it had nothing to do'}.`,
    );
  const waiting = open.filter(({ state }) => state !== 'ready');
  if (waiting.length === 0) {
    const at = new Date(nowMs + START_LEAD_MS).toISOString();
    return { do: 'status', change: { startAt: at.replace('Z', '000Z') } };
  }
  const [first] = waiting;
  const message = `${results.length - waiting.length} of ${results.length} generators are ready; generator ${first!.index} of ${first!.job}: ${first!.why}.`;
  return { do: 'wait', ms: POLL_MS, why: { reason: 'Starting', message } };
}

/** Everything the Jobs need, in the inventory first. */
function start(replay: TrafficReplay, facts: Facts, setting: Setting): Step {
  const { spec, status } = replay;
  const objects: Obj[] = [];
  for (const [index, workload] of spec.workloads.entries()) {
    const target = targetOf(replay, workload);
    const fact = target && facts.targets.find((one) => workloadKey(one) === workloadKey(target));
    const address = fact ? addressOf(fact, workload, facts.services) : { url: workload.url! };
    if ('problem' in address) return fail('NoAddress', address.problem);
    const { sizes, testConfig } = facts;
    objects.push(
      generatorJob(
        replay,
        { index, url: address.url, bytes: sizes.tests, testConfig: configOf(testConfig) },
        setting,
      ),
    );
  }
  const collector = collectorDeployment(replay, facts.targets, setting);
  const all = [collector, ...objects];
  const trust = trustItem(replay, setting);
  const missing = [trust, ...all.map(itemOf)].filter(
    (item) => !status.inventory.some((known) => objectKey(known) === objectKey(item)),
  );
  if (missing.length > 0)
    return { do: 'status', change: { inventory: withItems(status.inventory, missing) } };
  if (!facts.objects[objectKey(trust)]) return { do: 'trust', item: trust, namespaces: [] };
  return { do: 'make', objects: all.filter((object) => !facts.objects[objectKey(itemOf(object))]) };
}

function jobNames(replay: TrafficReplay): string[] {
  return replay.spec.workloads.map((_, index) => generatorName(replay, index));
}

function hasFailed(job: Obj | null | undefined): boolean {
  return (job?.status?.conditions ?? []).some(
    ({ type, status }: { type: string; status: string }) => type === 'Failed' && status === 'True',
  );
}

function summary(results: IndexResult[]): string {
  const lost = results.filter(({ state }) => state !== 'succeeded');
  const sent = results.reduce((sum, { run }) => sum + (run?.sent ?? 0), 0);
  const tail =
    lost.length > 0
      ? `; lost, which voids the run: ${lost.map(({ job, index, why }) => `${index} of ${job} (${why})`).join(', ')}`
      : '';
  return `${sent} requests by ${results.length} generators${tail}.`;
}

function fail(reason: string, message: string): Step {
  return { do: 'end', ending: { phase: 'Failed', reason, message, verdict: 'void' } };
}
