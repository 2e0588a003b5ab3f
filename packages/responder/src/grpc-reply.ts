// What gRPC asks of answers (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): failures are told in a status
// behind HTTP status 200, deadlines stand in a header. Pure.
import { type Body, type HeaderList, header } from '@echoplane/traffic';
import type { Answer, Exchange } from './answer-steps.ts';
import { MATCH_HEADER, type MatchKind, type Miss, type Reply } from './reply.ts';

export const GRPC_STATUS = {
  unknown: 2,
  deadlineExceeded: 4,
  permissionDenied: 7,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** What clients make of an HTTP status that reaches them without a gRPC one (doc/http-grpc-status-mapping.md). */
const OF_HTTP: Record<number, number> = {
  400: GRPC_STATUS.internal,
  401: GRPC_STATUS.unauthenticated,
  403: GRPC_STATUS.permissionDenied,
  404: GRPC_STATUS.unimplemented,
  429: GRPC_STATUS.unavailable,
  502: GRPC_STATUS.unavailable,
  503: GRPC_STATUS.unavailable,
  504: GRPC_STATUS.unavailable,
};
const UNIT_US: Record<string, number> = { H: 3_600e6, M: 60e6, S: 1e6, m: 1e3, u: 1, n: 1e-3 };
const MAX_MESSAGE_CHARS = 1_000;
/** Of a miss whose real host was asked. */
const UNREACHED_STATUS = 502;

/** Whether a message is a gRPC one; gRPC-Web is HTTP like any other. */
export function isGrpc(headers: HeaderList): boolean {
  return /^application\/grpc(?:[+;]|$)/i.test(header(headers, 'content-type') ?? '');
}

/** The body of a call as recordings hold it: bytes, even when they happen to be text. */
export function callBody(bytes: Buffer, sizeBytes = bytes.length): Body {
  const kept = bytes.length > 0 ? { base64: bytes.toString('base64') } : {};
  return { size: sizeBytes, encoding: 'identity', ...kept };
}

export function grpcStatusOfHttp(status: number): number {
  return OF_HTTP[status] ?? GRPC_STATUS.unknown;
}

/** A reply without messages: head and status in one. */
export function grpcFailure(code: number, message: string, match: MatchKind): Reply {
  const headers: HeaderList = [
    ['content-type', 'application/grpc'],
    ['grpc-status', String(code)],
    ['grpc-message', percentEncoded(message.slice(0, MAX_MESSAGE_CHARS))],
    [MATCH_HEADER, match],
  ];
  return { status: 200, reason: '', headers, trailers: [], body: Buffer.alloc(0) };
}

/** µs that the client waits from its first byte on; null without a deadline. */
export function deadlineUs(headers: HeaderList): number | null {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(header(headers, 'grpc-timeout') ?? '') ?? [];
  return digits === undefined ? null : Number(digits) * UNIT_US[unit!]!;
}

/** Printable ASCII but `%` stays. */
function percentEncoded(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** An answer as a gRPC client understands it: misses and deadlines are told in a status. Any other answer stays as it is. */
export function grpcAnswer(exchange: Exchange, answer: Answer): Answer {
  const { headers } = exchange.head;
  if (!isGrpc(headers)) return answer;
  const { match, miss, reply } = answer;
  if (match === 'miss') {
    const code = reply.status === UNREACHED_STATUS ? GRPC_STATUS.unavailable : GRPC_STATUS.unimplemented;
    return { ...answer, reply: grpcFailure(code, explained(exchange, miss), match) };
  }
  const deadline = deadlineUs(headers);
  if (deadline === null || answer.waitUs <= deadline) return answer;
  const late = grpcFailure(
    GRPC_STATUS.deadlineExceeded,
    'the recorded answer took longer than the deadline',
    match,
  );
  return { ...answer, reply: late, waitUs: deadline };
}

function explained({ origin, request }: Exchange, miss: Miss | null): string {
  const asked = `no mock matches ${origin.host}${request.target}`;
  if (!miss?.nearest) return `${asked}: ${miss?.difference ?? 'nothing was recorded for this host'}`;
  return `${asked}; the nearest recording is ${miss.nearest.id}, the first difference ${miss.difference}`;
}
