// What is asked of clusters: the state of their data planes, and commands, which are asked and then looked after until
// their inspector has answered.
import { type ClusterCommandBody, type ClusterCommandKind, ClusterCommandResults } from '@echoplane/api';
import { queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import { client } from './api.ts';

const AGENTS_REFRESH_MS = 5_000;
const RULES_REFRESH_MS = 30_000;
const WORKLOADS_FRESH_MS = 30_000;
const POLL_MS = 500;
/** The control plane gives every command up earlier than this. */
const GIVE_UP_MS = 180_000;

type Asked<K extends ClusterCommandKind> = Extract<z.input<typeof ClusterCommandBody>, { kind: K }>;
type Answer<K extends ClusterCommandKind> = z.output<(typeof ClusterCommandResults)[K]>;
export type Workload = Answer<'list-workloads'>['workloads'][number];
export type WorkloadRef = Asked<'inject'>['workload'];

/** A command that was not done, with the sentence for whoever asked. */
export class CommandError extends Error {}

export const agentsQuery = queryOptions({
  queryKey: ['agents'],
  queryFn: ({ signal }) => client.call('agents', {}, signal),
  refetchInterval: AGENTS_REFRESH_MS,
});

/** Version of the rules every data plane should run; null when the tenant has none of its own. */
export const rulesVersionQuery = queryOptions({
  queryKey: ['rules-version'],
  queryFn: async ({ signal }) => (await client.call('rules', {}, signal)).version,
  refetchInterval: RULES_REFRESH_MS,
});

/** The workloads of a cluster. Each asking is a command in the audit log: only a person, or a change, asks again. */
export function workloadsQuery(inspector: string) {
  return queryOptions({
    queryKey: ['workloads', inspector],
    queryFn: ({ signal }) => ask(inspector, { kind: 'list-workloads' }, signal),
    staleTime: WORKLOADS_FRESH_MS,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}

/** Asks an inspector and waits for its answer. Throws CommandError when it could not do it or did not answer in time. */
export async function ask<K extends ClusterCommandKind>(
  inspector: string,
  body: Asked<K>,
  signal?: AbortSignal,
): Promise<Answer<K>> {
  const asked = { agent: inspector, body: body as z.input<typeof ClusterCommandBody> };
  const { id } = await client.call('createCommand', { body: asked }, signal);
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (;;) {
    const { state, message, result } = await client.call('command', { params: { id } }, signal);
    if (state === 'succeeded') return ClusterCommandResults[body.kind].parse(result) as Answer<K>;
    if (state === 'failed') throw new CommandError(message ?? 'The inspector gave no reason; see its log.');
    if (state === 'expired' || Date.now() > giveUpAt)
      throw new CommandError(
        'The inspector did not answer in time. Look whether its pod runs; then try again.',
      );
    await pause(POLL_MS, signal);
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', over);
      resolve();
    }, ms);
    signal?.addEventListener('abort', over, { once: true });
    if (signal?.aborted) over();
  });
}
