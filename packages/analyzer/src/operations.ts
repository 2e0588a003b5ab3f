// What a request asks for: the operation by which requests are alike (method and endpoint, and behind one endpoint the
// operation of GraphQL or JSON-RPC), whether it may change something, and which pairs can be replayed at all. Pure.
import { isReadingMethod, isReadingOperation, isReadingPost, operationNamed } from '@echoplane/replay';
import { bodyJson, type RRPair, splitUrl } from '@echoplane/traffic';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** The operation named in a body, with a space before it; '' when the endpoint says it all. */
export function operationIn({ request }: RRPair): string {
  return request?.method === 'POST' ? operationNamed(bodyJson(request.body)) : '';
}

/** Whether a request may change what later requests are answered. `operation` as of `operationIn`. */
export function isWrite(pair: RRPair, operation: string): boolean {
  const { request, protocol } = pair;
  if (!request || SAFE_METHODS.has(request.method)) return false;
  if (protocol === 'grpc') return !isReadingMethod(request.url.slice(request.url.lastIndexOf('/') + 1));
  if (pair.response?.status !== 201 && isReadingPost(request.method, splitUrl(request.url).path))
    return false;
  return operation === '' || !isReadingOperation(operation);
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
