// The destinations whose TLS is not opened, and why: learned from clients that refuse our certificate and from upstreams
// that want one of the client, or told by the other sidecars of the workload; and those for which some client has accepted
// our certificate. Every list is bounded, the one learned longest ago is forgotten first, and what was learned expires, so
// that a mistake heals. What others told is not told on: nothing echoes.
import type { Clock } from '@echoplane/runtime';
import type { PassThroughHost } from '@echoplane/wire';
import type { Target } from './dial.ts';

/** Why TLS passes through, as it stands in pairs and metrics. */
export const PASS_REASONS = [
  'tls-refused-by-client',
  'tls-client-certificate',
  'tls-handshake-failed',
  'tls-unverified',
] as const;
export type PassReason = (typeof PASS_REASONS)[number];

const MAX_HOSTS = 1_000;
const MAX_HOST_LENGTH = 253;
const HOUR_US = 3_600_000_000;
const LIFE_US = 24 * HOUR_US;
/** An upstream that cannot be verified may be put right at any time, and a file of roots may change: tried again soon. */
const UNVERIFIED_LIFE_US = HOUR_US / 12;

interface Known {
  reason: PassReason;
  untilUs: number;
  /** Learned here, and worth telling the others. */
  isOurs: boolean;
}

/** host:port → reason, for up to 1,000 destinations and 24 h (5 min for those that cannot be verified). */
export class PassThroughHosts {
  /** Called once for each destination learned here that lasts; to be told to the other sidecars of the workload. */
  onLearned: ((host: PassThroughHost) => void) | null = null;
  readonly #clock: Pick<Clock, 'nowUs'>;
  readonly #known = new Map<string, Known>();
  readonly #accepted = new Map<string, true>();

  constructor(clock: Pick<Clock, 'nowUs'>) {
    this.#clock = clock;
  }

  /** What was just learned from a connection of our own. */
  add(target: Target, reason: PassReason): void {
    const isNew = this.reasonFor(target) === null;
    const isOurs = reason !== 'tls-unverified';
    this.#put(target, reason, isOurs);
    if (isNew && isOurs) this.onLearned?.({ host: target.host.toLowerCase(), port: target.port, reason });
  }

  /** What another sidecar learned; anything that is not a destination and a reason we know is ignored. */
  learn({ host, port, reason }: PassThroughHost): void {
    const known = PASS_REASONS.find((one) => one === reason);
    if (!known || host === '' || host.length > MAX_HOST_LENGTH || !(port > 0 && port < 65_536)) return;
    if (this.reasonFor({ host, port }) === null) this.#put({ host, port }, known, false);
  }

  /** All that was learned here and still holds, for a forwarder that has just been connected. */
  learned(): PassThroughHost[] {
    const nowUs = this.#clock.nowUs();
    return [...this.#known]
      .filter(([, { isOurs, untilUs }]) => isOurs && untilUs > nowUs)
      .map(([key, { reason }]) => {
        const colon = key.lastIndexOf(':');
        return { host: key.slice(0, colon), port: Number(key.slice(colon + 1)), reason };
      });
  }

  /** A client spoke under our certificate: it trusts us. */
  accept(target: Target): void {
    put(this.#accepted, keyOf(target), true);
  }

  isAccepted(target: Target): boolean {
    return this.#accepted.has(keyOf(target));
  }

  /** Why its TLS passes through, or null when it does not. */
  reasonFor(target: Target): PassReason | null {
    const key = keyOf(target);
    const known = this.#known.get(key);
    if (!known) return null;
    if (this.#clock.nowUs() < known.untilUs) return known.reason;
    this.#known.delete(key);
    return null;
  }

  #put(target: Target, reason: PassReason, isOurs: boolean): void {
    const lifeUs = reason === 'tls-unverified' ? UNVERIFIED_LIFE_US : LIFE_US;
    put(this.#known, keyOf(target), { reason, untilUs: this.#clock.nowUs() + lifeUs, isOurs });
  }
}

function put<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MAX_HOSTS) map.delete(map.keys().next().value!);
}

function keyOf({ host, port }: Target): string {
  return `${host.toLowerCase()}:${port}`;
}
