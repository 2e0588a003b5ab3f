// Asks the real host what no mock knows, where that is allowed: the request as it was sent, over the protocol it came in,
// certificates verified, the answer streamed. It must not know why it is asked or how pairs are recorded.
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { type HeaderList, headerValues } from '@echoplane/traffic';
import type { Destination } from './alias-listener.ts';
import type { AllowedHosts } from './allowed-hosts.ts';
import type { Exchange } from './answer-steps.ts';
import { Http2Hosts } from './http2-hosts.ts';
import { destinationOf, headersOf, type RealAnswer } from './real-answer.ts';

const CONNECT_MS = 10_000;
/** Without a byte for so long the real host is given up. */
const SILENCE_MS = 120_000;
const MAX_SOCKETS = 256;
/** How a responder names itself in Via: one that comes past itself answers in a circle. */
const VIA = 'echoplane-responder';

/** Why the real host was not asked or did not answer, in words. */
export interface NotReached {
  reason: string;
}

const HOP_BY_HOP = new Set(
  'connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade host content-length via expect'.split(
    ' ',
  ),
);

export class RealHosts {
  readonly #allowed: AllowedHosts;
  readonly #agents: { http: Agent; https: TlsAgent };
  readonly #http2: Http2Hosts;
  readonly #signal: AbortSignal;

  constructor(allowed: AllowedHosts, signal: AbortSignal) {
    this.#allowed = allowed;
    this.#signal = signal;
    const options = { keepAlive: true, maxSockets: MAX_SOCKETS, lookup: allowed.lookup };
    this.#agents = { http: new Agent(options), https: new TlsAgent(options) };
    this.#http2 = new Http2Hosts(allowed.lookup);
    signal.addEventListener('abort', () => this.#close());
  }

  /** Whether a real host may be asked for this. */
  allows({ origin }: Pick<Exchange, 'origin'>): boolean {
    return this.#allowed.named(destinationOf(origin)) !== null;
  }

  /** Never rejects. */
  async ask(exchange: Exchange): Promise<RealAnswer | NotReached> {
    const { head, body, sizeBytes, origin } = exchange;
    if (sizeBytes > body.length) return { reason: `only ${body.length} of its ${sizeBytes} bytes were kept` };
    if (headerValues(head.headers, 'via').some((via) => via.includes(VIA)))
      return { reason: 'it has come past a responder before: the real host leads back here' };
    // As it was named: a short name of a Service leads nowhere from another namespace.
    const dialled = this.#allowed.named(destinationOf(origin));
    if (!dialled) return { reason: 'it is not among the hosts that may be asked' };
    const passing = head.headers.filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()));
    const via = [...headerValues(head.headers, 'via'), `${head.version} ${VIA}`].join(', ');
    const headers: HeaderList = [...passing, ['Via', via]];
    try {
      return head.version.startsWith('2')
        ? await this.#http2.ask({ origin, dialled, method: head.method, headers, body }, this.#signal)
        : await this.#http1(exchange, dialled, headers);
    } catch (error) {
      return { reason: (error as Error).message };
    }
  }

  async #http1(
    { head, body, origin }: Exchange,
    { host, port }: Destination,
    headers: HeaderList,
  ): Promise<RealAnswer> {
    const isTls = origin.scheme === 'https';
    const hasBody = body.length > 0 || headerValues(head.headers, 'content-length').length > 0;
    const length: HeaderList = hasBody ? [['Content-Length', String(body.length)]] : [];
    const request = (isTls ? httpsRequest : httpRequest)({
      ...{ host, port, method: head.method, path: origin.target, setHost: false, signal: this.#signal },
      ...{ agent: isTls ? this.#agents.https : this.#agents.http, servername: destinationOf(origin).host },
      headers: [['Host', origin.host] as [string, string], ...headers, ...length].flat(),
    });
    const connecting = setTimeout(
      () => request.destroy(new Error(`no connection within ${CONNECT_MS} ms`)),
      CONNECT_MS,
    );
    request.once('socket', (socket) => {
      if (socket.connecting) socket.once(isTls ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
      else clearTimeout(connecting);
    });
    request.setTimeout(SILENCE_MS, () => request.destroy(new Error(`nothing came for ${SILENCE_MS} ms`)));
    request.end(body);
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return realAnswer(response);
    } finally {
      clearTimeout(connecting);
    }
  }

  #close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
    this.#http2.close();
  }
}

function realAnswer(response: IncomingMessage): RealAnswer {
  // What breaks the body off is seen as its end.
  response.on('error', () => {});
  return {
    status: response.statusCode ?? 502,
    reason: response.statusMessage ?? '',
    headers: headersOf(response.rawHeaders),
    body: response,
    isWhole: () => response.complete,
    trailers: () => headersOf(response.rawTrailers),
  };
}
