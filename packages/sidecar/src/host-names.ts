// The name of a server, from where the setting `hostResolution` says. The name the app used itself comes first; where it
// used none, the DNS relay or reverse DNS may know one. Nothing waits: a reverse lookup names the connections after the
// one that caused it.
import { reverse } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { SidecarConfig } from './config.ts';
import { plainHost } from './destination-rules.ts';
import { fieldName, readFields } from './head-fields.ts';

/** What the DNS relay has answered lately. */
export interface DnsNames {
  nameOf(ip: string): string | undefined;
}

export interface HostNames {
  /** The name for a connection to `ip`; `named`: what the app called it (SNI, CONNECT, SOCKS). Empty when none is known. */
  nameFor(ip: string, named?: string): string;
}

const HOST_FIELDS = [fieldName(':authority'), fieldName('host')];
const MAX_NAME_LENGTH = 253;
const MAX_ADDRESSES = 1_000;
const MAX_LOOKUPS = 4;
/** A name, or that there is none, is asked for again after so long. */
const LIFE_US = 300_000_000;

/** The source of names of a configuration; `dns` is needed for `dns` only. */
export function createHostNames(
  source: SidecarConfig['hostResolution'],
  clock: { nowUs(): number },
  dns: DnsNames | null = null,
  lookup: (ip: string) => Promise<string[]> = reverse,
): HostNames {
  if (source === 'none') return { nameFor: () => '' };
  const resolver =
    source === 'ptr' ? new ReverseNames(clock, lookup) : source === 'dns' && dns ? dns : undefined;
  return {
    nameFor(ip, named = '') {
      if (named && isIP(named) === 0) return named;
      return (isIP(ip) !== 0 && resolver?.nameOf(ip)) || named;
    },
  };
}

/** The name by which a request calls its server, without its port; empty when it is an address, or none. */
export function hostNamed(requestHead: Buffer): string {
  const [authority, host] = readFields(requestHead, HOST_FIELDS);
  const name = plainHost((authority ?? host)?.toString('latin1') ?? '');
  return name.length > MAX_NAME_LENGTH || isIP(name) !== 0 ? '' : name;
}

/** Names of up to 1,000 addresses by reverse DNS, four lookups at a time; an address beyond that goes without a name. */
class ReverseNames implements DnsNames {
  readonly #clock: { nowUs(): number };
  readonly #lookup: (ip: string) => Promise<string[]>;
  readonly #known = new Map<string, { name: string | undefined; untilUs: number }>();
  readonly #asking = new Set<string>();

  constructor(clock: { nowUs(): number }, lookup: (ip: string) => Promise<string[]>) {
    this.#clock = clock;
    this.#lookup = lookup;
  }

  nameOf(ip: string): string | undefined {
    const known = this.#known.get(ip);
    if (!known || known.untilUs <= this.#clock.nowUs()) void this.#ask(ip);
    return known?.name;
  }

  async #ask(ip: string): Promise<void> {
    if (this.#asking.size >= MAX_LOOKUPS || this.#asking.has(ip)) return;
    this.#asking.add(ip);
    let name: string | undefined;
    try {
      name = (await this.#lookup(ip))[0];
    } catch {
      // An address without a name is as good as any.
    }
    this.#asking.delete(ip);
    this.#known.delete(ip);
    this.#known.set(ip, { name, untilUs: this.#clock.nowUs() + LIFE_US });
    if (this.#known.size > MAX_ADDRESSES) this.#known.delete(this.#known.keys().next().value!);
  }
}
