// The bodies of a HAR entry as bytes, and the headers that then are true of them: HAR holds bodies decoded, so a coding
// that was undone is no longer announced. What a tool did not save is counted as missing. Pure.

export interface HarMessage {
  /** Start line, or pseudo-headers. */
  start: string;
  headers: [string, string][];
}

export interface HarBody {
  /** The first bytes, up to the bound. */
  kept: Buffer;
  /** Larger than `kept` when the body was cut, here or by the tool that made the file. */
  size: number;
  /** The headers as they are true of what is kept. */
  fitHeaders(headers: [string, string][]): [string, string][];
}

/** Two bodies of this size and their heads still travel as one pair. */
export const MAX_BODY_BYTES = 3 << 20;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NOTHING = Buffer.alloc(0);

export function hasToken(name: string): boolean {
  return TOKEN.test(name);
}

/** The body of a request: `postData`, from its fields when a tool kept only those. */
export function requestBody({ postData, bodySize }: Record<string, unknown>): HarBody {
  const data = (postData ?? {}) as Record<string, unknown>;
  if (typeof data.text === 'string' && data.text !== '') return bodyOf(data.text, data.encoding);
  const isForm = /^application\/x-www-form-urlencoded/i.test(String(data.mimeType ?? ''));
  if (isForm && Array.isArray(data.params) && data.params.length > 0) return bodyOf(formOf(data.params), '');
  return missing(bodySize);
}

/** The body of a response: `content`. */
export function responseBody(response: Record<string, unknown>, method: string): HarBody {
  const content = (response.content ?? {}) as Record<string, unknown>;
  if (typeof content.text === 'string' && content.text !== '') return bodyOf(content.text, content.encoding);
  const hasNone = method === 'HEAD' || [101, 204, 304].includes(Number(response.status));
  const sizes = [content.size, response.bodySize].map(Number).filter((size) => size > 0);
  return hasNone ? missing(0) : missing(sizes[0]);
}

function formOf(params: unknown[]): string {
  const fields = params.map((one) => (one ?? {}) as Record<string, unknown>);
  return new URLSearchParams(
    fields.map(({ name, value }): [string, string] => [String(name ?? ''), String(value ?? '')]),
  ).toString();
}

function bodyOf(text: string, encoding: unknown): HarBody {
  const bytes = Buffer.from(text, encoding === 'base64' ? 'base64' : 'utf8');
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const fitHeaders = (headers: [string, string][]) =>
    headers
      .filter(([name]) => !/^transfer-encoding$/i.test(name))
      .filter(
        ([name, value]) => !/^content-encoding$/i.test(name) || (isGzip && /^(?:x-)?gzip$/i.test(value)),
      )
      .map(([name, value]): [string, string] => [
        name,
        /^content-length$/i.test(name) ? String(bytes.length) : value,
      ]);
  return { kept: bytes.subarray(0, MAX_BODY_BYTES), size: bytes.length, fitHeaders };
}

function missing(size: unknown): HarBody {
  const known = Number.isSafeInteger(size) && Number(size) > 0 ? Number(size) : 0;
  return { kept: NOTHING, size: known, fitHeaders: (headers) => headers };
}
