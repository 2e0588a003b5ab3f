// The forwarder in a cluster where senders show tokens: a client of the API server, who calls, and whose traffic a Hello
// may therefore bring.
import { createKubeClient, findAccess } from '@echoplane/kube';
import type { Clock, Environment, Logger } from '@echoplane/runtime';
import type { ForwarderConfig } from '../config.ts';
import type { Identify } from '../intake/intake.ts';
import { CallerRefused, Callers, CallerUnknown } from './callers.ts';
import { namesOf, type Place } from './sender-names.ts';

export interface ClusterAccess {
  callers: Callers;
  identify: Identify;
  close(): void;
}

export const placeOf = ({ cluster, namespace }: ForwarderConfig): Place => ({
  ...{ cluster, installNamespace: namespace },
});

/** Null where senders show certificates. Throws OperatingError when there is no way to an API server. */
export async function openClusterAccess(
  config: ForwarderConfig,
  environment: Environment,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<ClusterAccess | null> {
  if (config.senderIdentity !== 'token') return null;
  const access = await findAccess(environment, { kubeconfig: config.kubeconfig });
  const client = createKubeClient(access, { clock, userAgent: 'echoplane-forwarder' });
  const callers = new Callers({ client, clock, log });
  return { callers, identify: identifyBy(callers, placeOf(config), log), close: () => client.close() };
}

/** Whose traffic a Hello may bring, by the token in it. */
export function identifyBy(callers: Callers, place: Place, log: Pick<Logger, 'error'>): Identify {
  return async (hello, address) => {
    try {
      const caller = await callers.whoShows(hello.token ?? '', address);
      const named = namesOf(hello, caller, place);
      return 'code' in named ? named : { hello: named, identity: `pod ${caller.namespace}/${caller.pod}` };
    } catch (err) {
      if (err instanceof CallerRefused || err instanceof CallerUnknown)
        return { code: err.code, message: err.message };
      log.error({ err }, 'who sends could not be found out');
      return {
        code: 'identity-unavailable',
        message: 'The log of the forwarder says why; it is tried again.',
      };
    }
  };
}
