// How a capture sender reaches its forwarder: plain TCP, or TLS where both ends show a certificate. The files are read
// anew for every connection, so that a rotation needs no restart, and a session is resumed while they stay the same.
// It must not know the stream's messages.
import { connect, isIP, Socket } from 'node:net';
import {
  checkServerIdentity,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
  connect as tlsConnect,
} from 'node:tls';
import type { Logger } from './log.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

/** What makes a capture stream TLS. */
export interface CaptureTls extends TlsFiles {
  /** Name in the forwarder's certificate, when it is not the host. */
  name?: string | undefined;
}

export interface CaptureTransportOptions {
  host: string;
  port: number;
  tls?: CaptureTls | undefined;
  log: Logger;
}

const ROOTS =
  'the file of the forwarder roots must hold the certificate that signed the one of the forwarder';
const ADVICE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'renew the certificate of the forwarder',
  CERT_NOT_YET_VALID: 'the clock here and the one that dated the certificate of the forwarder disagree',
  ERR_TLS_CERT_ALTNAME_INVALID: 'set the forwarder name to one that stands in its certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: ROOTS,
  SELF_SIGNED_CERT_IN_CHAIN: ROOTS,
  UNABLE_TO_GET_ISSUER_CERT: ROOTS,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ROOTS,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ROOTS,
  ERR_SSL_WRONG_VERSION_NUMBER: 'the forwarder does not speak TLS on this port: give it a certificate too',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the forwarder does not speak TLS on this port: give it a certificate too',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'the forwarder wants a certificate: set its file and that of its key',
};
const ADVICE_FILES = 'check the files of roots, certificate and key for the forwarder';
const ADVICE_OTHERWISE =
  'the log of the forwarder may say why: does it trust our certificate, is it TLS that it speaks on this port?';

export class CaptureTransport {
  readonly #options: CaptureTransportOptions;
  #context: { texts: string; secure: SecureContext } | null = null;
  #session: Buffer | null = null;
  /** Advice that is in the log already; none since the forwarder last said something. */
  readonly #given = new Set<string>();

  constructor(options: CaptureTransportOptions) {
    this.#options = options;
  }

  /** Whether it has been logged why the stream cannot be opened, since it last was. */
  get hasAdvised(): boolean {
    return this.#given.size > 0;
  }

  /** Dials; `onOpen` is called when bytes may be written. Never throws: trouble is the `error` of the socket. */
  connect(onOpen: () => void): Socket {
    const { host, port, tls } = this.#options;
    if (!tls) return connect({ host, port, noDelay: true }).on('connect', onOpen);
    try {
      const socket = this.#dial(tls);
      this.#watch(socket);
      return socket.on('secureConnect', onOpen);
    } catch (err) {
      this.#warn(err as Error, ADVICE_FILES);
      return new Socket().destroy(err as Error);
    }
  }

  #dial(tls: CaptureTls): TLSSocket {
    const { host, port } = this.#options;
    const name = tls.name ?? host;
    const secureContext = this.#currentContext(tls);
    const socket = tlsConnect({
      ...{ host, port, secureContext },
      ...(this.#session ? { session: this.#session } : {}),
      // A server name is never an address (RFC 6066, section 3); the certificate is checked against it all the same.
      servername: isIP(name) === 0 ? name : '',
      checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    });
    // A session that fails is not tried twice.
    this.#session = null;
    socket.setNoDelay(true);
    socket.on('session', (session) => {
      if (this.#context?.secure === secureContext) this.#session = session;
    });
    return socket;
  }

  /** The context of what the files hold now. A session made under another one would carry on a judgement of its roots. */
  #currentContext(tls: CaptureTls): SecureContext {
    const read = readTlsFiles(tls);
    const texts = JSON.stringify(read);
    if (this.#context?.texts !== texts) {
      this.#session = null;
      this.#context = { texts, secure: createSecureContext({ ...read, minVersion: 'TLSv1.2' }) };
    }
    return this.#context.secure;
  }

  /** Whoever was reached and ends the connection without a word has, most likely, an objection to a certificate. */
  #watch(socket: TLSSocket): void {
    let isReached = false;
    let isSilent = true;
    let failure: Error | null = null;
    socket.on('connect', () => {
      isReached = true;
    });
    socket.once('data', () => {
      isSilent = false;
      this.#given.clear();
    });
    socket.on('end', () => {
      failure ??= new Error('the forwarder ended the connection without a word');
    });
    socket.on('error', (err) => {
      failure = err;
    });
    socket.on('close', () => {
      if (isReached && isSilent && failure) this.#warn(failure, ADVICE_OTHERWISE);
    });
  }

  /** One line for each kind of trouble, however often it is retried: how an objection arrives is a matter of chance. */
  #warn(err: NodeJS.ErrnoException, otherwise: string): void {
    const { host, port, log } = this.#options;
    const advice = ADVICE[err.code ?? ''] ?? otherwise;
    if (this.#given.has(advice)) return;
    this.#given.add(advice);
    log.warn({ err, host, port, advice }, 'the capture stream cannot be secured');
  }
}
