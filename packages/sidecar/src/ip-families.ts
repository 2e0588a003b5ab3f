// The two families of addresses that listeners come in, and how a machine without the second one is recognised.

/** Loopback, IPv4 first. */
export const LOOPBACK = ['127.0.0.1', '::1'] as const;
/** Every interface, in the same order. */
export const EVERYWHERE = ['0.0.0.0', '::'] as const;

const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT']);

/** Whether this error of `listen` says that there is no IPv6 here. */
export function saysNoIpv6(error: unknown): boolean {
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
  return NO_IPV6.has(cause?.code ?? '');
}
