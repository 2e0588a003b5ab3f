// The heartbeat: what the data plane is doing, told every ten seconds, and what the control plane answers to it. One that
// is slow or lost is not made up for: the next one says it all.
import type { ApiClient, Heartbeat, HeartbeatAnswer } from '@echoplane/api';
import type { Clock } from '@echoplane/runtime';
import type { z } from 'zod';
import { within } from './deadline.ts';

export const HEARTBEAT_MS = 10_000;

export interface HeartbeatOptions {
  client: ApiClient;
  clock: Clock;
  /** What is told now. */
  beat(): Heartbeat;
  answered(answer: z.infer<typeof HeartbeatAnswer>, told: Heartbeat): void;
  failed(err: unknown): void;
}

/** Tells until `signal` aborts, at once and then every ten seconds. */
export async function keepHeartbeat(options: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  const { client, clock } = options;
  while (!signal.aborted) {
    try {
      const told = options.beat();
      const limit = { clock, ms: HEARTBEAT_MS, what: 'a heartbeat' };
      const answer = await within(limit, signal, (limited) =>
        client.call('agentHeartbeat', { body: told }, limited),
      );
      options.answered(answer, told);
    } catch (err) {
      if (!signal.aborted) options.failed(err);
    }
    await clock.sleep(HEARTBEAT_MS, signal);
  }
}
