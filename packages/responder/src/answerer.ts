// Answers one request after the other from the mocks: read ─▶ match ─▶ learn ─▶ wait as recorded ─▶ reply ─▶ record.
// It holds the index and what was learned; there is no way from here to a real host. It knows no proxies or tunnels
// but the channel a request came in on.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, type Logger, newId } from '@echoplane/runtime';
import {
  type HeaderList,
  header,
  headerValues,
  type MatchResult,
  type MockIndex,
  type OutboundRequest,
  Substitution,
  storeBody,
} from '@echoplane/traffic';
import type { CapturedPair } from '@echoplane/wire';
import { type Channel, type Origin, originOf } from './channel.ts';
import { explainDifference } from './explain-miss.ts';
import type { RedactedSpace } from './redacted-space.ts';
import { missReply, mockReply, type Reply } from './reply.ts';
import { type Served, servedPair } from './served-pair.ts';
import type { Tally } from './tally.ts';

/** A larger request body is not compared: its request is a miss. */
const MAX_REQUEST_BODY_BYTES = 8 << 20;
const MAX_DIFFERENCE_CHARS = 500;

export interface AnswererOptions {
  index: MockIndex;
  /** Null: requests are matched as they are. */
  space: RedactedSpace | null;
  tally: Tally;
  clock: Clock;
  log: Logger;
  /** Factor of the recorded time to the first byte; 0 answers at once. */
  latency: number;
  missStatus: number;
  replayId: string | undefined;
  /** Takes the pair of every answered request. */
  record(pair: CapturedPair): void;
  /** Aborting it ends the waits. */
  signal: AbortSignal;
}

interface Asked {
  origin: Origin;
  request: Served['request'];
}

export class Answerer {
  readonly #options: AnswererOptions;
  /** Recorded values and what the service under test put in their place; one for all, because its answers meet again. */
  readonly #learned = new Substitution();

  constructor(options: AnswererOptions) {
    this.#options = options;
  }

  /** Answers a request of `channel`. Never rejects; a client that leaves before it has asked is not counted. */
  async answer(incoming: IncomingMessage, outgoing: ServerResponse, channel: Channel): Promise<void> {
    const { clock, latency, signal, log } = this.#options;
    const startedUs = clock.nowUs();
    const seq = channel.seq++;
    const asked = await readRequest(incoming, channel).catch(() => null);
    if (!asked) return void outgoing.destroy();
    try {
      const request = this.#recordable(asked);
      const result = this.#match(asked, request);
      const reply = this.#reply(asked, result);
      const ttfbUs = result.kind === 'miss' ? 0 : result.mock.ttfbUs * latency;
      const waitMs = (startedUs + ttfbUs - clock.nowUs()) / 1000;
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      const firstByteUs = clock.nowUs();
      const isWhole = await send(outgoing, reply);
      const times = { startedUs, firstByteUs, endUs: clock.nowUs() };
      const shownTarget = request.target;
      this.#conclude({ ...asked, ...times, channel, seq, reply, result, isWhole, shownTarget });
    } catch (err) {
      // A mock edited beyond what can be matched or written spoils its own request, not the others.
      log.error(
        { err, host: asked.origin.host, method: asked.request.method },
        'a request could not be answered',
      );
      outgoing.destroy();
    }
  }

