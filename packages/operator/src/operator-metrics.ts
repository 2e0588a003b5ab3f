// What /metrics of the operator says: admissions, coverage, certificates, reconciles, leadership. Names and labels here are
// those of the dashboards and alerts that the chart brings.
import type { WorkQueue } from '@echoplane/kube';
import type { Sample } from '@echoplane/runtime';
import type { AdmissionMeasure } from './webhooks/webhook-server.ts';

export interface MetricSources {
  admissions: AdmissionMeasure;
  /** Pods that should have the sidecar and have not, by workload (`Kind/namespace/name`). */
  gaps: ReadonlyMap<string, number>;
  /** Workloads of which nothing goes out through the sidecar, likewise. */
  silent: ReadonlySet<string>;
  /** Ends of certificates, s since the epoch, by Secret. */
  expiry: ReadonlyMap<string, number>;
  queues: ReadonlyMap<string, WorkQueue>;
  errors: ReadonlyMap<string, number>;
  /** What is wrong, by component. */
  troubles: ReadonlyMap<string, string>;
  isLeader: boolean;
  upgradeAvailable: string | null;
  nowS: number;
}

/** More workloads of a kind than this are no series each. */
const MAX_WORKLOAD_SERIES = 500;

export function operatorSamples(sources: MetricSources): Sample[] {
  const { admissions, gaps, silent, expiry, queues, errors, troubles, nowS } = sources;
  const gauge = (name: string, help: string, values: Sample['values']): Sample => ({
    ...{ name: `echoplane_operator_${name}`, help, type: 'gauge', values },
  });
  const counter = (name: string, help: string, values: Sample['values']): Sample => ({
    ...{ name: `echoplane_operator_${name}`, help, type: 'counter', values },
  });
  const named = (map: ReadonlyMap<string, number>, label: string) =>
    [...map].map(([key, value]) => ({ labels: { [label]: key }, value }));
  return [
    counter(
      'admissions_total',
      'Admission reviews by webhook and outcome',
      [...admissions.outcomes.values()].map(({ path, outcome, count }) => ({
        labels: { path, outcome },
        value: count,
      })),
    ),
    counter('admission_seconds_bucket', 'Admission reviews that took at most le', [
      ...admissions.buckets.map(({ le, count }) => ({ labels: { le: String(le) }, value: count })),
      { labels: { le: '+Inf' }, value: admissions.total },
    ]),
    counter('admission_seconds_sum', 'Seconds of all admission reviews', [{ value: admissions.sumS }]),
    counter('admission_seconds_count', 'Admission reviews', [{ value: admissions.total }]),
    gauge(
      'coverage_gap_pods',
      'Pods that should have the sidecar and have not',
      [...named(gaps, 'workload')].slice(0, MAX_WORKLOAD_SERIES),
    ),
    gauge('coverage_gaps', 'Workloads with such pods', [{ value: gaps.size }]),
    gauge(
      'silent_outbound',
      'Workloads without redirection of which nothing went out through the sidecar for five minutes',
      [...silent].slice(0, MAX_WORKLOAD_SERIES).map((workload) => ({ labels: { workload }, value: 1 })),
    ),
    gauge(
      'certificate_expiry_seconds',
      'Seconds until a certificate ends',
      [...expiry].map(([secret, atS]) => ({ labels: { secret }, value: Math.round(atS - nowS) })),
    ),
    counter('reconcile_errors_total', 'Reconciles that failed', named(errors, 'reconciler')),
    gauge(
      'queue_length',
      'Keys that wait for their reconciler',
      [...queues].map(([reconciler, { length }]) => ({ labels: { reconciler }, value: length })),
    ),
    gauge(
      'component_ready',
      '1 while the component is as it should be, 0 while it is not; said by the leader',
      sources.isLeader
        ? [...new Set(['forwarder', 'inspector', ...troubles.keys()])].map((component) => ({
            labels: { component },
            value: troubles.has(component) ? 0 : 1,
          }))
        : [],
    ),
    gauge('leader', 'Whether this replica leads', [{ value: sources.isLeader ? 1 : 0 }]),
    gauge('upgrade_available', '1 while a newer version waits for somebody to take it', [
      { value: sources.upgradeAvailable === null ? 0 : 1 },
    ]),
  ];
}
