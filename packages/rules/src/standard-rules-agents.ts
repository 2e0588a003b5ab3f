// The standard rules for monitoring: where agents and libraries send traces, metrics, logs and errors. Data only.
import { header } from '@echoplane/traffic';
import type { ExpressionView } from './filter-language/view.ts';
import type { StandardRule } from './standard-rules.ts';

const isPost = (view: ExpressionView) => view.method === 'POST' || view.method === 'PUT';

function has(view: ExpressionView, name: string, value = /./): boolean {
  return value.test(header(view.pair.request?.headers ?? [], name) ?? '');
}

const SENTRY_HOST = /\.ingest\.([a-z]+\.)?sentry\.io(:\d+)?$/i;

export const AGENT_RULES: readonly StandardRule[] = [
  {
    name: 'otlp',
    what: 'OpenTelemetry export: OTLP over gRPC, and over HTTP to `/v1/traces`, `/v1/metrics`, `/v1/logs` (protobuf, or an OpenTelemetry user agent)',
    paths: [
      ...['/v1/traces', '/v1/metrics', '/v1/logs', '/opentelemetry.proto.collector.trace.v1.TraceService/'],
      '/opentelemetry.proto.collector.metrics.v1.MetricsService/',
      '/opentelemetry.proto.collector.logs.v1.LogsService/',
    ],
    only: (view) =>
      isPost(view) &&
      (view.path.startsWith('/open') ||
        has(view, 'content-type', /^application\/x-protobuf/i) ||
        has(view, 'user-agent', /^(otel|opentelemetry)/i)),
  },
  {
    name: 'zipkin',
    what: 'spans for Zipkin, POST `/api/v1/spans` and `/api/v2/spans`',
    paths: ['/api/v1/spans', '/api/v2/spans'],
    only: isPost,
  },
  {
    name: 'jaeger',
    what: 'spans for Jaeger: POST `/api/traces` in Thrift, and its gRPC collector',
    paths: ['/api/traces', '/jaeger.api_v2.CollectorService/', '/jaeger.api_v2.SamplingManager/'],
    only: (view) => view.path.startsWith('/jaeger') || (isPost(view) && has(view, 'content-type', /thrift/i)),
  },
  {
    name: 'prometheus-remote-write',
    what: 'Prometheus remote write, to any path that names it and with its header',
    paths: ['/api/v1/write', '/api/v1/push', '/api/prom/push', '/api/v1/receive', '/insert/'],
    only: (view) => isPost(view) && has(view, 'x-prometheus-remote-write-version'),
  },
  {
    name: 'loki',
    what: 'log lines for Loki, `/loki/api/v1/push`',
    paths: ['/loki/api/v1/push'],
    only: isPost,
  },
  {
    name: 'victoriametrics',
    what: 'VictoriaMetrics imports, `/api/v1/import/prometheus`, `/insert/…/prometheus/…`, `/opentelemetry/v1/metrics`',
    paths: [
      '/api/v1/import/prometheus',
      '/api/v1/import/prometheus/',
      '/opentelemetry/v1/metrics',
      '/insert/',
    ],
    only: (view) =>
      isPost(view) &&
      (!view.path.startsWith('/insert/') ||
        /^\/insert\/[\d:]+\/(prometheus|opentelemetry|influx)\//.test(view.path)),
  },
  { name: 'grafana-cloud', what: '`*.grafana.net`', hosts: ['grafana.net'] },
  {
    name: 'datadog',
    what: '`*.datadoghq.com`, `.eu`, `*.ddog-gov.com`, and traces to a Datadog agent (`/v0.4/traces` and the like)',
    hosts: ['datadoghq.com', 'datadoghq.eu', 'ddog-gov.com'],
    paths: [
      ...['/v0.3/traces', '/v0.4/traces', '/v0.5/traces', '/v0.7/traces', '/v0.6/stats', '/v0.7/config'],
      ...['/telemetry/proxy/', '/evp_proxy/', '/profiling/v1/input'],
    ],
  },
  { name: 'newrelic', what: '`*.nr-data.net`, `*.newrelic.com`', hosts: ['nr-data.net', 'newrelic.com'] },
  {
    name: 'dynatrace',
    what: '`*.dynatrace.com`, `*.dynatracelabs.com`',
    hosts: ['dynatrace.com', 'dynatracelabs.com'],
  },
  { name: 'appdynamics', what: '`*.appdynamics.com`', hosts: ['appdynamics.com'] },
  {
    name: 'sentry',
    what: '`*.ingest.sentry.io`, and `/api/…/envelope/` or `/store/` with a Sentry client',
    hosts: ['sentry.io'],
    paths: ['/api/'],
    only: (view) => isSentryEvent(view) || (view.direction === 'OUT' && SENTRY_HOST.test(view.host)),
  },
  { name: 'honeycomb', what: '`*.honeycomb.io`', hosts: ['honeycomb.io'] },
  {
    name: 'splunk',
    what: '`*.signalfx.com`, `*.observability.splunkcloud.com`, and the HTTP event collector, `/services/collector`',
    hosts: ['signalfx.com', 'observability.splunkcloud.com'],
    paths: ['/services/collector', '/services/collector/'],
  },
  {
    name: 'elastic-apm',
    what: 'Elastic APM: `/intake/v2/events`, `/config/v1/agents`, and the hosts `*.apm.*` of Elastic Cloud',
    hosts: ['cloud.es.io', 'elastic-cloud.com'],
    paths: ['/intake/v2/events', '/intake/v2/rum/events', '/config/v1/agents'],
    only: (view) => /^\/(intake|config)\//.test(view.path) || view.host.includes('.apm.'),
  },
  { name: 'instana', what: '`*.instana.io`', hosts: ['instana.io'] },
  { name: 'lightstep', what: '`*.lightstep.com`', hosts: ['lightstep.com'] },
  { name: 'rollbar', what: '`api.rollbar.com`', hosts: ['api.rollbar.com'] },
  {
    name: 'bugsnag',
    what: '`notify.bugsnag.com`, `sessions.bugsnag.com`',
    hosts: ['notify.bugsnag.com', 'sessions.bugsnag.com'],
  },
  { name: 'raygun', what: '`api.raygun.com`, `api.raygun.io`', hosts: ['api.raygun.com', 'api.raygun.io'] },
  { name: 'airbrake', what: '`*.airbrake.io`', hosts: ['airbrake.io'] },
  { name: 'scout-apm', what: '`*.scoutapm.com`', hosts: ['scoutapm.com'] },
  { name: 'loggly', what: '`*.loggly.com`', hosts: ['loggly.com'] },
  { name: 'papertrail', what: '`*.papertrailapp.com`', hosts: ['papertrailapp.com'] },
  { name: 'sumologic', what: '`*.sumologic.com`', hosts: ['sumologic.com'] },
  { name: 'logzio', what: '`*.logz.io`', hosts: ['logz.io'] },
  {
    name: 'logdna',
    what: '`*.logging.cloud.ibm.com`, `*.logdna.com`, `*.mezmo.com`',
    hosts: ['logging.cloud.ibm.com', 'logdna.com', 'mezmo.com'],
  },
  { name: 'coralogix', what: '`*.coralogix.com`', hosts: ['coralogix.com'] },
  { name: 'axiom', what: '`api.axiom.co`', hosts: ['api.axiom.co'] },
  {
    name: 'better-stack',
    what: '`*.logtail.com`, `*.betterstackdata.com`',
    hosts: ['logtail.com', 'betterstackdata.com'],
  },
  { name: 'chronosphere', what: '`*.chronosphere.io`', hosts: ['chronosphere.io'] },
  {
    name: 'azure-monitor',
    what: 'Application Insights and Azure Monitor',
    hosts: [
      ...[
        'applicationinsights.azure.com',
        'dc.services.visualstudio.com',
        'livediagnostics.monitor.azure.com',
      ],
      ...['ods.opinsights.azure.com', 'ingest.monitor.azure.com', 'rt.services.visualstudio.com'],
    ],
  },
  {
    name: 'aws-monitoring',
    what: 'CloudWatch, CloudWatch Logs and X-Ray',
    hosts: ['amazonaws.com', 'amazonaws.com.cn'],
    // A bucket of S3 may be called `logs`: what follows must be a region.
    only: (view) => /^(monitoring|logs|xray)\.[a-z]{2}(-[a-z]+)+-\d\.amazonaws\.com/i.test(view.host),
  },
  {
    name: 'google-monitoring',
    what: 'Cloud Monitoring, Logging, Trace, Profiler and Error Reporting',
    hosts: [
      ...['monitoring.googleapis.com', 'logging.googleapis.com', 'cloudtrace.googleapis.com'],
      ...['cloudprofiler.googleapis.com', 'clouderrorreporting.googleapis.com', 'telemetry.googleapis.com'],
    ],
  },
];

/** A self-hosted Sentry has any host; its clients say who they are in a header or the query. */
function isSentryEvent(view: ExpressionView): boolean {
  return (
    isPost(view) &&
    /^\/api\/\d+\/(envelope|store|minidump|security)\/$/.test(view.path) &&
    (has(view, 'x-sentry-auth') || view.request.query.includes('sentry_key='))
  );
}
