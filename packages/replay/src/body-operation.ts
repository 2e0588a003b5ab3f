// The operation that a body names behind one path, of GraphQL or JSON-RPC, and whether a name says that it only reads. Pure.

/** Words by which gRPC and RPC methods say that they only read. */
const READING = /^(?:get|list|find|search|read|query|fetch|lookup|check|watch|count|describe|batchget)/i;
const GRAPHQL = /^\s*(?:#[^\n]*\n\s*)*(?:(query|mutation|subscription)\b\s*(\w*)|(?=\{))[^{]*\{\s*(\w+)?/;

/** ` query Topics`, ` users.get`, with a space before it, of the JSON of a body; of a batch the first. '' when it names none. */
export function operationNamed(json: unknown): string {
  const body = Array.isArray(json) ? json[0] : json;
  if (typeof body !== 'object' || body === null) return '';
  const { query, operationName, jsonrpc, method, params, id } = body as Record<string, unknown>;
  if (typeof query === 'string') {
    const found = GRAPHQL.exec(query);
    if (!found) return '';
    const name =
      typeof operationName === 'string' && operationName !== '' ? operationName : found[2] || found[3];
    return ` ${found[1] ?? 'query'} ${name ?? ''}`;
  }
  // Its first version does not say which it is. https://www.jsonrpc.org/specification_v1
  const isCall = typeof jsonrpc === 'string' || (Array.isArray(params) && id !== undefined);
  return isCall && typeof method === 'string' ? ` ${method}` : '';
}

/** Whether an operation, as of `operationNamed`, only reads. */
export function isReadingOperation(operation: string): boolean {
  if (/^ (?:query|subscription) /.test(operation)) return true;
  return !/^ mutation /.test(operation) && isReadingMethod(operation.replace(/^.*[ ._/]/, ''));
}

/** Whether the name of a method of gRPC says that it only reads. */
export function isReadingMethod(name: string): boolean {
  return READING.test(name);
}
