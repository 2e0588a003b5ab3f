// Answers a request in the general way: exchange ─▶ prepare ─▶ match ─▶ learn ─▶ wait as recorded ─▶ reply ─▶ record, with the
// steps that are configured. There is no way from here to a real host but through a step. It knows no proxies or tunnels but
// the channel a request came in on; what can be answered at once is in quick-answers.ts.
import {
  type Found,
  learnedFrom,
  type Missed,
  numberAt,
  type Position,
  type ReplayState,
  stepOf,
} from '@echoplane/replay';
import { type Clock, type Logger, newId } from '@echoplane/runtime';
import { type HeaderList, headerValues, type Mock, storeBody } from '@echoplane/traffic';
import type { CapturedPair } from '@echoplane/wire';
import type { Answer, AnswerSteps, AnswerTools, Ended, Exchange, Matched } from './answer-steps.ts';
import { type Channel, originOf } from './channel.ts';
import { explainDifference } from './explain-miss.ts';
import { callBody, isGrpc } from './grpc-reply.ts';
import type { LearnedValues } from './learned-values.ts';
import type { MockSet, ServedMocks } from './mock-set.ts';
import { responseNow } from './prepared.ts';
import type { RedactedSpace } from './redacted-space.ts';
import { type MatchKind, type Miss, missReply, mockReply, type Reply } from './reply.ts';
import { servedPair } from './served-pair.ts';
import type { Tally } from './tally.ts';
import type { Turn } from './turn.ts';

const MAX_DIFFERENCE_CHARS = 500;
const START: Position = { nth: 0, writes: 0, session: null };

export interface AnswererOptions {
  mocks: ServedMocks;
  state: ReplayState;
  learned: LearnedValues;
  /** Null: requests are matched as they are. */
  space: RedactedSpace | null;
  tally: Tally;
  clock: Clock;
  log: Logger;
  /** Factor of the recorded time to the first byte; 0 answers at once. */
  latency: number;
  missStatus: number;
  /** Answers a miss by the nearest recording of at least this likeness, 0..1; null: never. */
  nearest: number | null;
  replayId: string | undefined;
  /** Takes the pair of every answered request. */
  record(pair: CapturedPair): void;
  /** Aborting it ends the waits. */
  signal: AbortSignal;
  /** Built with what the answerer lends them. */
  steps(tools: AnswerTools): AnswerSteps;
}

/** A request as it was sent. */
export type Asked = Omit<Exchange, 'request' | 'tags' | 'origin'>;

export class Answerer {
  readonly steps: AnswerSteps;
  readonly #options: AnswererOptions;

  constructor(options: AnswererOptions) {
    this.#options = options;
    const { state, clock, log, signal, mocks } = options;
    this.steps = options.steps({
      ...{ state, clock, log, signal, index: () => mocks.current.index },
      survey: () => mocks.current.survey,
      exchange: (asked) => this.exchange(asked),
      match: (exchange) => this.match(exchange, mocks.current),
      reply: (exchange, mock, match) => this.reply(exchange, mock, match),
      conclude: (exchange, answer, ended, extra) => this.#conclude(exchange, answer, ended, extra),
    });
  }

  /** The request in the form in which recordings hold it, redacted as they are. */
  exchange(asked: Asked): Exchange {
    const { space } = this.#options;
    const { head, body, sizeBytes } = asked;
    const origin = originOf(asked.channel, head.url, head.host);
    const encoding = headerValues(head.headers, 'content-encoding').join(', ');
    const stored = isGrpc(head.headers)
      ? callBody(body, sizeBytes)
      : storeBody(body, encoding, { size: sizeBytes, deferJson: space !== null });
    const live = { ...origin, method: head.method, headers: head.headers, body: stored };
    return { ...asked, origin, request: space ? space.enter(live) : live, tags: {} };
  }

