// The opt-in DNS relay: passes queries and responses on verbatim, over UDP and TCP, and reads on the side which name an
// address was asked by. Whatever it cannot read is passed on all the same; a server that does not answer gives no answer.
//
//   app ─ UDP ─▶ one upstream socket for each client port, until all its ids are answered or 10 s ─▶ server
//   app ─ TCP ─▶ splice ─▶ server
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { connect, createServer, isIP, type Socket } from 'node:net';
import { type Clock, ConfigError, envName, listen, listenError } from '@echoplane/runtime';
import { ipBytes, ipText } from '@echoplane/wire';
import { answeredAddresses } from './dns-answer.ts';
import { LearnedNames } from './dns-names.ts';
import { LOOPBACK, saysNoIpv6 } from './ip-families.ts';
import type { Metrics } from './metrics.ts';
import { splice, type Tap, tcpEndpoint } from './splice.ts';

export interface DnsServer {
  ip: string;
  port: number;
}

export interface DnsRelay {
  port: number;
  names: LearnedNames;
  close(): Promise<void>;
}

export interface DnsRelayOptions {
  /** 0 takes a free one. */
  port: number;
  /** Listen on ::1 too. */
  ipv6: boolean;
  server: DnsServer;
  clock: Pick<Clock, 'nowUs'>;
  metrics: Pick<Metrics, 'count'>;
}

const WHAT = 'the DNS relay';
const DNS_PORT = 53;
/** Client ports that wait for an answer; a query beyond them is lost, as the network may lose one. */
const MAX_WAITING = 1_000;
/** Connections of each family. */
const MAX_TCP = 256;
const ANSWER_MS = 10_000;
const TCP_IDLE_MS = 30_000;
/** Stands for a message without an id: nobody can tell when it is answered. */
const NO_ID = -1;
/** A free port of TCP may be taken for UDP. */
const PORT_TRIES = 10;

/** The server of the setting `dnsServer`, else the first of `resolvConf`. Throws ConfigError. */
export async function readDnsServer(
  setting: string | undefined,
  resolvConf = '/etc/resolv.conf',
): Promise<DnsServer> {
  const field = envName('dnsServer');
  if (setting === undefined) {
    const text = await readFile(resolvConf, 'utf8').catch(() => '');
    const ip = /^\s*nameserver\s+(\S+)/m.exec(text)?.[1]?.replace(/%.*$/, '');
    if (ip && isIP(ip) !== 0) return { ip: asSystemWritesIt(ip), port: DNS_PORT };
    throw new ConfigError([`${field} is missing, and ${resolvConf} names no server: an IP address[:port].`]);
  }
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(setting) ?? [];
  const ip = isIP(setting) !== 0 ? setting : (bracketed ?? plain ?? '');
  const number = Number(port ?? DNS_PORT);
  if (isIP(ip) !== 0 && number > 0 && number < 65_536) return { ip: asSystemWritesIt(ip), port: number };
  throw new ConfigError([`${field} is not valid: an IP address[:port], not ${setting}.`]);
}

/** The address as a datagram's sender is reported. */
function asSystemWritesIt(ip: string): string {
  return ipText(ipBytes(ip)!);
}

/** What the listeners of both families have in one. */
interface Shared extends DnsRelayOptions {
  names: LearnedNames;
  /** By client address and port. */
  waiting: Map<string, Waiting>;
  /** What has to be closed. */
  opened: (() => void | Promise<void>)[];
}

/** Opens the relay on loopback, IPv6 where it is wanted and there is any. Throws OperatingError for a busy port. */
export async function openDnsRelay(options: DnsRelayOptions): Promise<DnsRelay> {
  const names = new LearnedNames(options.clock);
  for (let tries = PORT_TRIES; ; tries--) {
    const shared: Shared = { ...options, names, waiting: new Map(), opened: [] };
    const close = async () => {
      for (const closeOne of shared.opened.splice(0)) await closeOne();
    };
    try {
      return { port: await openFamilies(shared), names, close };
    } catch (error) {
      await close();
      if (options.port !== 0 || tries === 1) throw error;
    }
  }
}

