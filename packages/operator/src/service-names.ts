// What the Services of the cluster are called, told to the forwarder, so that a connection to an address that was not
// understood, to a database say, is recorded under a name. Level-based: it is told again when it changed or was forgotten.
import { createHash } from 'node:crypto';
import { type Obj, type Outcome, RESOURCES, type Reconciler } from '@echoplane/kube';
import { type AddressNames, MAX_ADDRESS_NAMES } from '@echoplane/resources';
import type { OperatorContext } from './context.ts';

const AGAIN_MS = 60_000;

/** Key: any. */
export function serviceNamesReconciler(context: OperatorContext): Reconciler {
  return {
    name: 'service-names',
    async reconcile(_key, signal): Promise<Outcome> {
      const { client, forwarder, install, log } = context;
      const again: Outcome = { again: 'after', ms: AGAIN_MS };
      const status = await forwarder.status(signal).catch(() => null);
      if (!status) return again;
      const places =
        install.namespaces.length === 0 ? [{}] : install.namespaces.map((namespace) => ({ namespace }));
      const services: Pick<Obj, 'metadata' | 'spec'>[] = [];
      for (const place of places)
        for await (const { metadata, spec } of client.list(RESOURCES.services, place))
          services.push({
            metadata: { namespace: metadata.namespace, name: metadata.name } as Obj['metadata'],
            spec,
          });
      const named = addressNames(services);
      if (named.version === status.names) return again;
      await forwarder.tellNames(named, signal);
      log.debug({ names: Object.keys(named.names).length }, 'the forwarder knows the names of Services');
      return again;
    },
  };
}

/** The addresses of Services, as DNS in the cluster calls them; the first so many by namespace and name. Pure. */
export function addressNames(services: readonly Pick<Obj, 'metadata' | 'spec'>[]): AddressNames {
  const named = services
    .flatMap(({ metadata: { namespace, name }, spec }) => {
      const addresses: string[] = spec?.clusterIPs ?? [spec?.clusterIP ?? ''];
      return addresses.map((address) => [address, `${name}.${namespace}.svc`] as const);
    })
    .filter(([address]) => address !== '' && address !== 'None')
    .sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0))
    .slice(0, MAX_ADDRESS_NAMES);
  const version = createHash('sha256').update(JSON.stringify(named)).digest('base64url').slice(0, 22);
  return { version, names: Object.fromEntries(named) };
}
