import type { HeaderList } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { exprViewOf } from './filter-language/view.ts';
import { type PairSketch, sketch } from './pair.fixture.ts';
import { STANDARD_RULES, standardRuleOf } from './standard-rules.ts';

const by = (agent: string): HeaderList => [['User-Agent', agent]];
const to = (host: string, path = '/x'): PairSketch => ({
  direction: 'OUT',
  method: 'POST',
  url: `https://${host}${path}`,
});
const post = (path: string, ...headers: HeaderList): PairSketch => ({
  direction: 'OUT',
  method: 'POST',
  url: `http://c:1${path}`,
  headers,
});

/** What each rule drops; a rule without an example fails the test. */
const DROPPED: Record<string, PairSketch[]> = {
  'kube-probe': [{ headers: by('kube-probe/1.33'), url: 'http://10.0.0.1:8080/any' }],
  'google-health-check': [{ headers: by('GoogleHC/1.0') }],
  'aws-health-check': [{ headers: by('ELB-HealthChecker/2.0') }],
  'azure-health-check': [{ headers: by('Edge Health Probe') }],
  'consul-health-check': [{ headers: by('Consul Health Check') }],
  'envoy-health-check': [{ headers: by('Envoy/HC') }],
  'health-paths': [
    { url: 'http://shop/healthz' },
    { url: 'http://shop/livez/ping?verbose' },
    { url: 'http://shop/actuator/health/readiness', method: 'HEAD' },
  ],
  'grpc-health': [{ ...post('/grpc.health.v1.Health/Check'), protocol: 'grpc' }],
  'hystrix-stream': [{ url: 'http://shop/hystrix.stream' }],
  'metrics-scrape': [
    { url: 'http://shop/metrics', headers: by('Prometheus/2.55') },
    { url: 'http://shop/metrics', headers: [['Accept', 'application/openmetrics-text;version=1.0.0']] },
    { url: 'http://shop/actuator/prometheus', headers: by('vm_promscrape') },
  ],
  otlp: [
    post('/v1/traces', ['Content-Type', 'application/x-protobuf']),
    post('/v1/logs', ['User-Agent', 'OTel-OTLP-Exporter-JavaScript/0.57']),
    post('/opentelemetry.proto.collector.trace.v1.TraceService/Export'),
  ],
  zipkin: [post('/api/v2/spans')],
  jaeger: [post('/api/traces', ['content-type', 'application/vnd.apache.thrift.binary'])],
  'prometheus-remote-write': [post('/api/v1/push', ['X-Prometheus-Remote-Write-Version', '0.1.0'])],
  loki: [post('/loki/api/v1/push')],
  victoriametrics: [post('/api/v1/import/prometheus'), post('/insert/0/prometheus/api/v1/import')],
  'grafana-cloud': [to('logs-prod-eu-west-0.grafana.net')],
  datadog: [to('trace.agent.datadoghq.com'), to('http-intake.logs.datadoghq.eu:443'), post('/v0.4/traces')],
  newrelic: [to('collector.newrelic.com'), to('metric-api.eu.newrelic.com')],
  dynatrace: [to('abc12345.live.dynatrace.com')],
  appdynamics: [to('acme.saas.appdynamics.com')],
  sentry: [
    to('o1.ingest.us.sentry.io', '/api/2/envelope/'),
    { ...to('sentry.acme.example', '/api/2/store/'), headers: [['X-Sentry-Auth', 'Sentry sentry_key=k']] },
  ],
  honeycomb: [to('api.eu1.honeycomb.io')],
  splunk: [to('ingest.us1.signalfx.com'), to('hec.acme.example', '/services/collector/event')],
  'elastic-apm': [post('/intake/v2/events'), to('d1.apm.us-central1.gcp.cloud.es.io')],
  instana: [to('serverless-blue-saas.instana.io')],
  lightstep: [to('ingest.lightstep.com')],
  rollbar: [to('api.rollbar.com')],
  bugsnag: [to('notify.bugsnag.com')],
  raygun: [to('api.raygun.com')],
  airbrake: [to('api.airbrake.io')],
  'scout-apm': [to('apm.scoutapm.com')],
  loggly: [to('logs-01.loggly.com')],
  papertrail: [to('logs.collector.papertrailapp.com')],
  sumologic: [to('endpoint4.collection.sumologic.com')],
  logzio: [to('listener-eu.logz.io:8071')],
  logdna: [to('logs.eu-de.logging.cloud.ibm.com')],
  coralogix: [to('ingress.coralogix.com')],
  axiom: [to('api.axiom.co')],
  'better-stack': [to('in.logtail.com')],
  chronosphere: [to('acme.chronosphere.io')],
  'azure-monitor': [to('westeurope-5.in.applicationinsights.azure.com')],
  'aws-monitoring': [to('monitoring.us-east-1.amazonaws.com'), to('logs.ap-southeast-2.amazonaws.com')],
  'google-monitoring': [to('cloudtrace.googleapis.com')],
};

test.each(STANDARD_RULES.map(({ name }) => name))('%s drops what it is for', (name) => {
  expect(DROPPED[name], 'an example of what it drops').toBeDefined();
  for (const of of DROPPED[name]!)
    expect(standardRuleOf(exprViewOf(sketch(of))), JSON.stringify(of)).toBe(name);
});

test.each<[string, PairSketch]>([
  ['an order', post('/api/orders')],
  ['a write to a health path', { ...post('/healthz'), direction: 'IN' }],
  ['a path that begins like a health path', { url: 'http://shop/healthzone' }],
  ['a browser at /metrics', { url: 'http://shop/metrics', headers: by('Mozilla/5.0') }],
  ['business metrics posted as JSON', post('/v1/metrics', ['Content-Type', 'application/json'])],
  ['a search for traces', { url: 'http://c/api/traces?service=a' }],
  ['a user agent that only mentions a probe', { headers: by('my-tool (like kube-probe/1)') }],
  ['a request to us under the name of a vendor', { url: 'http://api.datadoghq.com/x', direction: 'IN' }],
  ['a host that ends like a vendor', to('notdatadoghq.com')],
  ['a bucket called logs', to('logs.s3.amazonaws.com')],
  ['another API of a monitored vendor', to('sentry.io', '/api/0/projects/')],
  ['a Google API that is not monitoring', to('storage.googleapis.com')],
  ['an upload below /api/', { ...to('shop.example', '/api/2/store/'), headers: by('curl/8') }],
])('%s is kept', (_what, of) => {
  expect(standardRuleOf(exprViewOf(sketch(of)))).toBeNull();
});

test.each<[string, PairSketch]>([
  ['spans', post('/api/v2/spans')],
  ['OTLP', post('/v1/traces', ['Content-Type', 'application/x-protobuf'])],
  ['events', { ...post('/api/2/store/'), headers: [['X-Sentry-Auth', 'Sentry sentry_key=k']] }],
])('%s that a service is sent is its API, and kept', (_what, of) => {
  expect(standardRuleOf(exprViewOf(sketch(of)))).not.toBeNull();
  expect(standardRuleOf(exprViewOf(sketch({ ...of, direction: 'IN' })))).toBeNull();
});

test('what is no request is kept', () => {
  expect(standardRuleOf(exprViewOf({ ...sketch(to('api.rollbar.com')), request: null }))).toBeNull();
});

test('names are unique and fit for counters', () => {
  const names = STANDARD_RULES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z0-9-]{3,40}$/);
});
