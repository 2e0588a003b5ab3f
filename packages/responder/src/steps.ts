// The steps of the answering put together from what is configured: transforms, generalised mocks, the real host, chaos, streams,
// conversations. What is not configured costs nothing.
import type { Sample } from '@echoplane/runtime';
import { bodyBytes, type Mock, type ResponderPlan, TAG } from '@echoplane/traffic';
import type { Lookups, TransformsDocument } from '@echoplane/transforms';
import type { Destination } from './alias-listener.ts';
import { AllowedHosts } from './allowed-hosts.ts';
import type { Answer, AnswerSteps, AnswerTools, Exchange } from './answer-steps.ts';
import { Chaos } from './chaos.ts';
import { deliver } from './deliver.ts';
import { Disturbances, viewOf } from './disturbances.ts';
import { GrpcConversations } from './grpc-conversations.ts';
import { grpcAnswer } from './grpc-reply.ts';
import { piecesOf } from './paced-body.ts';
import { Passing } from './passing.ts';
import { RealHosts } from './real-host.ts';
import { withReplacedValues } from './replaced-values.ts';
import { TransformSteps } from './transform-steps.ts';
import type { Turn } from './turn.ts';
import { WebSocketAnswers } from './websocket-answers.ts';

export interface StepsConfig {
  plan: ResponderPlan;
  transforms: TransformsDocument | null;
  /** Where embedded values of transforms come from. */
  lookups: Lookups;
  /** Real hosts that may be asked, when the plan's miss policy says so. */
  realHosts: readonly Destination[];
  /** Where names of Services without one belong. */
  namespace: string;
  /** Factor of recorded times. */
  latency: number;
  missStatus: number;
  /** Of the largest WebSocket message that is heard. */
  messageLimitBytes: number;
  /** Whether the state that several responders share is away at this moment. */
  isAlone(): boolean;
}

/** The steps, and what they tell of themselves. */
export interface ConfiguredSteps extends AnswerSteps {
  /** Answers that chaos touched, by rule. */
  chaosCounts(): Record<string, number>;
  samples(): Sample[];
}

/** Throws FilterError or TransformError when the configuration holds what cannot be used. */
export function answerSteps(config: StepsConfig, tools: AnswerTools): ConfiguredSteps {
  const { plan, latency, missStatus, messageLimitBytes } = config;
  const chaos = new Chaos(plan.chaos ?? [], plan.seed);
  const disturbances = (plan.chaos ?? []).length > 0 ? new Disturbances(chaos) : null;
  const transforms = transformsOf(config, tools);
  const passing = passingOf(config, tools);
  const conversations = new GrpcConversations({ tools, latency, disturbances });
  const webSockets = new WebSocketAnswers({
    ...{ tools, latency, missStatus, disturbances, messageLimitBytes },
  });
  return {
    // What is answered without the shared state has to be tagged; that needs the general way.
    get touchesMatches() {
      return disturbances !== null || transforms !== null || config.isAlone();
    },
    prepare: (exchange) => transforms?.prepare(exchange),
    missed: async (exchange) => (await generalized(exchange, tools)) ?? passing?.missed(exchange) ?? null,
    finish(exchange, answer) {
      if (config.isAlone()) exchange.tags[TAG.state] = 'local';
      const transformed = transforms?.finish(exchange, answer) ?? answer;
      const spoken = grpcAnswer(exchange, transformed);
      return disturbances?.apply(exchange, spoken) ?? spoken;
    },
    async deliver(_exchange, answer, turn) {
      const passed = await passing?.deliver(answer, turn);
      return passed ?? delivered(answer, turn, { config, tools, disturbances });
    },
    upgrade: (exchange, take) => webSockets.take(exchange, take),
    stream: (asked) => conversations.take(asked),
    chaosCounts: () => chaos.counts,
    samples: () => [chaosSample(chaos)],
  };
}

function transformsOf(
  { transforms, plan, lookups }: StepsConfig,
  { clock }: AnswerTools,
): TransformSteps | null {
  if (!transforms) return null;
  const steps = new TransformSteps(transforms, { clock, lookups, seed: plan.seed ?? 0 });
  return steps.isActive ? steps : null;
}

function passingOf({ plan, realHosts, namespace }: StepsConfig, { signal }: AnswerTools): Passing | null {
  const { missPolicy = 'fail' } = plan;
  if (missPolicy === 'fail') return null;
  const hosts = new RealHosts(new AllowedHosts(realHosts, namespace), signal);
  return new Passing(hosts, missPolicy === 'record' ? 'recorded' : 'passthrough');
}

/** The answer of a recorded entity in the place of the one that was asked for. */
async function generalized(exchange: Exchange, tools: AnswerTools): Promise<Answer | null> {
  const found = tools.survey().generalizer.find(exchange.request, () => viewOf(exchange));
  if (!found) return null;
  const { mocks, cursor, replaced } = found;
  const step = { session: null, recordedSessions: [], resource: null, isWrite: false };
  const { nth } = mocks.length > 1 ? await tools.state.advance({ cursor, ...step }) : { nth: 0 };
  const recorded = tools.index().read(mocks[Math.min(nth, mocks.length - 1)]!);
  const mock: Mock = { ...recorded, response: withReplacedValues(recorded.response, replaced) };
  const reply = tools.reply(exchange, mock, 'generalized');
  return { match: 'generalized', mock, reply, waitUs: mock.ttfbUs, miss: null };
}

interface Delivering {
  config: StepsConfig;
  tools: AnswerTools;
  disturbances: Disturbances | null;
}

/** Answers with a rhythm, and those that chaos breaks off; null for all others. */
function delivered(
  answer: Answer,
  turn: Turn,
  { config, tools, disturbances }: Delivering,
): Promise<boolean> | null {
  const { mock, reply } = answer;
  const ending = disturbances?.endingOf(answer) ?? null;
  const chunks = mock?.response.body.chunks;
  const pieces = chunks
    ? piecesOf(reply.body, {
        ...{ chunks, ttfbUs: mock.ttfbUs, factor: config.latency },
        recordedBytes: bodyBytes(mock.response.body).length,
      })
    : [{ bytes: reply.body, atUs: 0 }];
  if (!ending && pieces.length < 2) return null;
  const { clock, signal } = tools;
  return deliver(turn, { reply, pieces, ending, clock, signal });
}

function chaosSample(chaos: Chaos): Sample {
  const values = Object.entries(chaos.counts).map(([rule, value]) => ({ labels: { rule }, value }));
  const name = 'echoplane_responder_chaos_total';
  return { name, help: 'Answers that chaos touched, by rule.', type: 'counter', values };
}
