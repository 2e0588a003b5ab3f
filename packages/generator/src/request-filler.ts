// A test's request on its way out: live values, then the user's transforms, then digests of its body, then credentials from the
// vault, then bytes. What comes out the same each time is kept with the test. It must not know connections.
import { saidByServer, testOfMessage } from '@echoplane/replay';
import type { Clock } from '@echoplane/runtime';
import { type Body, settleBody, storeBody, type Test } from '@echoplane/traffic';
import { withBodyDigests } from './body-digests.ts';
import { protocolOf, type ReplayedProtocol, type Talk } from './channel.ts';
import type { Credentials } from './credentials.ts';
import type { DeadLetterReason } from './dead-letters.ts';
import { http2HeadBytes } from './http2-head-bytes.ts';
import type { User } from './player.ts';
import type { PreparedTest } from './prepared-test.ts';
import { type RequestBytes, requestBytes } from './request-bytes.ts';
import { placed, type Target } from './target.ts';
import type { TestTransforms } from './test-transforms.ts';

/** Where a token is that a message of the conversation hands out. */
const SAID = 'messages[';

export interface Filled {
  request: Test['request'];
  bytes: RequestBytes;
  protocol: ReplayedProtocol;
  /** Tokens and strict chains for which there was no value. */
  unresolved: readonly string[];
  /** How long to hold it up, ms. */
  delayMs: number;
  /** WebSocket tests only. */
  talk?: Talk;
}

/** Why a request cannot be sent. */
export interface Unsendable {
  reason: DeadLetterReason;
  detail: string;
}

export interface FillerOptions {
  target: Target;
  /** What stands in the Host header: the target's name, or what was recorded. */
  hostHeader: 'target' | 'recorded';
  /** A token without a live value keeps its test from being sent. */
  strict: boolean;
  credentials: Credentials;
  transforms: TestTransforms;
  clock: Clock;
}

export class RequestFiller {
  readonly #options: FillerOptions;

  constructor(options: FillerOptions) {
    this.#options = options;
  }

  fill(prepared: PreparedTest, user: User): Filled | Unsendable {
    if (prepared.filled) return prepared.filled;
    const { test } = prepared;
    const protocol = protocolOf(test);
    if (protocol === null) return { reason: 'unsupported-protocol', detail: test.protocol ?? '' };
    const cutBytes = cutBytesOf(test);
    if (cutBytes > 0) return { reason: 'incomplete-request', detail: `${cutBytes} bytes` };
    const { strict, credentials, transforms, clock } = this.#options;
    const live = user.values.live.fill(test, clock.nowUs());
    // What a conversation hands out itself comes in time.
    const unresolved = live.unresolved.filter(
      (id) => !test.produces.some(({ token, path }) => token === id && path.startsWith(SAID)),
    );
    const missing = strict ? unresolved[0] : undefined;
    if (missing !== undefined) return { reason: 'unresolved-token', detail: missing };
    const transformed = transforms.request(test, live.request, user);
    const [finding] = transformed.findings;
    if (finding !== undefined) return { reason: 'transform-failed', detail: finding };
    prepared.hasCredentials ??= credentials.concern(test.request);
    const digested = withBodyDigests(test.request, transformed.message);
    const shown = (value: string) => user.values.live.shown(value);
    const whole = prepared.hasCredentials ? credentials.fill(digested, shown) : digested;
    const target = placed(whole.target, this.#options.target);
    const request = target === whole.target ? whole : { ...whole, target };
    const { delayMs } = transformed;
    const talk = protocol === 'websocket' ? { talk: talkOf(test, user) } : {};
    if (test.ownTimes) {
      user.values.live.noteSent(test, request);
      user.values.compared.noteSent(test, request);
    }
    const bytes = this.#bytes(request, protocol);
    const filled: Filled = { request, bytes, protocol, unresolved, delayMs, ...talk };
    const isConstant = prepared.isConstant && transformed.isUntouched && !prepared.hasCredentials;
    // A conversation is somebody's.
    if (isConstant && !filled.talk) prepared.filled = filled;
    return filled;
  }

  #bytes(request: Test['request'], protocol: ReplayedProtocol): RequestBytes {
    const { target, hostHeader } = this.#options;
    const host = hostHeader === 'target' ? target.host : null;
    if (protocol === 'http/1.1' || protocol === 'websocket') return requestBytes(request, host);
    return http2HeadBytes(request, { scheme: target.scheme, host });
  }
}

/** A client's messages are filled as bodies are, when they are said: the server may have handed out what they name just before. */
function talkOf(test: Test, { values }: User): Talk {
  const recorded = saidByServer(test);
  const hands = test.produces.some(({ path }) => path.startsWith(SAID));
  return {
    messages: test.messages ?? [],
    filled(message) {
      const { from, kind, offsetUs, ...body } = message;
      const asked = { ...test, request: { ...test.request, body: { encoding: 'identity', ...body } } };
      return { from, kind, offsetUs, ...values.live.fill(asked).request.body };
    },
    heard(n, data) {
      const message = recorded[n];
      if (!message || !hands) return;
      const one = testOfMessage(test, n, message);
      if (one.produces.length === 0) return;
      const body = storeBody(data, '');
      settleBody(body);
      values.live.learn(one, { status: one.response.status, headers: [], body });
    },
  };
}

/** Bytes of its body, or of the first of the client's messages, that is not in the recording; 0: all is there. */
function cutBytesOf({ request, messages = [] }: Test): number {
  const said = messages.filter(({ from }) => from === 'client');
  return [request.body, ...said].find(isCut)?.size ?? 0;
}

/**
 * It is not in the recording. One that was cut is no test; its size says nothing of that, as it is the size on the wire, before
 * redaction.
 */
function isCut(body: Pick<Body, 'size' | 'text' | 'json' | 'base64' | 'ref'>): boolean {
  const isThere = body.text !== undefined || body.json !== undefined || body.base64 !== undefined;
  return body.ref !== undefined || (body.size > 0 && !isThere);
}
