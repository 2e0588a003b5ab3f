// The capture sender of a replay's programs: where it ships to and whose traffic it is, from their configuration; and what
// every program that ships must not contradict there.
import { BlockList, isIP } from 'node:net';
import type { z } from 'zod';
import { CaptureSender } from './capture-sender.ts';
import type { CaptureTls } from './capture-transport.ts';
import type { Clock } from './clock.ts';
import type { Stopper } from './lifecycle.ts';
import type { Logger } from './log.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** The settings of a capture stream's way to the forwarder. */
export interface ForwarderAddress {
  forwarderHost: string;
  forwarderPort: number;
  forwarderCaFile?: string | undefined;
  forwarderCertFile?: string | undefined;
  forwarderKeyFile?: string | undefined;
  forwarderTokenFile?: string | undefined;
  forwarderName?: string | undefined;
}

/** The values of `shippingFields`. */
export interface ShippingConfig extends ForwarderAddress {
  cluster: string;
  namespace: string;
  workload: string;
  workloadKind: string;
}

/** What makes the stream TLS by these settings; undefined when it is plain. */
export function captureTlsOf(config: ForwarderAddress): CaptureTls | undefined {
  const { forwarderCaFile: caFile, forwarderCertFile: certFile, forwarderKeyFile: keyFile } = config;
  return caFile === undefined ? undefined : { caFile, certFile, keyFile, name: config.forwarderName };
}

/** For `superRefine`: a certificate has its key, and neither a token nor what leaves the machine goes in plain text. */
export function checkForwarderAddress(config: ForwarderAddress, context: z.RefinementCtx): void {
  const { forwarderCaFile: ca, forwarderCertFile: cert, forwarderKeyFile: key } = config;
  const objection = (field: keyof ForwarderAddress, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message });
  if (cert !== undefined && key === undefined) objection('forwarderKeyFile', 'missing');
  if (key !== undefined && cert === undefined) objection('forwarderCertFile', 'missing');
  if (ca !== undefined) return;
  const isSecret = cert !== undefined || key !== undefined || config.forwarderTokenFile !== undefined;
  if (isSecret) objection('forwarderCaFile', 'missing');
  else if (!isLoopbackHost(config.forwarderHost))
    objection('forwarderCaFile', 'the capture stream leaves this machine only over TLS');
}

/** Whether a host name or address means this machine, whatever a resolver says. */
export function isLoopbackHost(host: string): boolean {
  if (isIP(host) !== 0) return LOOPBACK.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
  return host === 'localhost' || host.endsWith('.localhost');
}

/** A sender that runs until `stopper` closes it: after a SIGTERM what was captured so far is still delivered. */
export function startCaptureSender(
  hop: 'generator' | 'responder',
  config: ShippingConfig,
  { log, clock, stopper }: { log: Logger; clock: Clock; stopper: Stopper },
): CaptureSender {
  const { forwarderHost: host, forwarderPort: port, forwarderTokenFile: tokenFile } = config;
  const { cluster, namespace, workload, workloadKind } = config;
  const hello = { hop, cluster, namespace, workload, workloadKind, pod: workload, container: hop };
  const sender = new CaptureSender({ host, port, tls: captureTlsOf(config), tokenFile, hello, log, clock });
  const sending = sender.run(new AbortController().signal);
  stopper.add('capture sender', () => {
    sender.close();
    return sending;
  });
  return sender;
}
