// The thread of a metronome: see metronome.ts. It does nothing but sleep and post.
import { parentPort, workerData } from 'node:worker_threads';
import { ArrivalSchedule } from './arrival-schedule.ts';
import { type MetronomeData, monotonicUs, PHASE, READY, RUNNING, START_BYTE, WAITING } from './metronome.ts';

/** Requests that are due closer together share a tick. */
const MIN_BEAT_US = 100;
/** So that the end of a run, or a user that was missing, is noticed also when nothing is due. */
const MAX_BEAT_US = 100_000;

const { state: shared, plan } = workerData as MetronomeData;
const state = new Int32Array(shared, 0, 2);
const schedule = new ArrivalSchedule(plan);
Atomics.wait(state, PHASE, READY);
const startUs = new Float64Array(shared, START_BYTE)[0]!;
let next = 0;
let atUs = startUs + (schedule.count > 0 ? schedule.atUs(0) : 0);
while (Atomics.load(state, PHASE) === RUNNING) {
  const waitUs = atUs - monotonicUs();
  if (waitUs > 0 && Atomics.wait(state, PHASE, RUNNING, waitUs / 1000) !== 'timed-out') break;
  if (Atomics.exchange(state, WAITING, 1) === 0) parentPort!.postMessage(null);
  const nowUs = monotonicUs();
  while (next < schedule.count && startUs + schedule.atUs(next) <= nowUs) next++;
  const dueUs = next < schedule.count ? startUs + schedule.atUs(next) : Number.POSITIVE_INFINITY;
  atUs = Math.min(Math.max(dueUs, nowUs + MIN_BEAT_US), nowUs + MAX_BEAT_US);
}
