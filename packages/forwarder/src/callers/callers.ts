// Which pod is calling, by the service-account token it shows: the API server reviews the token, and the pod is read, so
// that what is known of it comes from the cluster and not from the caller. Answers are remembered for a minute, under a
// digest; a token is never kept, logged or told. It must not know what callers want.
import { createHash } from 'node:crypto';
import { type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import { type Pod, TOKEN_AUDIENCE, workloadOfPod } from '@echoplane/resources';
import { type Clock, type Logger, MAX_TOKEN_BYTES, OperatingError } from '@echoplane/runtime';
import { within } from '../agent/deadline.ts';
import { Lane } from '../agent/lane.ts';
import { RateLimit } from './rate-limit.ts';

/** A pod as the cluster knows it. */
export interface Caller {
  namespace: string;
  serviceAccount: string;
  pod: string;
  uid: string;
  workload: { kind: string; name: string };
  /** Names of its containers, init containers too. */
  containers: readonly string[];
}

/** Why a token was not taken: showing another one may help, showing this one again will not. */
export class CallerRefused extends OperatingError {}
/** The API server could not be asked, or not now: the same token may do later. */
export class CallerUnknown extends OperatingError {}

export interface CallersOptions {
  client: Pick<KubeClient, 'call' | 'get'>;
  clock: Clock;
  log: Pick<Logger, 'warn'>;
}

const REVIEWS = '/apis/authentication.k8s.io/v1/tokenreviews';
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const POD_UID = 'authentication.kubernetes.io/pod-uid';
const USER = /^system:serviceaccount:([^:]+):([^:]+)$/;
/** A pod that is gone, or a token that was revoked, opens streams for so long at most. */
const REMEMBERED_US = 60_000_000;
/** The oldest is forgotten. */
const MAX_REMEMBERED = 2_000;
const ASK_MS = 5_000;
/** Questions to the API server at once, and how many more may wait. */
const AT_ONCE = 16;
const MAX_WAITING = 1_000;
/** Questions one address may cause. A token that is good is remembered, and a whole node may have one address. */
const ADDRESS_LIMIT = { perS: 20, burst: 200, maxKeys: 10_000 };
/** Trouble with the API server is logged so often. */
const COMPLAINT_US = 60_000_000;

interface Review {
  status?: {
    authenticated?: boolean;
    audiences?: string[];
    user?: { username?: string; extra?: Record<string, string[]> };
    error?: string;
  };
}

export class Callers {
  readonly #options: CallersOptions;
  readonly #remembered = new Map<string, { caller: Promise<Caller>; untilUs: number }>();
  readonly #lane = new Lane(AT_ONCE, MAX_WAITING);
  readonly #addresses: RateLimit;
  #complainedUs = Number.NEGATIVE_INFINITY;

  constructor(options: CallersOptions) {
    this.#options = options;
    this.#addresses = new RateLimit(options.clock, ADDRESS_LIMIT);
  }

  /** The pod that a token was made for; `address` is where it came from. Throws CallerRefused or CallerUnknown. */
  async whoShows(token: string, address: string): Promise<Caller> {
    checkForm(token);
    const { clock } = this.#options;
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#remembered.get(digest);
    if (known && known.untilUs > clock.nowUs()) return known.caller;
    if (!this.#addresses.take(address) || this.#lane.isFull)
      throw unknown('too many tokens are being looked at; it is tried again');
    const caller = this.#ask(token);
    this.#remember(digest, caller);
    return caller;
  }

  #remember(digest: string, caller: Promise<Caller>): void {
    const entry = { caller, untilUs: this.#options.clock.nowUs() + REMEMBERED_US };
    this.#remembered.delete(digest);
    this.#remembered.set(digest, entry);
    if (this.#remembered.size > MAX_REMEMBERED)
      this.#remembered.delete(this.#remembered.keys().next().value!);
    caller.catch(() => {
      if (this.#remembered.get(digest) === entry) this.#remembered.delete(digest);
    });
  }

  async #ask(token: string): Promise<Caller> {
    const { client, clock } = this.#options;
    const asked = { done: null as Caller | null };
    await this.#lane.run(async () => {
      const limit = { clock, ms: ASK_MS, what: 'asking the API server about a token' };
      asked.done = await within(limit, new AbortController().signal, async (signal) => {
        const body = {
          ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' },
          spec: { token, audiences: [TOKEN_AUDIENCE] },
        };
        const review = await client.call<Review>('POST', REVIEWS, { body, signal });
        const shown = shownBy(review);
        const pod = await client.get<Obj & Pod>(RESOURCES.pods, {
          namespace: shown.namespace,
          name: shown.pod,
        });
        return callerOf(shown, pod);
      }).catch((err: unknown) => {
        throw err instanceof CallerRefused ? err : this.#away(err);
      });
    });
    return asked.done!;
  }

  #away(cause: unknown): CallerUnknown {
    const { clock, log } = this.#options;
    if (clock.nowUs() - this.#complainedUs >= COMPLAINT_US) {
      this.#complainedUs = clock.nowUs();
      log.warn({ err: cause }, 'the API server does not say whose tokens are shown; callers try again');
    }
    return unknown('the API server could not be asked; it is tried again', cause);
  }
}

type Shown = Pick<Caller, 'namespace' | 'serviceAccount' | 'pod' | 'uid'>;

/** Before anybody is asked: what cannot be one of our tokens costs the API server nothing. */
function checkForm(token: string): void {
  if (token === '')
    throw refused('no service-account token was shown; mount one with the audience echoplane');
  const [, payload, signature] = token.split('.');
  if (token.length > MAX_TOKEN_BYTES || !payload || !signature) throw refused('what was shown is no token');
  let audiences: unknown;
  try {
    audiences = (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { aud?: unknown }).aud;
  } catch {
    throw refused('what was shown is no token');
  }
  if (![audiences].flat().includes(TOKEN_AUDIENCE))
    throw refused(`the token is for another audience; project one with the audience ${TOKEN_AUDIENCE}`);
}

function shownBy({ status = {} }: Review): Shown {
  const { authenticated, audiences = [], user = {}, error = '' } = status;
  if (authenticated !== true || !audiences.includes(TOKEN_AUDIENCE))
    throw refused(`the API server does not accept the token (${error.slice(0, 200) || 'it says no more'})`);
  const [, namespace, serviceAccount] = USER.exec(user.username ?? '') ?? [];
  const [pod] = user.extra?.[POD_NAME] ?? [];
  const [uid] = user.extra?.[POD_UID] ?? [];
  if (!namespace || !serviceAccount || !pod || !uid)
    throw refused('the token is not bound to a pod; use one that Kubernetes projects into the pod');
  return { namespace, serviceAccount, pod, uid };
}

function callerOf(shown: Shown, pod: Pod | null): Caller {
  if (pod?.metadata.uid !== shown.uid) throw refused('the pod of the token is gone');
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map(({ name }) => name);
  return { ...shown, workload: workloadOfPod(pod), containers };
}

function refused(why: string): CallerRefused {
  return new CallerRefused('token-refused', `The token was refused: ${why}.`);
}

function unknown(why: string, cause?: unknown): CallerUnknown {
  return new CallerUnknown('identity-unavailable', `Who is calling is not known: ${why}.`, { cause });
}
