/**
 * Which protocol a connection's first bytes speak. It only names; parsing belongs to the layer named.
 * Server-first protocols and everything else are 'unknown': the caller passes them through unread.
 */

export type DetectedProtocol = 'tls' | 'http1' | 'http2' | 'unknown' | 'need-more';

const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** A method token and its space end within this many bytes. */
const METHOD_BYTES = 32;
const TLS_HANDSHAKE = 0x16;
const CLIENT_HELLO = 1;
const IS_TOKEN_BYTE = new Uint8Array(256);
for (const byte of Buffer.from("!#$%&'*+-.^_`|~0123456789")) IS_TOKEN_BYTE[byte] = 1;
for (let letter = 0; letter < 26; letter++) {
  IS_TOKEN_BYTE[0x41 + letter] = 1;
  IS_TOKEN_BYTE[0x61 + letter] = 1;
}

/** Names the protocol of a connection by its client's first bytes; never needs more than 32 of them. */
export function detectProtocol(bytes: Buffer): DetectedProtocol {
  if (bytes.length === 0) return 'need-more';
  if (bytes[0] === TLS_HANDSHAKE) return detectTls(bytes);
  const compared = Math.min(bytes.length, HTTP2_PREFACE.length);
  if (bytes.compare(HTTP2_PREFACE, 0, compared, 0, compared) === 0) {
    return compared === HTTP2_PREFACE.length ? 'http2' : 'need-more';
  }
  return detectHttp1(bytes);
}

/** Record type 22, major version 3, two bytes of length, then a ClientHello (RFC 8446 sections 4 and 5.1). */
function detectTls(bytes: Buffer): DetectedProtocol {
  if (bytes.length > 1 && bytes[1] !== 3) return 'unknown';
  if (bytes.length < 6) return 'need-more';
  return bytes[5] === CLIENT_HELLO ? 'tls' : 'unknown';
}

function detectHttp1(bytes: Buffer): DetectedProtocol {
  const end = Math.min(bytes.length, METHOD_BYTES);
  for (let at = 0; at < end; at++) {
    if (IS_TOKEN_BYTE[bytes[at]!]) continue;
    return bytes[at] === 0x20 && at > 0 ? 'http1' : 'unknown';
  }
  return end < METHOD_BYTES ? 'need-more' : 'unknown';
}
