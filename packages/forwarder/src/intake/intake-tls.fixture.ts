// Certificates on disk and an intake that wants them, for tests; the senders are real.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Authority,
  CaptureSender,
  type CaptureTls,
  createAuthority,
  type IssueOptions,
  type Logger,
  listen,
  loadAuthority,
  silentLogger,
} from '@echoplane/runtime';
import { HELLO, PLAIN_REFINERY } from '../captured.fixture.ts';
import { type Cleanup, clock, temporaryHome } from '../forwarder.fixture.ts';
import { openServerTls, type ServerTlsOptions } from '../server-tls.ts';
import { Ledger } from '../spool/ledger.ts';
import { type Identify, Intake } from './intake.ts';
import { openPassThroughBook } from './pass-through-book.ts';

export type Files = Record<'caFile' | 'certFile' | 'keyFile', string>;

export async function newAuthority(): Promise<Authority> {
  const { certPem, keyPem } = await createAuthority({ commonName: 'Test authority', days: 30 });
  return loadAuthority(certPem, keyPem);
}

/** Writes what one end needs: the roots by which it judges, and a certificate of `issuer`. Again: a rotation. */
export async function writeEnd(
  folder: string,
  roots: Authority,
  issuer: Authority,
  options: Partial<IssueOptions>,
): Promise<Files> {
  await mkdir(folder, { recursive: true });
  const { certPem, keyPem } = await issuer.issue({ names: ['127.0.0.1'], days: 10, ...options });
  const at = (name: string) => join(folder, name);
  await writeFile(at('ca.pem'), roots.certPem);
  await writeFile(at('tls.crt'), certPem);
  await writeFile(at('tls.key'), keyPem);
  return { caFile: at('ca.pem'), certFile: at('tls.crt'), keyFile: at('tls.key') };
}

/** The names that a sidecar's certificate has in these tests. */
export const SENDER = { names: ['shop-1.demo'], usage: 'clientAuth' } as const;

/** A logger that keeps its lines of one level. */
export function listeningLogger(level: 'warn' | 'debug'): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const keep = (fields: Record<string, unknown>) => void lines.push(fields);
  return { log: Object.assign(silentLogger(), { [level]: keep }), lines };
}

export interface SecureIntake {
  intake: Intake;
  ledger: Ledger;
  port: number;
  /** Takes up changed files. */
  reload(): void;
  stop(): Promise<void>;
}

/** An intake over a spool that takes and forgets; with `files`, mutual TLS. */
export async function startIntake(
  cleanup: Cleanup,
  options: Partial<ServerTlsOptions> & { home?: string; port?: number; identify?: Identify } = {},
): Promise<SecureIntake> {
  const { files, home, port = 0, log = silentLogger(), identify = null, ...rest } = options;
  const what = 'the capture stream';
  const ledger = new Ledger('forwarder', 'life');
  const spool = { pending: () => 0, add: () => {} };
  const tls = files ? openServerTls({ files, what, clock, log, ...rest }) : null;
  const dir = home ?? (await temporaryHome(cleanup));
  const passThrough = await openPassThroughBook({ files: { dir, fsync: false }, clock, log });
  const parts = { ledger, refinery: PLAIN_REFINERY, spool, passThrough, tls, identify };
  const intake = new Intake({ ...parts, clock, log });
  const taken = await listen(intake.server, port);
  const stop = async () => {
    intake.stop();
    intake.close();
    await passThrough.close();
  };
  cleanup.add(stop);
  return { intake, ledger, port: taken, reload: () => tls?.reload(), stop };
}

/** A sidecar's sender, running. */
export function startSidecarSender(
  cleanup: Cleanup,
  port: number,
  options: { tls?: CaptureTls; tokenFile?: string; log?: Logger; hello?: Partial<typeof HELLO> } = {},
): CaptureSender {
  const { tls, tokenFile, log = silentLogger(), hello } = options;
  const sender = new CaptureSender({
    ...{ host: '127.0.0.1', port, tls, tokenFile, log, clock },
    hello: { ...HELLO, ...hello },
  });
  const running = sender.run(new AbortController().signal);
  cleanup.add(() => {
    sender.close();
    return running;
  });
  return sender;
}
