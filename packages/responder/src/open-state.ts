// The state of this replay: one that several responders share where an address of a store is given, else our own.
import { LocalReplayState, type ReplayState } from '@echoplane/replay';
import type { Clock, Logger, Sample } from '@echoplane/runtime';
import { JointState } from './joint-state.ts';
import { postgresStore } from './postgres-store.ts';
import { redisStore } from './redis-store.ts';

export interface StateOptions {
  /** postgres://…, redis://… or rediss://…; undefined: this responder is alone. */
  url: string | undefined;
  /** How long a call of the shared state may take. */
  timeoutMs: number;
  replayId: string | undefined;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** Takes every value that was learned, by anybody. */
  tell(recorded: string, live: string): void;
}

export interface OpenState {
  state: ReplayState;
  /** Whether a shared state is away at this moment. */
  isAlone(): boolean;
  samples(): Sample[];
}

/** Opens it; a store that is away now is awaited while answers are given. */
export function openState({ url, timeoutMs, replayId = '', tell, ...rest }: StateOptions): OpenState {
  if (url === undefined) {
    return { state: new LocalReplayState(tell), isAlone: () => false, samples: () => [] };
  }
  const storeOf = url.startsWith('redis') ? redisStore : postgresStore;
  const state = new JointState({ store: storeOf(url, replayId, timeoutMs), timeoutMs, tell, ...rest });
  void state.run();
  return { state, isAlone: () => state.isAlone, samples: () => state.samples() };
}
