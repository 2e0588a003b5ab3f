// How a run goes, from the generator's own settings and the load of a test config, which comes first. Pure.
import type { LoadPlan, LoadStage } from '@echoplane/traffic';

/** Virtual users, when nobody says how many. */
const USERS = 8;
/** Requests at once in recorded order: the recording bounds them, this bounds a recording. */
const MAX_IN_FLIGHT = 256;
/** Results kept of each endpoint under load. */
const KEPT_UNDER_LOAD = 1_000;

/** Time for one response under load, and where what follows needs it, however busy the machine is; ms. */
const LOAD_TIMEOUT_MS = 10_000;
const ORDERED_TIMEOUT_MS = 60_000;

export interface RunPlan {
  order: 'recorded' | 'sessions';
  /** Virtual users in the order of sessions. */
  users: number;
  maxInFlight: number;
  /** Undefined: recorded order keeps pauses up to a minute in all, sessions keep none. */
  thinkFactor: number | undefined;
  timeoutMs: number;
  retries: number;
  /** Of each endpoint; null: all. */
  keepResults: number | null;
  /** Empty: every test is sent once. */
  stages: readonly LoadStage[];
}

export interface LoadSettings {
  concurrency?: number | undefined;
  thinkFactor?: number | undefined;
  timeoutMs?: number | undefined;
  load?: LoadPlan | undefined;
}

export function runPlan({ concurrency, thinkFactor, timeoutMs, load = {} }: LoadSettings): RunPlan {
  const stages = load.stages ?? [];
  const users = load.users ?? concurrency;
  const order = stages.length > 0 ? 'sessions' : (load.order ?? 'recorded');
  return {
    order,
    users: users ?? USERS,
    maxInFlight: users ?? MAX_IN_FLIGHT,
    thinkFactor: load.thinkFactor ?? thinkFactor,
    timeoutMs: load.timeoutMs ?? timeoutMs ?? (order === 'recorded' ? ORDERED_TIMEOUT_MS : LOAD_TIMEOUT_MS),
    retries: load.retries ?? 0,
    keepResults: load.keepResults ?? (stages.length > 0 ? KEPT_UNDER_LOAD : null),
    stages,
  };
}
