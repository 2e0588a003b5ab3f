// The destinations that are mocked in a replay, and the way to the responder that answers for them: a connection that
// begins with a PROXY v2 header, which says where the app wanted to go. docs/replay-routing.md is its contract.
import { isIP, type Socket } from 'node:net';
import { ConfigError, envName, isLoopbackHost } from '@echoplane/runtime';
import { type ProxyHeader, renderProxyHeader } from '@echoplane/wire';
import type { SidecarConfig } from './config.ts';
import { hostPatterns, plainHost } from './destination-rules.ts';
import type { Dial, Target } from './dial.ts';

interface Rule {
  /** As it is written; empty for `*`. */
  host: string;
  isHost(host: string): boolean;
  /** Null: every port. */
  port: number | null;
}

/** What the responder is told of a connection. */
export interface MockedConnection {
  client: { ip: string; port: number };
  target: Target;
  /** The server's name as the app used it, else empty. */
  named: string;
  /** Null when the client's bytes are as it sent them: we ended no TLS. */
  tls: { version: string; alpn: string } | null;
}

const UNKNOWN_IP = '0.0.0.0';

type RouteSettings = Pick<SidecarConfig, 'mocks' | 'responderHost' | 'responderPort' | 'isolate'>;

/** The mocked destinations of a configuration; null when there are none and none is cut. Throws ConfigError. */
export function replayRoutes(
  { mocks, responderHost: host, responderPort: port, isolate }: RouteSettings,
  dial: Dial,
): ReplayRoutes | null {
  if (mocks.length === 0 && !isolate) return null;
  return new ReplayRoutes(mocks, { host, port: port ?? 0 }, dial, isolate);
}

/** Knows what is mocked and connects it to the responder. */
export class ReplayRoutes {
  readonly #rules: Rule[];
  readonly #responder: Target;
  readonly #dial: Dial;
  readonly #isolates: boolean;

  constructor(mocks: readonly string[], responder: Target, dial: Dial, isolates = false) {
    this.#rules = mocks.map(parseMock);
    this.#responder = responder;
    this.#dial = dial;
    this.#isolates = isolates;
  }

  /** Whether a destination that is not mocked is cut; what the pod says to itself never is. */
  cuts({ host }: Target): boolean {
    return this.#isolates && !isLoopbackHost(host);
  }

  /** Whether a destination is mocked, by any of its names; it must not be dialled then, for any reason. */
  covers({ host, port }: Target, ...names: readonly string[]): boolean {
    const known = [host, ...names].filter((name) => name !== '');
    return this.#rules.some((rule) => isPort(rule, port) && known.some((name) => rule.isHost(name)));
  }

  /** Whether an address could be mocked by a name that is not known yet. */
  mayCover({ host, port }: Target): boolean {
    return (
      isIP(host) !== 0 && this.#rules.some((rule) => isPort(rule, port) && isIP(plainHost(rule.host)) === 0)
    );
  }

  /** A connection to the responder; its header is on its way, the client's bytes may follow at once. */
  connect(connection: MockedConnection): Socket {
    const socket = this.#dial(this.#responder);
    socket.write(renderProxyHeader(headerOf(connection)));
    return socket;
  }
}

function headerOf({ client, target, named, tls }: MockedConnection): ProxyHeader {
  const name = named || (isIP(target.host) === 0 ? target.host : '');
  return {
    source: { ip: isIP(client.ip) === 0 ? UNKNOWN_IP : client.ip, port: client.port },
    destination: { ip: isIP(target.host) === 0 ? UNKNOWN_IP : target.host, port: target.port },
    ...(name && isIP(name) === 0 && { authority: plainHost(name) }),
    ...(tls && { tls: { version: tls.version } }),
    ...(tls?.alpn && { alpn: tls.alpn }),
  };
}

function isPort(rule: Rule, port: number): boolean {
  return rule.port === null || rule.port === port;
}

/** `host:port`, `host:*` or `*`; a host may be `*.example.com`, an IPv6 address stands in brackets. */
function parseMock(mock: string): Rule {
  if (mock === '*') return { host: '', isHost: () => true, port: null };
  const [, host = '', port = ''] = /^(\[[\da-f:.]+\]|[^\s:[\]]+):(\*|\d{1,5})$/i.exec(mock) ?? [];
  const number = port === '*' ? null : Number(port);
  if (!host || (number !== null && (number < 1 || number > 65_535))) {
    throw new ConfigError([`${envName('mocks')}: ${JSON.stringify(mock)} is not host:port, host:* or *.`]);
  }
  return { host, isHost: hostPatterns([host]), port: number };
}
