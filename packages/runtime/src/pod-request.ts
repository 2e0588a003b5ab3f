// One HTTP request of a replay's pod to the operator or the forwarder: roots and service-account token are read from their
// files each time, because both are replaced while we run. It must not know what is asked for.
import { readFile } from 'node:fs/promises';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isLoopbackHost } from './shipping.ts';
import { readTlsFiles } from './tls-files.ts';

/** How a pod shows who it is, and whom it believes. */
export interface PodAccess {
  /** Of the pod's service account; absent on a laptop. */
  tokenFile?: string | undefined;
  /** PEM roots; absent: the public ones. */
  caFile?: string | undefined;
}

export interface PodRequest extends PodAccess {
  method?: string;
  body?: Buffer;
  contentType?: string;
  /** Time without a byte after which the connection is given up, ms. */
  idleMs?: number;
  signal: AbortSignal;
}

const IDLE_MS = 30_000;
const MAX_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_TEXT_BYTES = 64 << 10;

/**
 * The answer, its body unread. A GET follows redirects; token and roots go to the first origin alone. Rejects when there is no
 * answer, or for a token that would leave this machine in plain text.
 */
export async function podRequest(url: string, options: PodRequest): Promise<IncomingMessage> {
  const first = new URL(url);
  let at = first;
  for (let hops = 0; ; hops++) {
    const answer = await send(at, at.origin === first.origin ? options : withoutAccess(options));
    const { location } = answer.headers;
    const isGet = (options.method ?? 'GET') === 'GET';
    if (!isGet || !REDIRECTS.has(answer.statusCode ?? 0) || location === undefined) return answer;
    answer.destroy();
    if (hops >= MAX_REDIRECTS) throw new Error(`${first.host} redirects too often`);
    at = new URL(location, at);
  }
}

/** The beginning of an answer's body as text. */
export async function answerText(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MAX_TEXT_BYTES) break;
  }
  return text.slice(0, MAX_TEXT_BYTES);
}

function withoutAccess({ tokenFile: _, caFile: __, ...rest }: PodRequest): PodRequest {
  return rest;
}

async function send(url: URL, options: PodRequest): Promise<IncomingMessage> {
  const { method = 'GET', body, contentType, tokenFile, caFile, signal, idleMs = IDLE_MS } = options;
  const isTls = url.protocol === 'https:';
  if (!isTls && url.protocol !== 'http:') throw new Error(`${url.protocol} is neither http nor https`);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (tokenFile !== undefined && !isTls && !isLoopbackHost(hostname))
    throw new Error(`the token is not sent to ${url.host} in plain text; name an https address`);
  const token = tokenFile === undefined ? null : (await readFile(tokenFile, 'utf8')).trim();
  const headers: Record<string, string | number> = {
    // Lengths are of what arrives, so nothing may be coded on the way.
    'accept-encoding': 'identity',
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'content-length': body.length }),
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
  };
  const roots = isTls && caFile !== undefined ? readTlsFiles({ caFile }) : {};
  return new Promise((resolve, reject) => {
    const made = { method, headers, signal, agent: false };
    const request: ClientRequest = isTls
      ? httpsRequest(url, { ...made, ...roots, minVersion: 'TLSv1.2' })
      : httpRequest(url, made);
    request.setTimeout(idleMs, () => request.destroy(new Error(`${url.host} is silent for ${idleMs} ms`)));
    request.on('response', resolve).on('error', reject).end(body);
  });
}
