// Certificates by @peculiar/x509, P-256 throughout: an authority, the leaves the sidecar mints while it intercepts, and
// ordinary server certificates. Keys live in memory and in the PEM handed out; they are never logged.
// It must not read or write files, and it knows nothing of connections.
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const LEAF_DAYS = 90;
const MAX_CACHED_LEAVES = 1_000;
/** A leaf is minted anew when less than this is left of its life. */
const RENEW_BEFORE_MS = 7 * DAY_MS;
/** RFC 5280, ub-common-name: a longer name stands in the SAN only. */
const MAX_COMMON_NAME = 64;

/** A certificate (for a leaf: followed by its authority's) and its PKCS #8 key, both PEM. */
export interface KeyPairPem {
  certPem: string;
  keyPem: string;
}

export interface IssueOptions {
  names: readonly string[];
  days: number;
  usage?: 'serverAuth' | 'clientAuth' | 'both';
  /** Beginning of its life; the wall clock's now unless given. */
  nowMs?: number;
}

export interface Authority {
  readonly certPem: string;
  /** The certificate for a DNS name or IP address: from a cache of 1,000, one minting for concurrent callers. */
  leaf(name: string): Promise<KeyPairPem>;
  /** A certificate for all of `names`, valid for `days`, for a server unless `usage` says otherwise; not cached. */
  issue(options: IssueOptions): Promise<KeyPairPem>;
}

interface Minted extends KeyPairPem {
  renewAtMs: number;
}

/** Makes a new self-signed authority, valid from a day ago for `days`. */
export async function createAuthority(options: {
  commonName: string;
  days: number;
  nowMs?: number;
}): Promise<KeyPairPem> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: new x509.Name([{ CN: [options.commonName] }]),
    ...validity(options.days, options.nowMs),
    signingAlgorithm: SIGNING_ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false),
    ],
  });
  return { certPem: pem(certificate), keyPem: await privateKeyPem(keys.privateKey) };
}

/** The authority of a certificate and its key. Throws when they do not belong together or cannot be read. */
export async function loadAuthority(certPem: string, keyPem: string): Promise<Authority> {
  const certificate = new x509.X509Certificate(certPem);
  const privateKey = await webcrypto.subtle.importKey('pkcs8', pkcs8Of(keyPem), KEY_ALGORITHM, false, [
    'sign',
  ]);
  await checkKeyBelongs(certificate, privateKey);
  return new LocalAuthority(certificate, privateKey);
}

class LocalAuthority implements Authority {
  readonly certPem: string;
  readonly #certificate: x509.X509Certificate;
  readonly #privateKey: webcrypto.CryptoKey;
  /** In order of use, least recent first; the promise is what concurrent callers share. */
  readonly #leaves = new Map<string, Promise<Minted>>();

  constructor(certificate: x509.X509Certificate, privateKey: webcrypto.CryptoKey) {
    this.#certificate = certificate;
    this.#privateKey = privateKey;
    this.certPem = pem(certificate);
  }

  async leaf(name: string): Promise<KeyPairPem> {
    const key = name.toLowerCase();
    const cached = await this.#cached(key);
    if (cached) return cached;
    const minting = this.#leaves.get(key) ?? this.#mint({ names: [key], days: LEAF_DAYS });
    this.#use(key, minting);
    return minting;
  }

  issue(options: IssueOptions): Promise<KeyPairPem> {
    return this.#mint(options);
  }

  async #cached(key: string): Promise<Minted | null> {
    const found = this.#leaves.get(key);
    if (!found) return null;
    this.#use(key, found);
    const minted = await found;
    if (Date.now() < minted.renewAtMs) return minted;
    if (this.#leaves.get(key) === found) this.#leaves.delete(key);
    return null;
  }

  #use(key: string, minting: Promise<Minted>): void {
    this.#leaves.delete(key);
    this.#leaves.set(key, minting);
    minting.catch(() => {
      if (this.#leaves.get(key) === minting) this.#leaves.delete(key);
    });
    if (this.#leaves.size > MAX_CACHED_LEAVES) this.#leaves.delete(this.#leaves.keys().next().value!);
  }

  async #mint({ names, days, usage = 'serverAuth', nowMs }: IssueOptions): Promise<Minted> {
    const keys = await generateKeys();
    const { notBefore, notAfter } = validity(days, nowMs);
    const commonName = names[0]!;
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: commonName.length > MAX_COMMON_NAME ? '' : new x509.Name([{ CN: [commonName] }]),
      issuer: this.#certificate.subjectName,
      notBefore,
      // A leaf that outlives its authority is refused by some verifiers.
      notAfter: new Date(Math.min(notAfter.getTime(), this.#certificate.notAfter.getTime())),
      signingAlgorithm: SIGNING_ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: this.#privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(purposesOf(usage)),
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
          commonName.length > MAX_COMMON_NAME,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate, false),
      ],
    });
    return {
      certPem: pem(certificate) + this.certPem,
      keyPem: await privateKeyPem(keys.privateKey),
      renewAtMs: Date.now() + days * DAY_MS - RENEW_BEFORE_MS,
    };
  }
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
}

function purposesOf(usage: NonNullable<IssueOptions['usage']>): x509.ExtendedKeyUsage[] {
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  return usage === 'both' ? [serverAuth, clientAuth] : [x509.ExtendedKeyUsage[usage]];
}

/** From a day ago, because the clocks of those who verify are not ours. */
function validity(days: number, now = Date.now()): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** 16 random bytes, positive as RFC 5280 section 4.1.2.2 wants it. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** The key as PKCS #8; openssl also writes SEC 1. Throws in words when it is none of P-256. */
function pkcs8Of(keyPem: string): Buffer {
  const key = createPrivateKey(keyPem);
  const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType;
  if (kind !== 'prime256v1') throw new Error(`its key must be ECDSA P-256, this one is ${kind}`);
  return key.export({ format: 'der', type: 'pkcs8' });
}

async function checkKeyBelongs(
  certificate: x509.X509Certificate,
  privateKey: webcrypto.CryptoKey,
): Promise<void> {
  const probe = randomBytes(16);
  const signature = await webcrypto.subtle.sign(SIGNING_ALGORITHM, privateKey, probe);
  const publicKey = await certificate.publicKey.export(KEY_ALGORITHM, ['verify']);
  const isOurs = await webcrypto.subtle.verify(SIGNING_ALGORITHM, publicKey, signature, probe);
  if (!isOurs) throw new Error('the private key does not belong to the certificate');
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trimEnd()}\n`;
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY').trimEnd()}\n`;
}
