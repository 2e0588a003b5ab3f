// What addresses are called in the cluster, as the operator said it last: the name of an opaque connection's server, which
// has said none itself. Pure; a restart forgets it, and the operator says it again.
import type { AddressNames } from '@echoplane/resources';
import type { RRPair } from '@echoplane/traffic';

export class AddressBook {
  #names: ReadonlyMap<string, string> = new Map();
  /** Empty until some came. */
  version = '';

  replace({ version, names }: AddressNames): void {
    this.#names = new Map(Object.entries(names));
    this.version = version;
  }

  /** Names the server of a connection whose bytes were not understood; all others say themselves whom they called. */
  name({ opaque, direction, server }: RRPair): void {
    if (opaque && direction === 'OUT') server.host ??= this.#names.get(server.ip) ?? null;
  }
}