  /** Records what came through a tunnel but was never a request: `error` and `difference` say why. */
  refuse(channel: Channel, error: 'tls-failed' | 'no-match', difference: string): void {
    const nowUs = this.#options.clock.nowUs();
    const host = channel.authority ?? '';
    const said = { method: 'CONNECT', url: host, version: '1.1', headers: [['Host', host]] as HeaderList };
    const request = { ...said, body: Buffer.alloc(0), sizeBytes: 0 };
    const origin = { scheme: channel.scheme, host, target: '' };
    const times = { startedUs: nowUs, firstByteUs: null, endUs: nowUs };
    const seq = channel.seq++;
    this.#concludeMiss({
      channel,
      seq,
      request,
      origin,
      reply: null,
      ...times,
      error,
      nearest: null,
      difference,
      shownTarget: '',
    });
  }

  /** The request in the form in which recordings hold it, redacted as they are. */
  #recordable({ origin, request }: Asked): OutboundRequest {
    const { space } = this.#options;
    const { method, headers, body, sizeBytes } = request;
    const encoding = headerValues(headers, 'content-encoding').join(', ');
    const stored = storeBody(body, encoding, { size: sizeBytes, deferJson: space !== null });
    const live = { ...origin, method, headers, body: stored };
    return space ? space.enter(live) : live;
  }

  #match({ request: { body, sizeBytes } }: Asked, request: OutboundRequest): MatchResult {
    const { index, space } = this.#options;
    if (sizeBytes > body.length) {
      return {
        kind: 'miss',
        nearest: null,
        difference: `body: ${sizeBytes} bytes, of which only ${body.length} are compared`,
      };
    }
    const result = index.match(request);
    if (result.kind === 'miss') {
      const difference = result.difference && explainDifference(result.difference, space !== null);
      return { ...result, difference: difference?.slice(0, MAX_DIFFERENCE_CHARS) ?? null };
    }
    for (const [recorded, live] of result.learned) this.#learned.set(recorded, live);
    return result;
  }

  #reply({ origin, request }: Asked, result: MatchResult): Reply {
    const { method } = request;
    if (result.kind === 'miss') return missReply({ ...origin, method }, result, this.#options.missStatus);
    const response = this.#learned.applyResponse(result.mock.response);
    const { space } = this.#options;
    return mockReply(space ? space.leave(response) : response, method, result.kind);
  }

  #conclude(
    ended: Omit<Served, 'id' | 'error' | 'match' | 'mock' | 'difference' | 'replayId'> & {
      result: MatchResult;
      isWhole: boolean;
      shownTarget: string;
    },
  ): void {
    const { result, isWhole, ...served } = ended;
    if (result.kind === 'miss') {
      const { nearest, difference } = result;
      this.#concludeMiss({ ...served, error: 'no-match', nearest: nearest?.id ?? null, difference });
      return;
    }
    const { tally, replayId, record } = this.#options;
    tally.count(result.kind);
    const id = newId(served.startedUs);
    const error = isWhole ? null : 'client-closed';
    const mock = result.mock.id;
    record(servedPair({ ...served, id, match: result.kind, mock, difference: null, error, replayId }));
  }

  #concludeMiss(
    missed: Omit<Served, 'id' | 'match' | 'mock' | 'replayId'> & {
      nearest: string | null;
      /** Of the request as it was matched: without what redaction takes. */
      shownTarget: string;
    },
  ): void {
    const { nearest, shownTarget: target, ...served } = missed;
    const { tally, replayId, record } = this.#options;
    const id = newId(served.startedUs);
    const { origin, request, difference, startedUs: ts } = served;
    const { host } = origin;
    tally.count('miss', { id, ts, method: request.method, host, target, nearest, difference });
    record(servedPair({ ...served, id, match: 'miss', mock: null, replayId }));
  }
}

/** The whole request; of a body beyond the limit the first bytes. Rejects when the client leaves. */
async function readRequest(incoming: IncomingMessage, channel: Channel): Promise<Asked> {
  const headers: HeaderList = [];
  for (let i = 0; i < incoming.rawHeaders.length; i += 2)
    headers.push([incoming.rawHeaders[i]!, incoming.rawHeaders[i + 1]!]);
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let sizeBytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    const part = chunk.subarray(0, MAX_REQUEST_BODY_BYTES - keptBytes);
    if (part.length > 0) kept.push(part);
    keptBytes += part.length;
  }
  const url = incoming.url ?? '/';
  return {
    origin: originOf(channel, url, header(headers, 'host')),
    request: {
      method: incoming.method ?? '',
      url,
      version: incoming.httpVersion,
      headers,
      body: Buffer.concat(kept),
      sizeBytes,
    },
  };
}

/** Writes a reply; false when the client left before all of it was taken. */
async function send(
  outgoing: ServerResponse,
  { status, reason, headers, trailers, body }: Reply,
): Promise<boolean> {
  outgoing.sendDate = false;
  outgoing.writeHead(status, reason, headers.flat());
  if (trailers.length > 0) outgoing.addTrailers(trailers);
  outgoing.end(body);
  if (!outgoing.writableFinished && !outgoing.destroyed) await once(outgoing, 'close');
  return outgoing.writableFinished;
}
