// The forwarder's own certificate and its judgement of who connects: TLS whose files may be replaced while it runs, and
// the name by which a client's certificate calls it. It must not know what is said over it.
//
// Only node:tls judges (`rejectUnauthorized`): with roots, nothing is heard from whoever has no certificate of them. A
// session that is resumed carries its certificate with it; new files end the sessions made under the old ones.
import type { Socket } from 'node:net';
import {
  createSecureContext,
  createServer,
  type SecureContextOptions,
  type Server,
  TLSSocket,
  type TlsOptions,
} from 'node:tls';
import {
  type Clock,
  ConfigError,
  type Logger,
  readTlsFiles,
  type ServerTlsFiles,
  type TlsTexts,
} from '@echoplane/runtime';

/** From connecting to the end of the handshake. */
const HANDSHAKE_DEADLINE_MS = 10_000;
const POLL_MS = 2_000;
/** Handshakes fail as often as strangers like; one line in this time says so. */
const COMPLAINT_US = 60_000_000;
const MAX_IDENTITY_LENGTH = 300;

export interface ServerTlsOptions {
  /** Without roots no certificate is asked for. */
  files: ServerTlsFiles;
  /** What is served, for messages. */
  what: string;
  clock: Clock;
  log: Logger;
  handshakeDeadlineMs?: number;
}

/** The TLS end of a server, its files read. Throws ConfigError for files that cannot be used. */
export function openServerTls(options: ServerTlsOptions): ServerTls {
  try {
    const texts = readTlsFiles(options.files);
    createSecureContext(contextOf(texts));
    return new ServerTls(options, texts);
  } catch (cause) {
    throw new ConfigError([
      `The certificates of ${options.what} cannot be used: ${(cause as Error).message}`,
    ]);
  }
}

export class ServerTls {
  readonly #options: ServerTlsOptions;
  #texts: TlsTexts;
  #server: Server | null = null;
  /** What was wrong with the files when they were last looked at. */
  #trouble: string | null = null;
  #complainedUs = Number.NEGATIVE_INFINITY;

  constructor(options: ServerTlsOptions, texts: TlsTexts) {
    this.#options = options;
    this.#texts = texts;
  }

  /** What node:tls and node:https serve with, before `follow`. */
  get settings(): TlsOptions {
    const handshakeTimeout = this.#options.handshakeDeadlineMs ?? HANDSHAKE_DEADLINE_MS;
    const asksForOne = this.#options.files.caFile !== undefined;
    const judgement = { requestCert: asksForOne, rejectUnauthorized: asksForOne };
    return { ...contextOf(this.#texts), ...judgement, handshakeTimeout };
  }

  /** A server that hands on connections whose certificate, where one is asked for, was accepted, and no others. */
  createServer(accept: (socket: TLSSocket) => void): Server {
    const server = createServer({ ...this.settings, noDelay: true });
    server.on('secureConnection', accept);
    return this.follow(server);
  }

  /** Gives `server`, made with the settings, what the files hold anew, and ends handshakes that failed. */
  follow<S extends Server>(server: S): S {
    this.#server = server;
    server.on('tlsClientError', (err, socket) => {
      this.#complain(err, socket);
      // Node does not end a connection whose handshake took too long.
      socket.destroy();
    });
    return server;
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
    const { files, what, log } = this.#options;
    try {
      const texts = readTlsFiles(files);
      if (JSON.stringify(texts) !== JSON.stringify(this.#texts)) {
        this.#server?.setSecureContext(contextOf(texts));
        this.#texts = texts;
        log.info({ what }, 'certificates are renewed');
      }
      this.#trouble = null;
    } catch (err) {
      const { message } = err as Error;
      if (message === this.#trouble) return;
      this.#trouble = message;
      log.warn({ err, what }, 'the changed certificates cannot be used; the former ones stay');
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
