// The standard rules: traffic that every cluster has and nobody wants to test: probes, metrics scrapes, what monitoring
// agents send home. Data for a few look-ups by user agent, path and host, so that all of them together cost less than one
// expression. docs/filters.md lists them, and a test holds it against this table.
import { header } from '@echoplane/traffic';
import type { ExpressionView } from './filter-language/view.ts';
import { AGENT_RULES } from './standard-rules-agents.ts';

export interface StandardRule {
  name: string;
  /** What it drops, for the docs. */
  what: string;
  /** Beginnings of user agents, lower case. */
  agents?: readonly string[];
  /** Whole paths; one that ends with `/` stands for everything below it. */
  paths?: readonly string[];
  /** Hosts of outbound traffic: the name and all below it. */
  hosts?: readonly string[];
  /** What must hold besides. */
  only?: (view: ExpressionView) => boolean;
}

/** In counters and decisions the names of standard rules begin with this. */
export const STANDARD_PREFIX = 'standard:';

const isRead = (view: ExpressionView) => view.method === 'GET' || view.method === 'HEAD';
const SCRAPERS =
  /^(prometheus|vm_promscrape|vmagent|grafanaagent|grafana-agent|alloy|opentelemetry collector|otelcol|datadog agent|telegraf)/i;

const PROBES_AND_SCRAPES: readonly StandardRule[] = [
  { name: 'kube-probe', what: 'probes of the kubelet (user agent `kube-probe/…`)', agents: ['kube-probe/'] },
  {
    name: 'google-health-check',
    what: 'health checks of Google load balancers and uptime checks',
    agents: ['googlehc/', 'googlestackdrivermonitoring-uptimechecks'],
  },
  {
    name: 'aws-health-check',
    what: 'health checks of AWS load balancers and Route 53',
    agents: ['elb-healthchecker/', 'amazon-route53-health-check-service'],
  },
  {
    name: 'azure-health-check',
    what: 'health probes of Azure load balancers and Front Door',
    agents: ['edge health probe', 'load balancer agent'],
  },
  { name: 'consul-health-check', what: 'health checks of Consul', agents: ['consul health check'] },
  { name: 'envoy-health-check', what: 'health checks of Envoy', agents: ['envoy/hc'] },
  {
    name: 'health-paths',
    what: 'GET and HEAD of `/healthz`, `/livez`, `/readyz` and below, `/-/healthy`, `/-/ready`, `/actuator/health` and below',
    paths: [
      ...['/healthz', '/healthz/', '/livez', '/livez/', '/readyz', '/readyz/', '/-/healthy', '/-/ready'],
      ...['/actuator/health', '/actuator/health/'],
    ],
    only: isRead,
  },
  {
    name: 'grpc-health',
    what: 'the gRPC health service, `/grpc.health.v1.Health/…`',
    paths: ['/grpc.health.v1.Health/'],
  },
  {
    name: 'hystrix-stream',
    what: 'Hystrix and Turbine streams',
    paths: ['/hystrix.stream', '/actuator/hystrix.stream', '/turbine.stream'],
  },
  {
    name: 'metrics-scrape',
    what: 'scrapes of `/metrics` and the like, by a known scraper or in the Prometheus or OpenMetrics format',
    paths: [
      ...['/metrics', '/metrics/', '/federate', '/prometheus', '/actuator/prometheus', '/stats/prometheus'],
      ...['/q/metrics', '/q/metrics/', '/probe'],
    ],
    only: (view) => isRead(view) && isScrape(view),
  },
];

function isScrape(view: ExpressionView): boolean {
  const headers = view.pair.request?.headers ?? [];
  if (SCRAPERS.test(header(headers, 'user-agent') ?? '')) return true;
  const accept = header(headers, 'accept') ?? '';
  return /openmetrics-text|text\/plain;\s*version=0\.0\.4|vnd\.google\.protobuf;\s*proto=io\.prometheus/i.test(
    accept,
  );
}

/** All standard rules. */
export const STANDARD_RULES: readonly StandardRule[] = [...PROBES_AND_SCRAPES, ...AGENT_RULES];

/** Hold for what a service sends: what it is sent is its own API, as a collector's is. */
const EXPORTS: ReadonlySet<StandardRule> = new Set(AGENT_RULES);

const byAgent = indexBy((rule) => (rule.agents ?? []).map((agent) => [firstWord(agent), agent]));
const byPath = indexBy((rule) => (rule.paths ?? []).map((path) => [path, path]));
const byHost = indexBy((rule) => (rule.hosts ?? []).map((host) => [host, host]));

type Entry = { rule: StandardRule; pattern: string };

function indexBy(
  keysOf: (rule: StandardRule) => (readonly [string, string])[],
): ReadonlyMap<string, Entry[]> {
  const index = new Map<string, Entry[]>();
  for (const rule of STANDARD_RULES) {
    for (const [key, pattern] of keysOf(rule)) index.set(key, [...(index.get(key) ?? []), { rule, pattern }]);
  }
  return index;
}

/** The name of the standard rule that drops a pair, or null: looked for by user agent, then path, then host. */
export function standardRuleOf(view: ExpressionView): string | null {
  if (!view.pair.request) return null;
  const rule = agentRule(view) ?? pathRule(view) ?? (view.direction === 'OUT' ? hostRule(view) : null);
  return rule?.name ?? null;
}

function agentRule(view: ExpressionView): StandardRule | null {
  for (const [name, value] of view.pair.request!.headers) {
    if (name.length !== 10 || name.toLowerCase() !== 'user-agent') continue;
    const agent = value.slice(0, 100).toLowerCase();
    return find(byAgent.get(firstWord(agent)), view, (pattern) => agent.startsWith(pattern));
  }
  return null;
}

/** `a/1.0 (b)` → `a`. */
function firstWord(agent: string): string {
  const end = agent.search(/[/ (]/);
  return end < 0 ? agent : agent.slice(0, end);
}

function pathRule(view: ExpressionView): StandardRule | null {
  const { path } = view;
  const whole = find(byPath.get(path), view, () => true);
  if (whole) return whole;
  for (let slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1)) {
    const rule = find(byPath.get(path.slice(0, slash + 1)), view, () => true);
    if (rule) return rule;
    if (slash > 100) return null;
  }
  return null;
}

function hostRule(view: ExpressionView): StandardRule | null {
  const host = view.host.slice(0, 300).replace(/:\d+$/, '').toLowerCase();
  for (let at = 0; ; ) {
    const rule = find(byHost.get(host.slice(at)), view, () => true);
    if (rule) return rule;
    const dot = host.indexOf('.', at);
    if (dot < 0) return null;
    at = dot + 1;
  }
}

function find(
  entries: readonly Entry[] | undefined,
  view: ExpressionView,
  fits: (pattern: string) => boolean,
): StandardRule | null {
  if (!entries) return null;
  for (const { rule, pattern } of entries) {
    const isMeant = view.direction === 'OUT' || !EXPORTS.has(rule);
    if (isMeant && fits(pattern) && (rule.only?.(view) ?? true)) return rule;
  }
  return null;
}
