// The transforms of a snapshot at the generator's two places: on a request before it is sent, and on an answer before it is
// learned from and compared. Variables are a virtual user's own, rows of data sets are dealt out once among all of them.
import type { Clock } from '@echoplane/runtime';
import type { HttpResponse, Test } from '@echoplane/traffic';
import {
  ChainCounts,
  type CompiledTransforms,
  type Lookups,
  type Message,
  runChains,
  startVariables,
  type TransformContext,
  TransformState,
} from '@echoplane/transforms';
import type { User } from './player.ts';
import type { Target } from './target.ts';

export interface TransformSurroundings {
  lookups: Lookups;
  target: Target;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  /** The cursors of all virtual users, in whatever thread they are. */
  cursors: Pick<TransformState, 'nextOf'>;
}

/** Says where a request cannot be sent, and what to do instead. */
export const ONE_TARGET =
  'requests go to the target of the replay. Change the Host header, or set another target instead';

type Whose = Pick<User, 'state' | 'values'>;

/** A message after its chains. */
export interface Transformed<M> {
  message: M;
  /** How long to wait before going on, ms. */
  delayMs: number;
  /** Strict chains that found nothing to work on, with why. */
  findings: string[];
  /** No chain had anything to do with it. */
  isUntouched: boolean;
}

export class TestTransforms {
  readonly #compiled: CompiledTransforms;
  readonly #surroundings: TransformSurroundings;
  /** What chains found. */
  readonly chains: ChainCounts;

  constructor(compiled: CompiledTransforms, surroundings: TransformSurroundings) {
    this.#compiled = compiled;
    this.chains = new ChainCounts(compiled, ['generator-request', 'generator-response']);
    this.#surroundings = surroundings;
  }

  /** Messages stay as they are; a learned replacement comes from a chain as well. */
  get hasNone(): boolean {
    return Object.values(this.#compiled.at).every((chains) => chains.length === 0);
  }

  /** What a new virtual user has stored: its own number (from 0) and round, and the variables filled at the start. */
  newState(identity: { user: number; round: number }): TransformState {
    const state = new TransformState(this.#surroundings.cursors);
    for (const [name, value] of Object.entries(identity))
      state.setVariable(name, { value: String(value), secrets: [] });
    this.chains.add(startVariables(this.#compiled, this.#context({ state }, undefined)));
    return state;
  }

  /** A finding as well when the request would have to go somewhere else than to the target. */
  request(test: Test, request: Test['request'], user: Whose): Transformed<Test['request']> {
    if (this.#isIdle('generator-request', user.state)) return untouched(request);
    const { scheme, host } = this.#surroundings.target;
    const { response, ...recorded } = messageOf(test);
    const message = { ...recorded, request: { ...request, scheme, host } };
    const result = runChains(this.#compiled, 'generator-request', message, this.#context(user, test));
    this.chains.add(result);
    const { method, target, headers, body, ...to } = result.message.request;
    const { findings, ...rest } = told(result);
    const isElsewhere = to.scheme !== scheme || to.host !== host;
    const elsewhere = isElsewhere ? [`it would go to ${to.scheme}://${to.host}; ${ONE_TARGET}`] : [];
    return { ...rest, findings: [...findings, ...elsewhere], message: { method, target, headers, body } };
  }

  /** `request`: as it was sent. */
  response(
    test: Test,
    { request, response }: { request: Test['request']; response: HttpResponse },
    user: Whose,
  ): Transformed<HttpResponse> {
    if (this.#isIdle('generator-response', user.state)) return untouched(response);
    const message = { ...messageOf(test), request, response };
    const result = runChains(this.#compiled, 'generator-response', message, this.#context(user, test));
    this.chains.add(result);
    const { trailers, ...rest } = result.message.response!;
    const made = { ...response, ...rest, ...(trailers ? { trailers } : {}) };
    return { ...told(result), message: result.message === message ? response : made };
  }

  #isIdle(at: 'generator-request' | 'generator-response', state: TransformState): boolean {
    return this.#compiled.at[at].length === 0 && state.learned.size === 0;
  }

  #context(
    { state, values }: Pick<Whose, 'state'> & Partial<Whose>,
    test: Test | undefined,
  ): TransformContext {
    const { clock, random, lookups } = this.#surroundings;
    const nowUs = clock.nowUs();
    const shiftUs = test?.ts === undefined ? 0 : nowUs - test.ts;
    const replaceLive = (recorded: string, live: string) => {
      values?.live.replace(recorded, live);
      if (values?.compared !== values?.live) values?.compared.replace(recorded, live);
    };
    return { nowUs, shiftUs, random, state, lookups, replaceLive };
  }
}

function messageOf(test: Test): Message {
  const { request, response, session, protocol, service, durationUs: latencyUs } = test;
  return {
    ...{ direction: 'IN', request, response, session, latencyUs },
    ...(protocol === undefined ? {} : { protocol }),
    ...(service === undefined ? {} : { service }),
    recorded: { request, response },
  };
}

function untouched<M>(message: M): Transformed<M> {
  return { message, delayMs: 0, findings: [], isUntouched: true };
}

function told(result: ReturnType<typeof runChains>): Omit<Transformed<never>, 'message'> {
  const { changes: _, delayUs, findings, applied, missed } = result;
  return {
    delayMs: delayUs / 1000,
    findings: findings.map(({ chain, reason }) => `${chain}: ${reason}`),
    isUntouched: applied.length + missed.length + findings.length === 0,
  };
}
