// The destinations whose TLS is not opened, and why: learned from clients that refuse our certificate and upstreams
// that want one of the client; and those for which some client has accepted our certificate. Both lists are bounded:
// the one learned longest ago is forgotten first.
import type { Target } from './dial.ts';

const MAX_HOSTS = 1_000;

/** host:port → reason, for up to 1,000 destinations. */
export class PassThroughHosts {
  readonly #reasons = new Map<string, string>();
  readonly #accepted = new Map<string, true>();

  add(target: Target, reason: string): void {
    put(this.#reasons, keyOf(target), reason);
  }

  /** A client spoke under our certificate: it trusts us. */
  accept(target: Target): void {
    put(this.#accepted, keyOf(target), true);
  }

  isAccepted(target: Target): boolean {
    return this.#accepted.has(keyOf(target));
  }

  /** Why its TLS passes through, or null when it does not. */
  reasonFor(target: Target): string | null {
    return this.#reasons.get(keyOf(target)) ?? null;
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
