// What the API server itself says of the pod webhook's time: its histogram, whose bounds are few, between two looks.
import type { KubeClient } from '@echoplane/kube';

const METRIC = 'apiserver_admission_webhook_admission_duration_seconds';
const WEBHOOK = 'name="pods.echoplane.dev"';

export interface WebhookTimes {
  since(before: WebhookTimes): { calls: number; meanMs: number; p50AtMostMs: number; p99AtMostMs: number };
  calls: number;
  sumS: number;
  /** Calls at most as long as each bound, in seconds, ascending. */
  buckets: { le: number; calls: number }[];
}

export async function webhookTimes(client: KubeClient): Promise<WebhookTimes> {
  const answer = await client.stream('/metrics');
  const lines = Buffer.concat(await answer.toArray())
    .toString()
    .split('\n');
  const buckets = new Map<number, number>();
  let calls = 0;
  let sumS = 0;
  for (const line of lines) {
    if (!line.startsWith(METRIC) || !line.includes(WEBHOOK)) continue;
    const value = Number(line.slice(line.lastIndexOf(' ') + 1));
    const bound = /le="([^"]+)"/.exec(line)?.[1];
    if (bound !== undefined) {
      const le = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
      buckets.set(le, (buckets.get(le) ?? 0) + value);
    } else if (line.startsWith(`${METRIC}_count`)) calls += value;
    else if (line.startsWith(`${METRIC}_sum`)) sumS += value;
  }
  const ascending = [...buckets].map(([le, n]) => ({ le, calls: n })).sort((a, b) => a.le - b.le);
  const times: WebhookTimes = { calls, sumS, buckets: ascending, since: (before) => between(before, times) };
  return times;
}

function between(before: WebhookTimes, after: WebhookTimes) {
  const calls = after.calls - before.calls;
  const callsUpTo = (le: number) => before.buckets.find((one) => one.le === le)?.calls ?? 0;
  const boundOf = (share: number) =>
    (after.buckets.find(({ le, calls: n }) => n - callsUpTo(le) >= share * calls)?.le ?? Number.NaN) * 1_000;
  return {
    ...{ calls, meanMs: Math.round(((after.sumS - before.sumS) / calls) * 1e5) / 100 },
    ...{ p50AtMostMs: boundOf(0.5), p99AtMostMs: boundOf(0.99) },
  };
}