/** The port of all listeners. */
async function openFamilies(shared: Shared): Promise<number> {
  let { port } = shared;
  for (const host of shared.ipv6 ? LOOPBACK : LOOPBACK.slice(0, 1)) {
    try {
      port = await openTcp(port, host, shared);
      await openUdp(port, host, shared);
    } catch (error) {
      if (host === LOOPBACK[0] || !saysNoIpv6(error)) throw error;
    }
  }
  return port;
}

/** A client port with queries on their way. */
interface Waiting {
  upstream: UdpSocket;
  ids: Set<number>;
  timer: NodeJS.Timeout;
}

async function openUdp(port: number, host: string, shared: Shared): Promise<void> {
  const { server, metrics, names, waiting, opened } = shared;
  const socket = createSocket({ type: isIP(host) === 6 ? 'udp6' : 'udp4', ipv6Only: isIP(host) === 6 });
  const forget = (key: string) => {
    const gone = waiting.get(key);
    if (!gone) return;
    waiting.delete(key);
    clearTimeout(gone.timer);
    gone.upstream.close();
  };
  const begin = (key: string, client: RemoteInfo): Waiting => {
    const upstream = createSocket(isIP(server.ip) === 6 ? 'udp6' : 'udp4');
    const timer = setTimeout(() => forget(key), ANSWER_MS).unref();
    const begun = { upstream, ids: new Set<number>(), timer };
    upstream
      .on('error', () => forget(key))
      .on('message', (message, from) => {
        if (from.port !== server.port || from.address !== server.ip) return;
        socket.send(message, client.port, client.address, () => {});
        names.learn(answeredAddresses(message));
        metrics.count('dns_messages', 'answer');
        if (message.length > 1) begun.ids.delete(message.readUInt16BE(0));
        if (begun.ids.size === 0) forget(key);
      });
    waiting.set(key, begun);
    return begun;
  };
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      socket.close();
      reject(listenError(cause, port, host, WHAT));
    };
    socket.once('error', fail).bind(port, host, () => {
      socket.off('error', fail).on('error', () => {});
      resolve();
    });
  });
  opened.push(() => {
    for (const key of [...waiting.keys()]) forget(key);
    socket.close();
  });
  socket.on('message', (message, client) => {
    const key = `${client.address} ${client.port}`;
    if (!waiting.has(key) && waiting.size >= MAX_WAITING) {
      metrics.count('dns_messages', 'lost');
      return;
    }
    const { upstream, ids, timer } = waiting.get(key) ?? begin(key, client);
    ids.add(message.length > 1 ? message.readUInt16BE(0) : NO_ID);
    timer.refresh();
    metrics.count('dns_messages', 'query');
    upstream.send(message, server.port, server.ip, () => {});
  });
}

async function openTcp(port: number, host: string, shared: Shared): Promise<number> {
  const { server: upstream, names, opened } = shared;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const socket = connect({ host: upstream.ip, port: upstream.port, allowHalfOpen: true, noDelay: true });
    for (const end of [client, socket]) {
      open.add(end);
      end.on('error', () => {}).on('close', () => open.delete(end));
      end.setTimeout(TCP_IDLE_MS, () => end.destroy());
    }
    splice(tcpEndpoint(client), tcpEndpoint(socket), learningTap(names));
  });
  server.maxConnections = MAX_TCP;
  const taken = await listen(server, port, host, WHAT, isIP(host) === 6);
  opened.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  );
  return taken;
}

const NOTHING = Buffer.alloc(0);

/** Puts the responses of a TCP connection together (RFC 1035, section 4.2.2: two bytes of length each, so 64 KiB at most). */
function learningTap(names: LearnedNames): Tap {
  let held: Buffer = NOTHING;
  return {
    nowUs: () => 0,
    fromClient() {},
    fromServer(chunk) {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const end = 2 + held.readUInt16BE(0);
        names.learn(answeredAddresses(held.subarray(2, end)));
        held = held.subarray(end);
      }
    },
    clientEnded() {},
    serverEnded() {},
    closed() {},
  };
}
