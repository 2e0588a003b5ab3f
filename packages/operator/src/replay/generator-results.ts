// What became of the generators, index by index, from their pods: a pod's last words are its run. Lost indexes void the
// whole, because nobody knows what they measured. Pure.
import type { Obj } from '@echoplane/kube';
import { REPLAY_PREFIX } from '@echoplane/resources';
import { GeneratorRun, mergeRuns } from '@echoplane/traffic';
import { podTrouble } from './pod-trouble.ts';
import type { TrafficReplay } from './replay-object.ts';

const INDEX_LABEL = 'batch.kubernetes.io/job-completion-index';
const JOB_LABEL = 'batch.kubernetes.io/job-name';
/** Set on its pod by the artifact endpoint when a generator asks for the start: it has everything it needs. */
export const READY_ANNOTATION = `${REPLAY_PREFIX}ready`;

export interface IndexResult {
  job: string;
  index: number;
  state: 'absent' | 'starting' | 'ready' | 'succeeded' | 'failed';
  run: GeneratorRun | null;
  /** Of a pod that failed or cannot start. */
  why: string;
}

/** One result for each index of each Job. */
export function indexResults(
  { spec }: Pick<TrafficReplay, 'spec'>,
  jobs: readonly string[],
  pods: readonly Obj[],
): IndexResult[] {
  return jobs.flatMap((job) => {
    const own = pods.filter(({ metadata }) => metadata.labels?.[JOB_LABEL] === job);
    return Array.from({ length: spec.generator.replicas }, (_, index) => {
      const pod = own.find(({ metadata: { labels, annotations } }) => {
        const said = labels?.[INDEX_LABEL] ?? annotations?.[INDEX_LABEL];
        return said !== undefined && Number(said) === index;
      });
      return pod
        ? resultOf(job, index, pod)
        : { job, index, state: 'absent' as const, run: null, why: 'its pod is gone' };
    });
  });
}

function resultOf(job: string, index: number, pod: Obj): IndexResult {
  const container = pod.status?.containerStatuses?.[0];
  const ended = container?.state?.terminated;
  const words = String(ended?.message ?? '');
  const at = { job, index };
  if (pod.status?.phase === 'Succeeded') {
    const run = readRun(words);
    return run
      ? { ...at, state: 'succeeded', run, why: '' }
      : { ...at, state: 'failed', run: null, why: 'it left no readable result' };
  }
  if (pod.status?.phase === 'Failed') {
    const why =
      words || pod.status.message || ended?.reason || pod.status.reason || 'it failed without a word';
    return { ...at, state: 'failed', run: readRun(words), why: readRun(words) ? ended.reason : why };
  }
  const trouble = podTrouble(pod);
  if (trouble?.isHopeless) return { ...at, state: 'failed', run: null, why: trouble.why };
  const isReady = pod.metadata.annotations?.[READY_ANNOTATION] !== undefined;
  const waiting = container?.state?.waiting?.reason ?? 'it fetches its artifacts';
  return { ...at, state: isReady ? 'ready' : 'starting', run: null, why: trouble?.why ?? waiting };
}

function readRun(text: string): GeneratorRun | null {
  try {
    return GeneratorRun.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export const isOver = ({ state }: IndexResult): boolean => state === 'succeeded' || state === 'failed';

/** The run of all generators as one; voided by each index that was lost. */
export function runOf(replay: TrafficReplay, pods: readonly Obj[]): GeneratorRun {
  const results = indexResults(replay, generatorJobs(replay), pods);
  const merged = mergeRuns(results.map(({ run }) => run));
  const lost = results.filter(({ state }) => state !== 'succeeded').map(lostSentence);
  // Nobody measured anything: the report still needs a time.
  const startedAt = merged.startedAt || Date.parse(replay.status.startAt ?? '') * 1_000;
  const finishedAt = Math.max(merged.finishedAt, startedAt);
  return { ...merged, startedAt, finishedAt, voidReasons: [...merged.voidReasons, ...lost] };
}

function lostSentence({ job, index, why }: IndexResult): string {
  return `generator ${index} of ${job} was lost: ${why.slice(0, 300)}`;
}

/** Names of the generator Jobs that were made. */
function generatorJobs({ status }: TrafficReplay): string[] {
  return status.inventory.filter(({ kind }) => kind === 'Job').map(({ name }) => name);
}
