// Requests that failed because something that the service calls was away for a moment, as while it is rolled out: there is no
// answer to play again, so a replay would succeed, and be blamed for it. Pairs come in order of their begin. Bounded: of failed
// requests under way the latest so many, and so many hosts. Pure.
import { type RRPair, serviceOf, splitUrl } from '@echoplane/traffic';

const MAX_UNDER_WAY = 500;
const MAX_HOSTS = 10_000;

interface Failed {
  pair: number;
  pod: string;
  endUs: number;
}

export class Outages {
  #underWay: Failed[] = [];
  readonly #answering = new Set<string>();

  /** The next pair, by its number. Of a call that broke off: the failed requests to the service around it, and whom it called. */
  observe(pair: RRPair, number: number): { pairs: number[]; host: string } | null {
    const { ts, response, error } = pair;
    const endUs = ts + pair.durationUs;
    if (pair.direction === 'IN') {
      if (response && response.status >= 500) {
        this.#underWay = this.#underWay.filter((one) => one.endUs > ts).slice(-MAX_UNDER_WAY);
        this.#underWay.push({ pair: number, pod: podOf(pair), endUs });
      }
      return null;
    }
    if (!error) {
      if (response) for (const host of hostsOf(pair)) this.#answers(host);
      return null;
    }
    if (this.#underWay.length === 0) return null;
    const pod = podOf(pair);
    const around = this.#underWay.filter((one) => one.pod === pod && one.endUs >= endUs);
    return around.length > 0 ? { pairs: around.map((one) => one.pair), host: hostsOf(pair).at(-1)! } : null;
  }

  /** Whether a host was away for a moment only. After all were observed. */
  isPassing(host: string): boolean {
    return this.#answering.has(host);
  }

  #answers(host: string): void {
    if (this.#answering.size < MAX_HOSTS) this.#answering.add(host);
  }
}

const podOf = ({ source }: RRPair) => `${serviceOf(source)} ${source.pod}`;

/** By which a host is known: its address, and last its name, which a connection that failed at once may not have. */
function hostsOf({ request, server }: RRPair): string[] {
  const address = `${server.ip}:${server.port}`;
  return request ? [address, splitUrl(request.url).host] : [address];
}
