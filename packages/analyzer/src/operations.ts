// What a request asks for: the operation by which requests are alike (method and endpoint, and behind one endpoint the
// operation of GraphQL or JSON-RPC), whether it may change something, and which pairs can be replayed at all. Pure.
import { isReadingPost } from '@echoplane/replay';
import { bodyJson, type RRPair, splitUrl } from '@echoplane/traffic';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** Words by which gRPC and RPC methods say that they only read. */
const READING_RPC = /^(?:get|list|find|search|read|query|fetch|lookup|check|watch|count|describe|batchget)/i;

/** The operation named in a body, with a space before it; '' when the endpoint says it all. */
export function operationIn(pair: RRPair): string {
  const { request } = pair;
  if (request?.method !== 'POST') return '';
  const json = bodyJson(request.body);
  const body = Array.isArray(json) ? json[0] : json;
  if (typeof body !== 'object' || body === null) return '';
  const { query, operationName, jsonrpc, method } = body as Record<string, unknown>;
  if (typeof query === 'string') {
    const found =
      /^\s*(?:#[^\n]*\n\s*)*(?:(query|mutation|subscription)\b\s*(\w*)|(?=\{))[^{]*\{\s*(\w+)?/.exec(query);
    if (!found) return '';
    const name =
      typeof operationName === 'string' && operationName !== '' ? operationName : found[2] || found[3];
    return ` ${found[1] ?? 'query'} ${name ?? ''}`;
  }
  return typeof jsonrpc === 'string' && typeof method === 'string' ? ` ${method}` : '';
}

/** Whether a request may change what later requests are answered. `operation` as of `operationIn`. */
export function isWrite(pair: RRPair, operation: string): boolean {
  const { request, protocol } = pair;
  if (!request || SAFE_METHODS.has(request.method)) return false;
  if (protocol === 'grpc') return !READING_RPC.test(request.url.slice(request.url.lastIndexOf('/') + 1));
  if (/^ (?:query|subscription) /.test(operation)) return false;
  if (pair.response?.status !== 201 && isReadingPost(request.method, splitUrl(request.url).path))
    return false;
  return (
    operation === '' || /^ mutation /.test(operation) || !READING_RPC.test(operation.replace(/^.*[ ._/]/, ''))
  );
}

/** Why a pair becomes neither test nor mock; null when it does. The parts of a WebSocket belong to its upgrade. */
export function unusable(pair: RRPair): string | null {
  if (pair.protocol === 'websocket') return 'websocket';
  // A mock may answer with how a stream began; a test cannot wait for its end.
  if (pair.part && (pair.part.index > 0 || pair.direction === 'IN')) return 'stream-part';
  if (!pair.request) return 'opaque';
  if (pair.gaps) return 'gaps';
  if (pair.error) return pair.error;
  return pair.response ? null : 'no-response';
}
