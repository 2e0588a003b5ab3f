// What is written back: a mock's recorded response made fit for this connection, or the problem that explains a miss.
// Pure; it must not know sockets or how a match is found.
import {
  bodyBytes,
  type HeaderList,
  type HttpResponse,
  header,
  type Mock,
  type OutboundRequest,
} from '@echoplane/traffic';

/** The header that says on every answer how it was found. */
export const MATCH_HEADER = 'x-echoplane-match';

/** How an answer was found; the value of `x-echoplane-match` and of the pair's tag. */
export type MatchKind =
  | 'exact'
  | 'volatile'
  | 'nearest'
  | 'generalized'
  | 'passthrough'
  | 'recorded'
  | 'miss';

export interface Reply {
  status: number;
  reason: string;
  /** Complete: nothing is added to them when they are sent. */
  headers: HeaderList;
  trailers: HeaderList;
  body: Buffer;
}

/** Why a request found no mock. */
export interface Miss {
  /** The recording that comes closest. */
  nearest: Mock | null;
  /** The first field in which it differs, `body.amount: 1999 → 2099`. */
  difference: string | null;
  /** Further ones, the nearer first. */
  others: { mock: Mock; difference: string }[];
}

const HOP_BY_HOP = new Set(
  'connection keep-alive proxy-connection proxy-authenticate te trailer transfer-encoding upgrade'.split(' '),
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a header
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]/g;
const BEYOND_LATIN1 = /[\u0100-\uffff]+/g;
const UNKNOWN_STATUS = 502;

/** The reply of a mock. Its length is computed anew, but kept where it speaks of a body that is not sent (HEAD, 304). */
export function mockReply(response: HttpResponse, method: string, match: MatchKind): Reply {
  const isBodiless = method === 'HEAD' || response.status === 204 || response.status === 304;
  const body = isBodiless ? Buffer.alloc(0) : bodyBytes(response.body);
  const trailers = isBodiless ? [] : (response.trailers ?? []).map(safe);
  const dropped = (name: string) =>
    HOP_BY_HOP.has(name) || name === MATCH_HEADER || (!isBodiless && name === 'content-length');
  const headers = response.headers.filter(([name]) => !dropped(name.toLowerCase())).map(safe);
  if (trailers.length > 0) headers.push(['Transfer-Encoding', 'chunked']);
  else if (!isBodiless && !isGrpc(response)) headers.push(['Content-Length', String(body.length)]);
  headers.push([MATCH_HEADER, match]);
  // 1xx cannot be a whole answer, and what is no status at all came from an edited file.
  const isFinal = response.status >= 200 && response.status <= 999;
  return {
    status: isFinal ? response.status : UNKNOWN_STATUS,
    reason: safeText(response.reason ?? ''),
    headers,
    trailers,
    body,
  };
}

/** The reply to a request without a mock: what was asked, which recording came closest, and where they differ. */
export function missReply(
  request: Pick<OutboundRequest, 'scheme' | 'host' | 'method' | 'target'>,
  miss: Miss,
  status: number,
): Reply {
  const { scheme, host, method, target } = request;
  const asked = `${method} ${scheme}://${host}${target}`;
  const detail = miss.nearest
    ? `No mock matches ${asked}. The nearest recording is ${miss.nearest.id}; the first difference is ${miss.difference}.`
    : `No mock matches ${asked}: ${miss.difference ?? 'nothing was recorded for this host and method'}.`;
  const problem = {
    type: 'about:blank',
    title: 'No mock matches this request',
    status,
    code: 'no_match',
    detail,
    nearest: miss.nearest && shown(miss.nearest),
    difference: miss.difference,
    others: miss.others.map(({ mock, difference }) => ({ ...shown(mock), difference })),
  };
  const body = Buffer.from(`${JSON.stringify(problem)}\n`);
  return {
    status,
    reason: '',
    headers: [
      ['Content-Type', 'application/problem+json'],
      ['Content-Length', String(body.length)],
      [MATCH_HEADER, 'miss'],
    ],
    trailers: [],
    body: method === 'HEAD' ? Buffer.alloc(0) : body,
  };
}

function shown({ id, host, endpoint }: Mock): { id: string; host: string; endpoint: string } {
  return { id, host, endpoint };
}

/** Its messages have lengths of their own. */
function isGrpc({ headers }: HttpResponse): boolean {
  return header(headers, 'content-type')?.startsWith('application/grpc') ?? false;
}

function safe([name, value]: [string, string]): [string, string] {
  return [name, safeText(value)];
}

/** A value put in place of a recorded one may hold what a header must not; other octets stay as recorded (latin1). */
function safeText(text: string): string {
  return text.replace(CONTROLS, ' ').replace(BEYOND_LATIN1, (part) => Buffer.from(part).toString('latin1'));
}
