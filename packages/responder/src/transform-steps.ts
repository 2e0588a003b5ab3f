// The user's transforms at the responder: of requests before they are matched, of answers before they are sent. It must not know
// what chains do.
import type { Clock } from '@echoplane/runtime';
import { bodyBytes, type HttpResponse, headerValues, storeBody, TAG } from '@echoplane/traffic';
import {
  type CompiledTransforms,
  compileTransforms,
  type Lookups,
  type Message,
  runChains,
  seededRandom,
  startVariables,
  type TransformContext,
  type TransformResult,
  TransformState,
  type TransformsDocument,
} from '@echoplane/transforms';
import type { Answer, Exchange } from './answer-steps.ts';
import { callBody, isGrpc } from './grpc-reply.ts';

const MAX_FINDING_CHARS = 500;
/** Chains of one place that a pair names. */
const MAX_CHAINS_TOLD = 50;

export interface TransformStepsOptions {
  clock: Clock;
  /** Of what chains draw at random. */
  seed: number;
  /** Where embedded values come from. */
  lookups: Lookups;
}

export class TransformSteps {
  readonly #transforms: CompiledTransforms;
  readonly #clock: Clock;
  readonly #context: Omit<TransformContext, 'nowUs' | 'shiftUs'>;

  /** Throws TransformError when a chain cannot be used. */
  constructor(document: TransformsDocument, { clock, seed, lookups }: TransformStepsOptions) {
    this.#transforms = compileTransforms(document);
    this.#clock = clock;
    this.#context = { random: seededRandom(seed), state: new TransformState(), lookups, trace: false };
    startVariables(this.#transforms, { ...this.#context, nowUs: clock.nowUs(), shiftUs: 0 });
  }

  /** Whether there is anything to do at the responder. */
  get isActive(): boolean {
    const { at } = this.#transforms;
    return at['responder-request'].length + at['responder-response'].length > 0;
  }

  /** The request that is matched. */
  prepare(exchange: Exchange): void {
    const { request } = exchange;
    const message = { direction: 'OUT' as const, protocol: protocolOf(exchange), request };
    const context = { ...this.#context, nowUs: this.#clock.nowUs(), shiftUs: 0 };
    const result = runChains(this.#transforms, 'responder-request', message, context);
    if (result.message !== message) {
      const { scheme = request.scheme, host = request.host, ...parts } = result.message.request;
      exchange.request = { ...parts, scheme, host };
    }
    if (result.signature) exchange.signature = printed(result.signature);
    note(exchange, result);
  }

  /** The answer that is sent; that of the real host and that to a miss stay as they are. */
  finish(exchange: Exchange, answer: Answer): Answer {
    const { mock, reply } = answer;
    if (!mock) return answer;
    const nowUs = this.#clock.nowUs();
    const encoding = headerValues(reply.headers, 'content-encoding').join(', ');
    const body = isGrpc(reply.headers) ? callBody(reply.body) : storeBody(reply.body, encoding);
    const response = { status: reply.status, headers: reply.headers, trailers: reply.trailers, body };
    const { request } = exchange;
    const said = { direction: 'OUT' as const, protocol: protocolOf(exchange), request, response };
    const message: Message = { ...said, latencyUs: answer.waitUs };
    const context = { ...this.#context, nowUs, shiftUs: mock.ts === undefined ? 0 : nowUs - mock.ts };
    const result = runChains(this.#transforms, 'responder-response', message, context);
    note(exchange, result);
    const waitUs = (result.message.latencyUs ?? answer.waitUs) + result.delayUs;
    const changed = result.message.response as HttpResponse | undefined;
    if (!changed || changed === response) return waitUs === answer.waitUs ? answer : { ...answer, waitUs };
    const { status, headers, trailers = [] } = changed;
    return {
      ...answer,
      waitUs,
      reply: { ...reply, status, headers, trailers, body: bodyBytes(changed.body) },
    };
  }
}

function protocolOf({ head }: Exchange): string {
  if (!head.version.startsWith('2')) return 'http/1.1';
  return isGrpc(head.headers) ? 'grpc' : 'http/2';
}

/** In a signature values stand as JSON. */
function printed({
  set,
  delete: left,
}: NonNullable<TransformResult['signature']>): NonNullable<Exchange['signature']> {
  const values = Object.entries(set).map(([key, value]) => [key, JSON.stringify(value)]);
  return { set: Object.fromEntries(values), delete: left };
}

/** What chains found is told on the pair, of a strict one that found nothing also why. */
function note(exchange: Exchange, { applied, missed, findings }: TransformResult): void {
  const idle = [...missed, ...findings.map(({ chain }) => chain)].map((id) => `!${id}`);
  const told = [exchange.tags[TAG.chains] ?? [], ...applied, ...idle].flat().slice(0, MAX_CHAINS_TOLD);
  if (told.length > 0) exchange.tags[TAG.chains] = told.join(',');
  if (findings.length === 0) return;
  const said = findings.map(({ chain, reason }) => `${chain}: ${reason}`).join('; ');
  exchange.tags[TAG.transform] = said.slice(0, MAX_FINDING_CHARS);
}
