// What a client of an HTTP proxy asks for (RFC 9112 section 3.2): the target of a CONNECT or of an absolute-form
// request, and the head as the origin server is to see it. Pure text; bytes it does not name stay as they are.
import type { Target } from './dial.ts';

const AUTHORITY = /^(\[[\da-f:.]+\]|[^\s:/?#@[\]]+):(\d{1,5})$/i;
const ABSOLUTE = /^http:\/\/(?:[^\s/?#@]*@)?(\[[\da-f:.]+\]|[^\s:/?#@[\]]+)(?::(\d{0,5}))?([/?][^\s#]*)?$/i;
/**
 * The only fields that go: those addressed to the proxy itself, the Host that the target replaces, and the offer of h2c,
 * which would give the whole connection to one host.
 */
const REPLACED_FIELD =
  /\r\n(?:(?:proxy-(?:connection|authorization)|host|http2-settings):[^\r\n]*(?:\r\n[ \t][^\r\n]*)*|upgrade:[ \t]*h2c[ \t]*)(?=\r\n)/gi;

/** The target of `CONNECT host:port`, or null when it is not one. */
export function connectTarget(authority: string): Target | null {
  const match = AUTHORITY.exec(authority);
  return match ? target(match[1]!, match[2]!) : null;
}

/** An absolute-form request for its origin server: where to, and the head in origin-form. */
export interface OriginRequest {
  target: Target;
  head: Buffer;
}

/**
 * Rewrites a head whose target is `http://…`: its request line, the proxy's own fields and Host, which is the target's
 * authority whatever the client sent (RFC 9112 section 3.2.2); nothing else. Null when it is not one.
 */
export function originRequest(raw: Buffer, method: string, url: string): OriginRequest | null {
  const match = ABSOLUTE.exec(url);
  const where = match && target(match[1]!, match[2] || '80');
  if (!where) return null;
  const text = raw.toString('latin1');
  const lineEnd = text.indexOf('\r\n');
  const line = text.slice(0, lineEnd);
  const rewritten = `${method} ${originForm(method, match[3] ?? '')}${line.slice(line.lastIndexOf(' '))}`;
  const host = `\r\nHost: ${match[1]}${match[2] ? `:${match[2]}` : ''}`;
  const fields = text.slice(lineEnd).replace(REPLACED_FIELD, '');
  return { target: where, head: Buffer.from(rewritten + host + fields, 'latin1') };
}

/** RFC 9112 section 3.2.1 and 3.2.4: an empty path is `/`, for a server-wide OPTIONS `*`. */
function originForm(method: string, path: string): string {
  if (path.startsWith('/')) return path;
  if (path === '' && method === 'OPTIONS') return '*';
  return `/${path}`;
}

function target(host: string, port: string): Target | null {
  const number = Number(port);
  if (number < 1 || number > 65_535) return null;
  return { host: host.replace(/^\[|\]$/g, ''), port: number };
}
