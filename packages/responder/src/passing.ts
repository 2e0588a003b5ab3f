// Requests without a mock that may go to the real host: asked there, answered as it answers, and told as what they are. It must
// not know how the real host is reached.
import type { HeaderList } from '@echoplane/traffic';
import type { Answer, Exchange, Sent } from './answer-steps.ts';
import type { RealAnswer } from './real-answer.ts';
import type { RealHosts } from './real-host.ts';
import { MATCH_HEADER, type Miss } from './reply.ts';
import type { Turn } from './turn.ts';

/** Bytes of a real answer that its pair can hold; all of them reach the client. */
const MAX_KEPT_BYTES = 8 << 20;
const UNREACHED_STATUS = 502;
const HOP_BY_HOP = new Set(
  'connection keep-alive proxy-connection te trailer transfer-encoding upgrade'.split(' '),
);

export class Passing {
  readonly #hosts: RealHosts;
  readonly #match: 'passthrough' | 'recorded';
  readonly #bodies = new WeakMap<Answer, RealAnswer>();

  /** `match`: what answers are told as; `recorded` ones become mocks when the replay is merged into its snapshot. */
  constructor(hosts: RealHosts, match: 'passthrough' | 'recorded') {
    this.#hosts = hosts;
    this.#match = match;
  }

  /** The real host's answer; null where it may not be asked. */
  async missed(exchange: Exchange): Promise<Answer | null> {
    if (!this.#hosts.allows(exchange)) return null;
    const real = await this.#hosts.ask(exchange);
    if ('body' in real) return this.#answerOf(real, exchange);
    return unreached(exchange, real.reason);
  }

  /** Writes a real answer as it comes; null for all others. */
  async deliver(answer: Answer, turn: Turn): Promise<Sent> {
    const real = this.#bodies.get(answer);
    if (!real) return null;
    const stream = turn.open(answer.reply);
    const kept: Buffer[] = [];
    let keptBytes = 0;
    const leave = () => void real.body.destroy();
    turn.left.addEventListener('abort', leave);
    try {
      for await (const chunk of real.body as AsyncIterable<Buffer>) {
        const part = chunk.subarray(0, MAX_KEPT_BYTES - keptBytes);
        if (part.length > 0) kept.push(part);
        keptBytes += part.length;
        if (!(await stream.write(chunk))) return false;
      }
      if (!real.isWhole()) throw new Error('the real host broke off');
      answer.reply.trailers = real.trailers();
      return await stream.end(answer.reply.trailers);
    } catch {
      // The real host broke off: so do we, for a short answer must not look whole.
      turn.destroy();
      return false;
    } finally {
      turn.left.removeEventListener('abort', leave);
      real.body.destroy();
      answer.reply.body = Buffer.concat(kept);
    }
  }

  #answerOf(real: RealAnswer, { head }: Exchange): Answer {
    const isBodiless = head.method === 'HEAD' || real.status === 204 || real.status === 304;
    const headers: HeaderList = real.headers.filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()));
    const hasLength = headers.some(([name]) => name.toLowerCase() === 'content-length');
    if (!isBodiless && !hasLength) headers.push(['Transfer-Encoding', 'chunked']);
    headers.push([MATCH_HEADER, this.#match]);
    const { status, reason } = real;
    const reply = { status, reason, headers, trailers: [], body: Buffer.alloc(0) };
    const answer: Answer = { match: this.#match, mock: null, reply, waitUs: 0, miss: null };
    if (isBodiless) real.body.resume();
    else this.#bodies.set(answer, real);
    return answer;
  }
}

/** A real host that may be asked and does not answer is a miss, which says why. */
function unreached({ origin }: Exchange, reason: string): Answer {
  const difference = `the real host ${origin.host} was not reached: ${reason}`;
  const problem = {
    ...{ type: 'about:blank', title: 'The real host was not reached', status: UNREACHED_STATUS },
    ...{ code: 'real_host_unreached', detail: `No mock matches, and ${difference}.` },
  };
  const body = Buffer.from(`${JSON.stringify(problem)}\n`);
  const headers: HeaderList = [
    ['Content-Type', 'application/problem+json'],
    ['Content-Length', String(body.length)],
    [MATCH_HEADER, 'miss'],
  ];
  const miss: Miss = { nearest: null, difference, others: [] };
  const reply = { status: UNREACHED_STATUS, reason: '', headers, trailers: [], body };
  return { match: 'miss', mock: null, reply, waitUs: 0, miss };
}
