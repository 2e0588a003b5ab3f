// What OpenTelemetry calls the parts of an RRPair: resource and attributes by its semantic conventions for HTTP and RPC,
// in the JSON form of the protocol. Every text is bounded. Pure.
import { endpointOf, type HeaderList, header, type RRPair, requestLine, splitUrl } from '@echoplane/traffic';

/** The conventions these names are of. */
export const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.37.0';

export type AnyValue = { stringValue: string } | { intValue: string } | { boolValue: boolean };
export interface Attribute {
  key: string;
  value: AnyValue;
}
/** Values by attribute; what is null or empty is left out. */
type Named = Record<string, string | number | null | undefined>;

const MAX_TEXT = 4_096;
const MAX_TAGS = 32;
const K8S_KINDS = new Set(['deployment', 'statefulset', 'daemonset', 'job', 'cronjob', 'replicaset']);
const DEFAULT_PORT: Record<string, number> = { http: 80, https: 443, ws: 80, wss: 443 };

/** Attributes in the JSON form: 64-bit integers are decimal text. */
export function attributes(named: Named): Attribute[] {
  const made: Attribute[] = [];
  for (const [key, value] of Object.entries(named)) {
    if (typeof value === 'number') made.push({ key, value: { intValue: String(Math.trunc(value)) } });
    else if (value) made.push({ key, value: { stringValue: bounded(value) } });
  }
  return made;
}

/** Text of at most 4,096 UTF-16 units, never half a character. */
export function bounded(text: string): string {
  return text.slice(0, MAX_TEXT).toWellFormed();
}

/** The service a pair belongs to, as the resource. */
export function resourceOf({ source }: RRPair): Attribute[] {
  const { cluster, namespace, workload, pod, container } = source;
  const kind = workload.kind.toLowerCase();
  return attributes({
    'service.name': workload.name,
    'service.namespace': namespace,
    'service.instance.id': pod,
    'k8s.cluster.name': cluster,
    'k8s.namespace.name': namespace,
    'k8s.pod.name': pod,
    'k8s.container.name': container,
    ...(K8S_KINDS.has(kind) ? { [`k8s.${kind}.name`]: workload.name } : {}),
  });
}

/** The name of the span: method and endpoint, never a path as it was. */
export function nameOf(pair: RRPair): string {
  const { method, path } = requestLine(pair);
  return bounded(method === '' ? pair.protocol : `${method} ${endpointOf(path)}`);
}

/** What is said of a pair beside its times. */
export function pairAttributes(pair: RRPair): Attribute[] {
  const { request, response, protocol, direction, gaps, part } = pair;
  const peer = direction === 'IN' ? pair.client : pair.server;
  return [
    ...attributes({
      ...(request ? requestNames(pair, request) : {}),
      'http.response.status_code': response?.status,
      'http.response.body.size': response?.body.size,
      'error.type': errorType(pair),
      'network.protocol.name': request ? 'http' : protocol,
      'network.protocol.version': request
        ? (request.version ?? (protocol === 'http/1.1' ? '1.1' : '2'))
        : null,
      'network.transport': 'tcp',
      'network.peer.address': peer.ip,
      'network.peer.port': peer.port || null,
      'server.address': serverOf(pair).address,
      'server.port': serverOf(pair).port,
      'client.address': direction === 'IN' ? pair.client.ip : null,
      ...(protocol === 'grpc' ? rpcNames(pair) : {}),
      'tls.protocol.version': tlsVersion(pair),
      'echoplane.id': pair.id,
      'echoplane.direction': direction,
      'echoplane.duration_us': pair.durationUs,
      'echoplane.ttfb_us': pair.ttfbUs,
      'echoplane.session': pair.session,
      'echoplane.part': part?.index,
      'echoplane.gap': gaps ? (gaps.reason ?? 'truncated') : null,
      'echoplane.redactions': pair.redactions.length || null,
    }),
    ...attributes(tagNames(pair.tags)),
  ];
}

/** Why a pair failed, by the rules of HTTP spans: a client's 4xx is the caller's error, a server answered well with it. */
export function errorType({ error, response, direction }: RRPair): string | null {
  if (error) return error;
  const status = response?.status ?? 0;
  return status >= (direction === 'IN' ? 500 : 400) ? String(status) : null;
}

function requestNames({ direction }: RRPair, request: NonNullable<RRPair['request']>): Named {
  const { scheme, path, query } = splitUrl(request.url);
  const template = endpointOf(path);
  return {
    'http.request.method': request.method,
    'http.request.body.size': request.body.size,
    'url.scheme': scheme,
    'url.path': path,
    'url.query': query,
    ...(direction === 'IN'
      ? { 'http.route': template }
      : { 'url.full': request.url, 'url.template': template }),
    'user_agent.original': header(request.headers, 'user-agent'),
  };
}

/** As the client named it, else as it was connected to. */
function serverOf({ request, server }: RRPair): { address: string; port: number } {
  const { scheme, host } = splitUrl(request?.url ?? '');
  const [, name = '', port] = /^(?:.*@)?(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/s.exec(host) ?? [];
  if (name === '') return { address: server.host ?? server.ip, port: server.port };
  return { address: name.replace(/^\[|\]$/g, ''), port: Number(port ?? DEFAULT_PORT[scheme] ?? server.port) };
}

function rpcNames({ request, response }: RRPair): Named {
  const [, service, method] = /^\/([^/]+)\/([^/]+)$/.exec(splitUrl(request?.url ?? '').path) ?? [];
  const status = [response?.trailers, response?.headers]
    .map((headers: HeaderList | undefined) => headers && header(headers, 'grpc-status'))
    .find((value) => value !== undefined && /^\d{1,2}$/.test(value));
  return {
    'rpc.system': 'grpc',
    'rpc.service': service,
    'rpc.method': method,
    'rpc.grpc.status_code': status === undefined ? null : Number(status),
  };
}

function tlsVersion({ tls }: RRPair): string | null {
  return /^TLSv?(1\.\d)$/.exec(tls?.version ?? '')?.[1] ?? null;
}

function tagNames(tags: Record<string, string>): Named {
  const some = Object.entries(tags).slice(0, MAX_TAGS);
  return Object.fromEntries(some.map(([name, value]) => [`echoplane.tag.${name}`.slice(0, 256), value]));
}
