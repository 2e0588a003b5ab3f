// Where a redirected connection was going before the redirection (SO_ORIGINAL_DST of netfilter): the one place where the
// sidecar asks the kernel for something Node has no call for. koffi is loaded by transparent mode only, for it costs
// some 9 MiB.
import type { Socket } from 'node:net';
import { OperatingError } from '@echoplane/runtime';
import { ipText } from '@echoplane/wire';
import type { Target } from './dial.ts';

/** The original destination of an accepted connection; null when it was not redirected, or is gone already. */
export type OriginalDestination = (socket: Socket) => Target | null;

/** linux/netfilter_ipv4.h, and linux/netfilter_ipv6/ip6_tables.h under the same number. */
const SO_ORIGINAL_DST = 80;
const LEVEL = { IPv4: 0, IPv6: 41 } as const;
/** Where the address lies in sockaddr_in and sockaddr_in6; the port is at 2 in both. */
const ADDRESS_AT = { IPv4: [4, 8], IPv6: [8, 24] } as const;
const SOCKADDR_BYTES = 28;

/** Loads what is needed; one system call, about 1 µs, per question. Throws OperatingError where there is no netfilter. */
export async function loadOriginalDestination(): Promise<OriginalDestination> {
  const getsockopt = await loadGetsockopt();
  const address = Buffer.alloc(SOCKADDR_BYTES);
  return (socket) => {
    const fd = (socket as { _handle?: { fd?: number } })._handle?.fd ?? -1;
    const family = socket.localFamily === 'IPv6' ? 'IPv6' : 'IPv4';
    const length = [SOCKADDR_BYTES];
    if (fd < 0 || getsockopt(fd, LEVEL[family], SO_ORIGINAL_DST, address, length) !== 0) return null;
    return { host: ipText(address.subarray(...ADDRESS_AT[family])), port: address.readUInt16BE(2) };
  };
}

async function loadGetsockopt() {
  try {
    if (process.platform !== 'linux') throw new Error(`this is ${process.platform}`);
    const { default: koffi } = await import('koffi');
    return koffi.load(null).func('int getsockopt(int, int, int, _Out_ uint8_t *, _Inout_ uint32_t *)');
  } catch (cause) {
    const message = 'Transparent mode needs Linux and koffi; choose reverse, forward or dual.';
    throw new OperatingError('transparent_unsupported', message, { cause });
  }
}
