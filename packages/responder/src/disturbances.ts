// Chaos as a step of the answering: decides once for each answer, tags its pair, and does to it what was decided. It must not
// know rules or draws.
import { type ExpressionView, exprViewOf } from '@echoplane/rules';
import { TAG } from '@echoplane/traffic';
import type { Answer, Exchange } from './answer-steps.ts';
import { type Chaos, corrupted, type Ending, type Touch } from './chaos.ts';
import { grpcFailure, grpcStatusOfHttp, isGrpc } from './grpc-reply.ts';
import { MATCH_HEADER, type Reply } from './reply.ts';

export class Disturbances {
  readonly #chaos: Chaos;
  readonly #endings = new WeakMap<Answer, Ending>();

  constructor(chaos: Chaos) {
    this.#chaos = chaos;
  }

  /** What is to be done to an answer, of which its pair is told; what the real host answers is left alone. */
  touch(exchange: Exchange, answer: Answer): Touch | null {
    const { mock, match } = answer;
    if (match === 'passthrough' || match === 'recorded') return null;
    const { host, target, method } = exchange.request;
    const key = mock?.loose ?? `${method} ${host} ${target.split('?')[0]}`;
    const touch = this.#chaos.touch(key, () => viewOf(exchange, answer));
    if (touch) exchange.tags[TAG.chaos] = touch.rules.join(',');
    return touch;
  }

  /** The answer as chaos leaves it. */
  apply(exchange: Exchange, answer: Answer): Answer {
    const touch = this.touch(exchange, answer);
    if (!touch) return answer;
    const { head } = exchange;
    let { reply } = answer;
    if (touch.status) reply = statusReply(touch.status, head, answer.match);
    if (touch.corrupt !== null) reply = { ...reply, body: corrupted(reply.body, touch.corrupt) };
    const touched = { ...answer, reply, waitUs: answer.waitUs + touch.delayMs * 1000 };
    if (touch.ending) this.#endings.set(touched, touch.ending);
    return touched;
  }

  /** How the connection of an answer ends, where chaos says so. */
  endingOf(answer: Answer): Ending | null {
    return this.#endings.get(answer) ?? null;
  }
}

/** What is answered instead; to a gRPC call the status that clients make of the HTTP one. */
export function statusReply(
  { status, body: text }: NonNullable<Touch['status']>,
  { headers, method }: Pick<Exchange['head'], 'headers' | 'method'>,
  match: Answer['match'],
): Reply {
  if (isGrpc(headers))
    return grpcFailure(grpcStatusOfHttp(status), text || `chaos: HTTP status ${status}`, match);
  const body = Buffer.from(text);
  const isJson = /^\s*[[{]/.test(text);
  return {
    ...{ status, reason: '', trailers: [], body: method === 'HEAD' ? Buffer.alloc(0) : body },
    headers: [
      ['Content-Type', isJson ? 'application/json' : 'text/plain; charset=utf-8'],
      ['Content-Length', String(body.length)],
      [MATCH_HEADER, match],
    ],
  };
}

/** The request with the answer it would have: what conditions see. */
export function viewOf({ request, head, startedUs, tags }: Exchange, answer?: Answer): ExpressionView {
  const { scheme, host, target, method, headers, body } = request;
  const { mock = null, reply } = answer ?? {};
  const given = reply && {
    status: reply.status,
    headers: reply.headers,
    body: { size: 0, encoding: 'identity' },
  };
  const nowhere = { ip: '', port: 0, host };
  const source = { cluster: '', namespace: '', workload: { kind: '', name: '' }, pod: '', container: '' };
  return exprViewOf({
    ...{ v: 1, id: '', ts: startedUs, durationUs: mock?.durationUs ?? 0, ttfbUs: mock?.ttfbUs ?? null },
    ...{ direction: 'OUT', protocol: mock?.protocol ?? `http/${head.version}`, source },
    ...{ client: nowhere, server: nowhere, tls: null, connection: { id: '', seq: 0 }, session: null },
    request: { method, url: `${scheme}://${host}${target}`, headers, body },
    response: mock?.response ?? given ?? null,
    ...{ error: null, tags, redactions: [] },
  });
}