  /** Answers a whole request. Never rejects. `found`: what its look-up gave, when that was done. */
  answer(exchange: Exchange, turn: Turn, found?: Found | Missed): Promise<void> {
    return this.#guarded(exchange, turn, async (set) => {
      await this.steps.prepare?.(exchange);
      await this.#finish(await this.match(exchange, set, found), exchange, turn);
    });
  }

  /** The same when it is known with which recording. */
  answerWith(matched: Matched, exchange: Exchange, turn: Turn): Promise<void> {
    return this.#guarded(exchange, turn, () => this.#finish(matched, exchange, turn));
  }

  async #guarded(exchange: Exchange, turn: Turn, work: (set: MockSet) => Promise<void>): Promise<void> {
    const set = this.#options.mocks.current;
    set.acquire();
    try {
      await work(set);
    } catch (err) {
      // A mock edited beyond what can be matched or written spoils its own request, not the others.
      this.spoiled(err, exchange.origin.host);
      turn.destroy();
    } finally {
      set.release();
    }
  }

  /** Says that a request could not be answered: its connection ends, the others go on. */
  spoiled(err: unknown, host: string | null): void {
    this.#options.log.error({ err, host }, 'a request could not be answered');
  }

  async #finish(matched: Matched, exchange: Exchange, turn: Turn): Promise<void> {
    const answer = await this.#answerOf(exchange, matched);
    await this.#wait(exchange.startedUs + answer.waitUs);
    const firstByteUs = this.#options.clock.nowUs();
    const isWhole = await this.#send(exchange, answer, turn);
    this.#conclude(exchange, answer, { firstByteUs, endUs: this.#options.clock.nowUs(), isWhole });
  }

  /** The recording for a request, and the replay a step further. */
  match(exchange: Exchange, { index }: MockSet, known?: Found | Missed): Matched | Promise<Matched> {
    const { request, body, sizeBytes } = exchange;
    if (sizeBytes > body.length) {
      const difference = `body: ${sizeBytes} bytes, of which only ${body.length} are compared`;
      return { kind: 'miss', mock: null, miss: { nearest: null, difference, others: [] } };
    }
    const found = known ?? index.find(request, exchange.signature);
    if (found.kind === 'miss') return this.#missed(found);
    const session = index.hasSessions ? credentialOf(exchange.head.headers) : null;
    const step = stepOf(found, session);
    const position = step ? this.#options.state.advance(step) : START;
    const matched = (at: Position): Matched => {
      const mock = index.read(numberAt(found, at));
      this.learn(found, mock);
      return { kind: found.kind, mock, miss: null };
    };
    return position instanceof Promise ? position.then(matched) : matched(position);
  }

  /** Keeps what a request has in place of recorded values. */
  learn(found: Found, mock: Mock): void {
    const learned = learnedFrom(found, mock);
    if (learned.length > 0) this.#options.state.learn(learned);
  }

  /** What a mock is answered with now. */
  reply({ head: { method } }: { head: { method: string } }, mock: Mock, match: MatchKind): Reply {
    return mockReply(responseNow(mock.response, this.#options), method, match);
  }

  /** Records what came through a tunnel but was never a request: `error` and `difference` say why. */
  refuse(channel: Channel, error: 'tls-failed' | 'no-match', difference: string): void {
    const { clock, tally, record, replayId } = this.#options;
    const nowUs = clock.nowUs();
    const host = channel.authority ?? '';
    const head = {
      method: 'CONNECT',
      url: host,
      version: '1.1',
      host,
      headers: [['Host', host]] as HeaderList,
    };
    const origin = { scheme: channel.scheme, host, target: '' };
    const id = newId(nowUs);
    const asked = {
      channel,
      seq: channel.seq++,
      head,
      body: Buffer.alloc(0),
      sizeBytes: 0,
      startedUs: nowUs,
    };
    const { method } = head;
    tally.count('miss', { id, ts: nowUs, method, host, target: '', nearest: null, difference });
    const ended = { firstByteUs: null, endUs: nowUs, error, replayId, tags: {} };
    record(
      servedPair({ ...asked, ...ended, id, origin, reply: null, match: 'miss', mock: null, difference }),
    );
  }

  #missed({ nearest }: Missed): Matched {
    const { space, nearest: threshold } = this.#options;
    const explained = nearest.map(({ mock, difference }) => {
      return {
        mock,
        difference: explainDifference(difference, space !== null).slice(0, MAX_DIFFERENCE_CHARS),
      };
    });
    const [first, ...others] = explained;
    const miss: Miss = { nearest: first?.mock ?? null, difference: first?.difference ?? null, others };
    if (threshold === null || nearest.length === 0) return { kind: 'miss', mock: null, miss };
    const likest = nearest.reduce((best, near) => (near.likeness > best.likeness ? near : best));
    return likest.likeness < threshold
      ? { kind: 'miss', mock: null, miss }
      : { kind: 'nearest', mock: likest.mock, miss: { ...miss, difference: likest.difference } };
  }

  async #answerOf(exchange: Exchange, { kind, mock, miss }: Matched): Promise<Answer> {
    const { missStatus, latency } = this.#options;
    let answer: Answer | null = null;
    if (mock) {
      const reply = this.reply(exchange, mock, kind);
      answer = { match: kind, mock, reply, waitUs: mock.ttfbUs * latency, miss };
    } else {
      answer = (await this.steps.missed?.(exchange, miss)) ?? null;
      const { method } = exchange.head;
      const reply = missReply({ ...exchange.origin, method }, miss, missStatus);
      answer ??= { match: 'miss', mock: null, reply, waitUs: 0, miss };
    }
    return this.steps.finish ? this.steps.finish(exchange, answer) : answer;
  }

  async #send(exchange: Exchange, answer: Answer, turn: Turn): Promise<boolean> {
    const disturbed = await this.steps.disturb?.(exchange, answer, turn);
    if (disturbed !== undefined && disturbed !== null) return disturbed;
    const delivered = await this.steps.deliver?.(exchange, answer, turn);
    return delivered ?? turn.send(answer.reply);
  }

  async #wait(untilUs: number): Promise<void> {
    const { clock, signal } = this.#options;
    const ms = (untilUs - clock.nowUs()) / 1000;
    if (ms > 0) await clock.sleep(ms, signal);
  }

  #conclude(exchange: Exchange, answer: Answer, ended: Ended, extra: Partial<CapturedPair> = {}): void {
    const { tally, replayId, record } = this.#options;
    const { match, mock, miss, reply } = answer;
    const { origin, request, head, startedUs: ts, tags, ...asked } = exchange;
    const id = newId(ts);
    const isMiss = match === 'miss';
    const nearest = miss?.nearest?.id ?? null;
    const difference = miss?.difference ?? null;
    // The target as it was matched: without what redaction takes.
    const shown = {
      id,
      ts,
      method: head.method,
      host: origin.host,
      target: request.target,
      nearest,
      difference,
    };
    if (isMiss) tally.count(match, shown);
    else tally.count(match);
    const error = isMiss ? 'no-match' : ended.isWhole ? null : 'client-closed';
    const { firstByteUs, endUs } = ended;
    const times = { startedUs: ts, firstByteUs, endUs };
    const found = { match, mock: mock?.id ?? null, difference, error, replayId, tags } as const;
    record({ ...servedPair({ ...asked, ...times, ...found, id, head, origin, reply }), ...extra });
  }
}

/** Who asks: the credential a request carries, or null. */
function credentialOf(headers: HeaderList): string | null {
  const carried = ['authorization', 'x-api-key', 'cookie'].map((name) => headerValues(headers, name)[0]);
  return carried.find((value) => value !== undefined) ?? null;
}
