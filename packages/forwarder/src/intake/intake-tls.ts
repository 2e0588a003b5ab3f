// The forwarder's own certificate and its judgement of senders: a server for mutual TLS whose files may be replaced
// while it runs, and the name by which a sender's certificate calls it. It must not know the capture stream.
//
// Only node:tls judges (`rejectUnauthorized`): nothing is heard from whoever has no certificate of our roots. A session
// that a sender resumes carries its certificate with it; new files end the sessions made under the old ones.
import type { Socket } from 'node:net';
import {
  createSecureContext,
  createServer,
  type SecureContextOptions,
  type Server,
  TLSSocket,
} from 'node:tls';
import {
  type Clock,
  ConfigError,
  type Logger,
  readTlsFiles,
  type TlsFiles,
  type TlsTexts,
} from '@echoplane/runtime';

/** From connecting to the end of the handshake. */
const HANDSHAKE_DEADLINE_MS = 10_000;
const POLL_MS = 2_000;
/** Handshakes fail as often as strangers like; one line in this time says so. */
const COMPLAINT_US = 60_000_000;
const MAX_IDENTITY_LENGTH = 300;

export interface IntakeTlsOptions {
  files: Required<TlsFiles>;
  clock: Clock;
  log: Logger;
  handshakeDeadlineMs?: number;
}

/** The TLS end of an intake, its files read. Throws ConfigError for files that cannot be used. */
export function openIntakeTls(options: IntakeTlsOptions): IntakeTls {
  try {
    const texts = readTlsFiles(options.files);
    createSecureContext(contextOf(texts));
    return new IntakeTls(options, texts);
  } catch (cause) {
    throw new ConfigError([
      `The certificates of the capture stream cannot be used: ${(cause as Error).message}`,
    ]);
  }
}

export class IntakeTls {
  readonly #options: IntakeTlsOptions;
  #texts: TlsTexts;
  #server: Server | null = null;
  /** What was wrong with the files when they were last looked at. */
  #trouble: string | null = null;
  #complainedUs = Number.NEGATIVE_INFINITY;

  constructor(options: IntakeTlsOptions, texts: TlsTexts) {
    this.#options = options;
    this.#texts = texts;
  }

  /** The server that hands on connections whose certificate was accepted, and no others. */
  createServer(accept: (socket: TLSSocket) => void): Server {
    const handshakeTimeout = this.#options.handshakeDeadlineMs ?? HANDSHAKE_DEADLINE_MS;
    const judgement = { requestCert: true, rejectUnauthorized: true };
    this.#server = createServer({ ...contextOf(this.#texts), ...judgement, handshakeTimeout, noDelay: true });
    this.#server.on('secureConnection', accept);
    this.#server.on('tlsClientError', (err, socket) => {
      this.#complain(err, socket);
      // Node does not end a connection whose handshake took too long.
      socket.destroy();
    });
    return this.#server;
  }

  /** Looks after the files until `signal` aborts: what they hold anew is used for the next connections. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(POLL_MS, signal);
      this.reload();
    }
  }

  /** Takes up changed files; those that cannot be used, perhaps half replaced, leave things as they are. */
  reload(): void {
    const { files, log } = this.#options;
    try {
      const texts = readTlsFiles(files);
      if (JSON.stringify(texts) !== JSON.stringify(this.#texts)) {
        this.#server?.setSecureContext(contextOf(texts));
        this.#texts = texts;
        log.info('the certificates of the capture stream are renewed');
      }
      this.#trouble = null;
    } catch (err) {
      const { message } = err as Error;
      if (message === this.#trouble) return;
      this.#trouble = message;
      log.warn({ err }, 'the changed certificates cannot be used; the former ones stay');
    }
  }

  #complain(err: Error, { remoteAddress }: TLSSocket): void {
    const { clock, log } = this.#options;
    const nowUs = clock.nowUs();
    if (nowUs - this.#complainedUs < COMPLAINT_US) {
      log.debug({ err, remoteAddress }, 'a TLS handshake failed');
      return;
    }
    this.#complainedUs = nowUs;
    log.warn({ err, remoteAddress }, 'a TLS handshake failed; further ones of this minute are not logged');
  }
}

/** Who a sender is by its certificate: the alternative names, else the subject; null on a plain connection. */
export function identityOf(socket: Socket): string | null {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (!certificate) return null;
  const name = certificate.subjectAltName ?? certificate.subject;
  return name.replace(/\p{Cc}+/gu, ', ').slice(0, MAX_IDENTITY_LENGTH);
}

function contextOf(texts: TlsTexts): SecureContextOptions {
  return { ...texts, minVersion: 'TLSv1.2' };
}
