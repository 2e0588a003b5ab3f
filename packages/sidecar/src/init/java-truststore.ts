// Writing a Java truststore (JKS), which every JRE reads. Bytes only; where they go is not known here.
//
//   u32 0xFEEDFEED | u32 version 2 | u32 entries | entry… | SHA-1(password as UTF-16BE, "Mighty Aphrodite", all before)
//   entry: u32 2 (trusted certificate) | utf alias | u64 created, ms since 1970 | utf "X.509" | u32 length | DER
//   utf: u16 length | text.      All integers are big endian.
import { createHash } from 'node:crypto';

/** The password that Java assumes; a truststore holds no secret, it only detects damage. */
export const TRUSTSTORE_PASSWORD = 'changeit';

const MAGIC = 0xfeed_feed;
const VERSION = 2;
const TRUSTED_CERTIFICATE = 2;

export interface TrustedCertificate {
  /** Lower-case ASCII, unique in the store. */
  readonly alias: string;
  readonly der: Buffer;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
}

/** The store as a file's content. */
export function encodeJavaTruststore(
  certificates: readonly TrustedCertificate[],
  password = TRUSTSTORE_PASSWORD,
): Buffer {
  const content = Buffer.concat([
    u32(MAGIC),
    u32(VERSION),
    u32(certificates.length),
    ...certificates.map(entry),
  ]);
  const seal = createHash('sha1')
    .update(Buffer.from(password, 'utf16le').swap16())
    .update('Mighty Aphrodite')
    .update(content)
    .digest();
  return Buffer.concat([content, seal]);
}

function entry({ alias, der, createdMs }: TrustedCertificate): Buffer {
  const created = Buffer.alloc(8);
  created.writeBigInt64BE(BigInt(createdMs));
  return Buffer.concat([u32(TRUSTED_CERTIFICATE), utf(alias), created, utf('X.509'), u32(der.length), der]);
}

function utf(text: string): Buffer {
  const bytes = Buffer.from(text, 'ascii');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
