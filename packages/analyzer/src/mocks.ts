// OUT pairs as mocks: signature, the keys of it that the service under test makes anew each time, the position in the
// sequence of equal requests, and the state the answer depends on. Pure.
import { signatureDigest, signatureOf } from '@echoplane/replay';
import {
  bodyBytes,
  grpcFrames,
  grpcStreamMessages,
  type Mock,
  type RRPair,
  type StreamMessage,
} from '@echoplane/traffic';
import type { Resources } from './resources.ts';
import { outboundRequest } from './targets.ts';

/** Distinct requests whose sequence is counted; beyond, the position in the recording stands in for it. */
const MAX_SEQUENCES = 300_000;
/** Digits of a digest that a number holds exactly. */
const DIGEST_DIGITS = 13;

export interface MockFacts {
  /** Number of the pair in the recording. */
  pair: number;
  endpoint: string;
  /** Keys of the signature that hold values of the service's own making, sorted. */
  volatile: readonly string[];
  /** Of the WebSocket the request opened; empty for others. */
  messages: StreamMessage[];
}

/** Makes mocks in the order of the recording. */
export class MockMaker {
  readonly #sequences = new Map<number, number>();
  readonly #resources: Resources;

  constructor(resources: Resources) {
    this.#resources = resources;
  }

  mock(pair: RRPair, { pair: number, endpoint, volatile, messages }: MockFacts): Mock {
    const request = outboundRequest(pair);
    const signature = signatureOf(request);
    const keys = volatile.filter((key) => key in signature);
    const loose = signatureDigest(signature, keys);
    const state = this.#resources.next(pair);
    const conversation = messages.length > 0 ? messages : grpcMessages(pair);
    return {
      ...{ id: pair.id, session: pair.session, scheme: request.scheme === 'https' ? 'https' : 'http' },
      ...{
        host: request.host,
        endpoint,
        signature,
        volatile: keys,
        exact: signatureDigest(signature),
        loose,
      },
      ...{ sequence: this.#sequence(loose, number), response: pair.response!, ttfbUs: pair.ttfbUs ?? 0 },
      ...{ durationUs: pair.durationUs, ts: pair.ts },
      protocol: messages.length > 0 ? 'websocket' : pair.protocol,
      ...(state ? { state } : {}),
      ...(conversation.length > 0 ? { messages: conversation } : {}),
    };
  }

  #sequence(loose: string, number: number): number {
    const key = Number.parseInt(loose.slice(0, DIGEST_DIGITS), 16);
    const next = this.#sequences.get(key);
    if (next === undefined && this.#sequences.size >= MAX_SEQUENCES) return number;
    this.#sequences.set(key, (next ?? 0) + 1);
    return next ?? 0;
  }
}

/** The messages of a gRPC call that is a stream; empty for one question and one answer. */
export function grpcMessages(pair: RRPair): StreamMessage[] {
  if (pair.protocol !== 'grpc') return [];
  const [asked, answered] = [pair.request!, pair.response!].map(
    ({ body }) => grpcFrames(bodyBytes(body)).frames.length,
  );
  return asked! <= 1 && answered! <= 1 ? [] : grpcStreamMessages(pair.request!.body, pair.response!.body);
}
