// The capture sender of a replay's programs: where it ships to and whose traffic it is, from their configuration.
import { CaptureSender } from './capture-sender.ts';
import type { Clock } from './clock.ts';
import type { Stopper } from './lifecycle.ts';
import type { Logger } from './log.ts';

/** The values of `shippingFields`. */
export interface ShippingConfig {
  forwarderHost: string;
  forwarderPort: number;
  cluster: string;
  namespace: string;
  workload: string;
  workloadKind: string;
}

/** A sender that runs until `stopper` closes it: after a SIGTERM what was captured so far is still delivered. */
export function startCaptureSender(
  hop: 'generator' | 'responder',
  config: ShippingConfig,
  { log, clock, stopper }: { log: Logger; clock: Clock; stopper: Stopper },
): CaptureSender {
  const { forwarderHost: host, forwarderPort: port, cluster, namespace, workload, workloadKind } = config;
  const hello = { hop, cluster, namespace, workload, workloadKind, pod: workload, container: hop };
  const sender = new CaptureSender({ host, port, hello, log, clock });
  const sending = sender.run(new AbortController().signal);
  stopper.add('capture sender', () => {
    sender.close();
    return sending;
  });
  return sender;
}
