/**
 * Reads a TLS ClientHello without terminating TLS: the server name to dial and sign for, the ALPN to
 * mirror, the versions offered (RFC 8446 section 4.1.2, RFC 6066, RFC 7301). Bounded and pure: give it
 * all the first bytes again each time there are more. It judges structure, not security.
 */

export type ClientHelloResult =
  | { status: 'need-more' }
  | { status: 'ok'; sni: string | null; alpn: string[]; versions: number[] }
  | { status: 'not-tls' };

/** The handshake message, as large as one full record; several times a hello with post-quantum key shares. */
const MAX_HELLO_BYTES = 16_384;
/** Records a hello may be spread over: bounds the caller's buffer to hello + 5 × 64 bytes. */
const MAX_RECORDS = 64;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const EXTENSION_SNI = 0;
const EXTENSION_ALPN = 16;
const EXTENSION_VERSIONS = 43;
const HOST_NAME = 0;

const NEED_MORE: ClientHelloResult = { status: 'need-more' };
const NOT_TLS: ClientHelloResult = { status: 'not-tls' };

/** Parses the ClientHello at the start of a connection; what follows it is ignored. */
export function parseClientHello(bytes: Buffer): ClientHelloResult {
  const message = joinRecords(bytes);
  if (!Buffer.isBuffer(message)) return message;
  try {
    return readHello(new Reader(message));
  } catch (error) {
    if (error instanceof RangeError) return NOT_TLS;
    throw error;
  }
}

/** The body of the first handshake message, gathered from as many records as it takes. */
function joinRecords(bytes: Buffer): Buffer | ClientHelloResult {
  const fragments: Buffer[] = [];
  let gathered = 0;
  let at = 0;
  for (let record = 0; record < MAX_RECORDS; record++) {
    if (at < bytes.length && bytes[at] !== HANDSHAKE) return NOT_TLS;
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return NOT_TLS;
    if (at + 5 > bytes.length) return NEED_MORE;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_HELLO_BYTES) return NOT_TLS;
    const fragment = bytes.subarray(at + 5, at + 5 + length);
    fragments.push(fragment);
    gathered += fragment.length;
    at += 5 + length;
    const message = Buffer.concat(fragments, Math.min(gathered, MAX_HELLO_BYTES));
    if (message.length > 0 && message[0] !== CLIENT_HELLO) return NOT_TLS;
    if (message.length >= 4) {
      const size = 4 + message.readUIntBE(1, 3);
      if (size > MAX_HELLO_BYTES) return NOT_TLS;
      if (message.length >= size) return message.subarray(4, size);
    }
    if (fragment.length < length) return NEED_MORE;
  }
  return NOT_TLS;
}

function readHello(hello: Reader): ClientHelloResult {
  const legacyVersion = hello.uint16();
  hello.bytes(32); // random
  hello.bytes(hello.uint8()); // session id
  hello.bytes(hello.uint16()); // cipher suites
  hello.bytes(hello.uint8()); // compression methods
  let sni: string | null = null;
  let alpn: string[] = [];
  let versions = [legacyVersion];
  const extensions = new Reader(hello.isDone ? Buffer.alloc(0) : hello.bytes(hello.uint16()));
  while (!extensions.isDone) {
    const type = extensions.uint16();
    const data = new Reader(extensions.bytes(extensions.uint16()));
    if (type === EXTENSION_SNI) sni = readServerName(data);
    else if (type === EXTENSION_ALPN) alpn = readAlpn(data);
    else if (type === EXTENSION_VERSIONS) versions = readVersions(data);
  }
  return { status: 'ok', sni, alpn, versions };
}

function readServerName(data: Reader): string | null {
  const names = new Reader(data.bytes(data.uint16()));
  while (!names.isDone) {
    const type = names.uint8();
    const name = names.bytes(names.uint16());
    if (type === HOST_NAME && name.length > 0) return name.toString('latin1');
  }
  return null;
}

function readAlpn(data: Reader): string[] {
  const protocols = new Reader(data.bytes(data.uint16()));
  const names: string[] = [];
  while (!protocols.isDone) names.push(protocols.bytes(protocols.uint8()).toString('latin1'));
  return names;
}

/** In the client's order of preference, without the values that only test tolerance (GREASE, RFC 8701). */
function readVersions(data: Reader): number[] {
  const list = new Reader(data.bytes(data.uint8()));
  const versions: number[] = [];
  while (!list.isDone) {
    const version = list.uint16();
    if ((version & 0x0f0f) !== 0x0a0a) versions.push(version);
  }
  return versions;
}

/** Reads big-endian values one after the other; a RangeError says that the structure lies about a length. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint8(): number {
    return this.bytes(1)[0]!;
  }

  uint16(): number {
    return this.bytes(2).readUInt16BE(0);
  }

  bytes(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('a length runs past its structure');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
