// Which real hosts may be asked: those that are named, at addresses that a name may lead to. A name that leads to this machine
// or to a cloud's metadata service is refused, because who controls a name could read secrets through us. Dials nobody.
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { Destination } from './alias-listener.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addSubnet('0.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');
LOOPBACK.addAddress('::', 'ipv6');
/** Link-local ones, and where clouds keep theirs elsewhere. */
const METADATA = new BlockList();
METADATA.addSubnet('169.254.0.0', 16, 'ipv4');
METADATA.addSubnet('fe80::', 10, 'ipv6');
METADATA.addAddress('fd00:ec2::254', 'ipv6');
METADATA.addAddress('100.100.100.200', 'ipv4');
METADATA.addAddress('192.0.0.192', 'ipv4');

const SERVICE_SUFFIX = /(?<=^[^.]+\.[^.]+)\.svc(?:\.cluster\.local)?\.?$/;
const LOCAL_NAME = /^(?:localhost|.+\.localhost)$/;

type Resolve = (host: string, done: (err: Error | null, found: LookupAddress[]) => void) => void;
const resolveAll: Resolve = (host, done) => systemLookup(host, { all: true }, done);

export class AllowedHosts {
  readonly #named: ReadonlyMap<string, Destination>;
  readonly #resolve: Resolve;
  readonly #namespace: string;

  /** `namespace`: where names of Services without one belong. */
  constructor(destinations: readonly Destination[], namespace: string, resolve: Resolve = resolveAll) {
    this.#namespace = namespace;
    this.#resolve = resolve;
    this.#named = new Map(destinations.map((destination) => [this.#keyOf(destination), destination]));
  }

  /** The destination as it was named, which is the one to dial; null when it was not. An address is allowed only by itself. */
  named(destination: Destination): Destination | null {
    return this.#named.get(this.#keyOf(destination)) ?? null;
  }

  /** All names of one Service are one: `cart`, `cart.shop`, `cart.shop.svc`, `cart.shop.svc.cluster.local`. */
  #keyOf({ host, port }: Destination): string {
    const name = host.toLowerCase().replace(SERVICE_SUFFIX, '');
    const isShort = isIP(name) === 0 && name !== 'localhost' && !name.includes('.');
    return `${isShort ? `${name}.${this.#namespace}` : name}:${port}`;
  }

  /** For sockets: looks a name up and fails where one of its addresses must not be reached by it. */
  readonly lookup: LookupFunction = (host, options, done) => {
    this.#resolve(host, (err, found) => {
      const forbidden = err
        ? undefined
        : found.find(({ address }) => !mayLeadTo(host.toLowerCase(), address));
      const refusal =
        forbidden && new Error(`${host} leads to ${forbidden.address}, which has to be named itself`);
      if (err || refusal) return done(err ?? refusal!, '', 0);
      if (options.all) return done(null, found);
      done(null, found[0]!.address, found[0]!.family);
    });
  };
}

function mayLeadTo(host: string, address: string): boolean {
  if (isIP(host) !== 0) return true;
  if (isIn(METADATA, address)) return false;
  return LOCAL_NAME.test(host) || !isIn(LOOPBACK, address);
}

function isIn(list: BlockList, address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  const plain = mapped ? mapped[1]! : address;
  return list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}
