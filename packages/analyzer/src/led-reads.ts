// Reads to which a write sent its client: `303`, and the page that shows what was made. Such a page may show ids for the first
// time that nobody saw being made. Pure, and bounded.
import { Recent } from '@echoplane/replay';
import { header, type RRPair } from '@echoplane/traffic';
import { clientKeys } from './askers.ts';

const MAX_CLIENTS = 10_000;

export class LedReads {
  /** Where the last write of a client led. */
  readonly #led = new Recent<string, string>(MAX_CLIENTS);
  /** Most services never send anybody anywhere. */
  #hasLed = false;

  /** The next exchange; whether it is a read to which the last write led. */
  observe(pair: RRPair, isWrite: boolean): boolean {
    const { request, response } = pair;
    const { status, headers } = response!;
    const to = status >= 300 && status < 400 ? header(headers, 'location') : undefined;
    this.#hasLed ||= isWrite && to !== undefined;
    if (!this.#hasLed) return false;
    const keys = clientKeys(pair);
    const asked = addressOf(request!.url);
    const isLed = !isWrite && keys.some((key) => this.#led.get(key) === asked);
    // A read to which a write led may lead on.
    if (isWrite || (isLed && to !== undefined))
      for (const key of keys) this.#led.set(key, to ? addressOf(to, request!.url) : '', 1);
    return isLed;
  }
}

/** Path and query, without the host: proxies name it otherwise. */
function addressOf(url: string, base?: string): string {
  const parsed = URL.parse(url, base);
  return parsed ? parsed.pathname + parsed.search : url;
}
