// The destinations whose TLS is not opened, and why: learned from clients that refuse our certificate and upstreams
// that want one of the client. Bounded; the one learned longest ago is forgotten first.
import type { Target } from './dial.ts';

const MAX_HOSTS = 1_000;

/** host:port → reason, for up to 1,000 destinations. */
export class PassThroughHosts {
  readonly #reasons = new Map<string, string>();

  add(target: Target, reason: string): void {
    const key = keyOf(target);
    this.#reasons.delete(key);
    this.#reasons.set(key, reason);
    if (this.#reasons.size > MAX_HOSTS) this.#reasons.delete(this.#reasons.keys().next().value!);
  }

  /** Why its TLS passes through, or null when it does not. */
  reasonFor(target: Target): string | null {
    return this.#reasons.get(keyOf(target)) ?? null;
  }
}

function keyOf({ host, port }: Target): string {
  return `${host.toLowerCase()}:${port}`;
}
