// How many threads a run has: one, unless it is a load that one may not keep up with. Pure.
import { type LoadSettings, runPlan } from './load-plan.ts';

/** More than there are cores on most machines; each takes some 100 MB. */
export const MAX_WORKERS = 64;
/** What one thread sends on a core of its own with room to spare for large answers and everything else: a quarter of its best. */
const RPS_OF_WORKER = 5_000;

export interface WorkerSettings extends LoadSettings {
  workers?: number | undefined;
}

/** Why the workers that were asked for cannot be had; null when they can. */
export function workersProblem({ workers = 1, ...settings }: WorkerSettings): string | null {
  if (workers === 1 || runPlan(settings).order === 'sessions') return null;
  return 'the recorded order is kept by one thread; leave it out, or ask for stages or for the order of sessions in ECHOPLANE_LOAD';
}

/**
 * As many as asked for, else one for every 5,000 requests a second of a stage, and no more than `cores`: a thread more takes
 * memory and a core, which the service under test may need. No more in any case than users of a closed model, each of whom is
 * in one thread.
 */
export function workersOf({ workers, ...settings }: WorkerSettings, cores: number): number {
  const { order, stages, users } = runPlan(settings);
  if (order === 'recorded') return 1;
  const rates = stages.flatMap(({ rps }) => rps ?? []);
  const closed = stages.length === 0 ? [users] : stages.flatMap((stage) => stage.users ?? []);
  const needed = Math.max(1, ...rates.map((rps) => Math.ceil(rps / RPS_OF_WORKER)));
  return Math.min(workers ?? Math.min(needed, cores), ...closed, MAX_WORKERS);
}
