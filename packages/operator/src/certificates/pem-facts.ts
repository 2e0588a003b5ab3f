// What PEM text in a Secret amounts to: an authority or a leaf with its facts, or why it is neither. Pure but for node's own
// reading of certificates; it must not know where the text is from or what is done about it.
import { createPrivateKey, X509Certificate } from 'node:crypto';

export interface PemFacts {
  certificate: X509Certificate;
  /** With the key of `keyPem`; the certificate alone, without its chain. */
  certPem: string;
  keyPem: string;
  notBeforeMs: number;
  notAfterMs: number;
}

const FIRST_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/;

/** The first certificate of the text with its key. Throws a sentence when they are damaged or do not belong together. */
export function readKeyPair(certText: string | undefined, keyPem: string | undefined): PemFacts {
  if (!certText || !keyPem) throw new Error('certificate or key is missing');
  const certificate = readCertificate(certText);
  const key = createPrivateKey(keyPem);
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (namedCurve !== 'prime256v1') throw new Error('the key is not of the curve P-256');
  if (!certificate.checkPrivateKey(key)) throw new Error('the key does not belong to the certificate');
  return {
    certificate,
    certPem: `${certificate.toString().trimEnd()}\n`,
    keyPem,
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  };
}

/** The first certificate of the text. Throws when there is none or it is damaged. */
export function readCertificate(text: string): X509Certificate {
  const pem = FIRST_CERTIFICATE.exec(text)?.[0];
  if (!pem) throw new Error('there is no certificate');
  return new X509Certificate(pem);
}

/** Whether two thirds of its life are over. */
export function isOld({ notBeforeMs, notAfterMs }: PemFacts, nowMs: number): boolean {
  return nowMs >= notBeforeMs + ((notAfterMs - notBeforeMs) * 2) / 3;
}

/** Whether the certificate was signed by the authority. */
export function isSignedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/** The DNS names and addresses of a certificate. */
export function namesOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .map((part) => part.replace(/^(DNS|IP Address):/, ''))
    .filter((name) => name !== '');
}
