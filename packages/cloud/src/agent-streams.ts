// The streams this replica serves, and how many it will: a bound for a tenant and for the replica, and for how many open
// in a second. Any replica can serve any agent.
import type { Admission } from './admission.ts';
import { AgentStream, type StreamTimes } from './agent-stream.ts';
import { admit } from './agents.ts';
import type { Handlers, Services } from './handlers.ts';
import { ProblemError } from './problems.ts';

export interface StreamLimits extends StreamTimes {
  perTenant: number;
  perReplica: number;
}

export const STREAM_LIMITS: StreamLimits = {
  pingMs: 10_000,
  resendMs: 30_000,
  perTenant: 1_000,
  perReplica: 10_000,
};

const TROUBLE_EVERY_US = 10_000_000;

export class AgentStreams {
  readonly #services: Services;
  readonly #limits: StreamLimits;
  readonly #streams = new Set<AgentStream>();
  readonly #perTenant = new Map<string, number>();
  #closing = false;
  #toldTroubleUs = Number.NEGATIVE_INFINITY;

  constructor(services: Services, limits: StreamLimits = STREAM_LIMITS) {
    this.#services = services;
    this.#limits = limits;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Opens the stream of an agent; an older one of the same agent ends. */
  async open(tenant: string, agent: string): Promise<AgentStream> {
    this.#checkRoom(tenant);
    const trouble = (err: unknown) => this.#tellTrouble(err);
    const stream = new AgentStream(this.#services, { tenant, agent, times: this.#limits, trouble });
    this.#streams.add(stream);
    this.#perTenant.set(tenant, (this.#perTenant.get(tenant) ?? 0) + 1);
    stream.output.once('close', () => this.#forget(stream));
    try {
      await stream.open();
    } catch (err) {
      stream.output.destroy();
      throw err;
    }
    return stream;
  }

  /** Ends every stream, so that the server can close. */
  async close(): Promise<void> {
    this.#closing = true;
    const streams = [...this.#streams];
    for (const stream of streams) stream.end();
    await Promise.all(streams.map((stream) => stream.ended));
  }

  #checkRoom(tenant: string): void {
    const { perReplica, perTenant } = this.#limits;
    if (this.#closing)
      throw new ProblemError('unavailable', 'This replica is closing; connect again at once.');
    if (this.#streams.size >= perReplica)
      throw new ProblemError('unavailable', 'This replica serves all the data planes it can; try again.');
    if ((this.#perTenant.get(tenant) ?? 0) >= perTenant)
      throw new ProblemError('unavailable', `This replica serves ${perTenant} data planes of yours already.`);
  }

  /** A database that is away is one event, not one for each of thousands of streams. */
  #tellTrouble(err: unknown): void {
    const { log, clock } = this.#services;
    if (clock.nowUs() - this.#toldTroubleUs < TROUBLE_EVERY_US) return;
    this.#toldTroubleUs = clock.nowUs();
    log.warn({ err, streams: this.size }, 'agents are not told what they should know');
  }

  #forget(stream: AgentStream): void {
    this.#streams.delete(stream);
    const left = (this.#perTenant.get(stream.tenant) ?? 1) - 1;
    if (left > 0) this.#perTenant.set(stream.tenant, left);
    else this.#perTenant.delete(stream.tenant);
  }
}

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // Proxies must neither collect nor keep it, and the connection ends with it.
  'x-accel-buffering': 'no',
  'cache-control': 'no-store',
  connection: 'close',
};

export function agentStreamHandlers(
  streams: AgentStreams,
  admission: Admission,
): Pick<Handlers, 'agentStream'> {
  return {
    async agentStream({ query, principal, reply }) {
      admit(admission, reply);
      const { output } = await streams.open(principal.tenant.id, query.agent);
      reply.headers(HEADERS);
      return output;
    },
  };
}
