// From the settings to what opens TLS, and to what changes when its files do.
// It must not know how connections are served.
import type { Clock, Logger } from '@echoplane/runtime';
import type { Capture } from './capture.ts';
import type { Dial } from './dial.ts';
import type { Metrics } from './metrics.ts';
import { PassThroughHosts } from './pass-through-hosts.ts';
import { type FileGroup, WatchedFiles } from './tls-files.ts';
import type { OnKeyLine } from './tls-handshake.ts';
import { TlsInbound } from './tls-inbound.ts';
import { TlsInterception } from './tls-interception.ts';
import { Leaves } from './tls-leaves.ts';
import { loadCa, loadInbound, loadTrust, type TlsSettings } from './tls-material.ts';
import { SessionIds } from './tls-sessions.ts';
import { UpstreamTls } from './tls-upstream.ts';

export interface TlsParts {
  dial: Dial;
  capture: Capture;
  metrics: Metrics;
  clock: Clock;
  log: Pick<Logger, 'info' | 'warn'>;
  /** In diagnostics mode only. */
  onKeyLine?: OnKeyLine | null;
}

export interface Tls {
  /** Null: outbound TLS is not opened. */
  interception: TlsInterception | null;
  /** Null: inbound TLS is not terminated. */
  inbound: TlsInbound | null;
  /** The outbound destinations that are not opened. */
  passThrough: PassThroughHosts;
  /** Looks at the files once. */
  check(): Promise<void>;
  /** Looks at the files every minute, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Reads the files and makes what the mode and the settings ask for. Throws ConfigError. */
export async function openTls(settings: TlsSettings, parts: TlsParts): Promise<Tls> {
  const { clock, log, onKeyLine = null } = parts;
  const passThrough = new PassThroughHosts(clock);
  const ends = { ...parts, onKeyLine, sessionIds: new SessionIds(clock) };
  const groups: FileGroup[] = [];
  const called: UpstreamTls[] = [];
  let interception: TlsInterception | null = null;
  let inbound: TlsInbound | null = null;

  if (settings.tlsOut && settings.mode !== 'reverse') {
    const leaves = new Leaves(null);
    const upstreams = new UpstreamTls({ clock, onKeyLine });
    called.push(upstreams);
    interception = new TlsInterception({ ...ends, leaves, passThrough, upstreams });
    groups.push({
      paths: [settings.caCertFile, settings.caKeyFile].filter((path) => path !== undefined),
      load: async () => leaves.use(await loadCa(settings, log)),
    });
  }
  if (settings.tlsInCertFiles.length > 0 && settings.mode !== 'forward') {
    const isTlsApp = settings.tlsInTarget === 'tls';
    const upstreams = isTlsApp
      ? new UpstreamTls({ clock, onKeyLine, isKnown: (shown) => terminator.isOurs(shown) })
      : null;
    if (upstreams) called.push(upstreams);
    const clientAuth = settings.tlsInClientCaFiles.length > 0 ? settings.tlsInClientAuth : 'none';
    const terminator = new TlsInbound({
      ...ends,
      clientAuth,
      upstreams,
      passThrough: new PassThroughHosts(clock),
    });
    inbound = terminator;
    groups.push({
      paths: [...settings.tlsInCertFiles, ...settings.tlsInKeyFiles, ...settings.tlsInClientCaFiles],
      load: async () => terminator.use(await loadInbound(settings)),
    });
  }
  if (called.length > 0) {
    const { upstreamCaFiles, tlsClientCertFile, tlsClientKeyFile } = settings;
    groups.push({
      paths: [...upstreamCaFiles, tlsClientCertFile, tlsClientKeyFile].filter((path) => path !== undefined),
      async load() {
        const context = await loadTrust(settings, log);
        for (const upstreams of called) upstreams.trust(context);
      },
    });
  }
  const files = new WatchedFiles(groups, log);
  await files.load();
  return {
    interception,
    inbound,
    passThrough,
    check: () => files.check(),
    run: (signal) => files.run(clock, signal),
  };
}
