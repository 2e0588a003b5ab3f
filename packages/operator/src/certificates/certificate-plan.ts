// What is to become of an authority or a leaf, judged from what its Secret holds and the time alone.
//
//   authority: sound ─2/3 of its life─▶ rotated: the old one stays trusted as `previous` ─a week later─▶ sound
//   leaf:      signed by the old authority until SETTLE_MS after a rotation: by then everybody trusts the new one
//
// It must not write, sign or know the API.
import type { X509Certificate } from 'node:crypto';
import { isOld, isSignedBy, namesOf, type PemFacts, readCertificate, readKeyPair } from './pem-facts.ts';

const HOUR_MS = 3_600_000;
/** Certificates begin a day before they are made. */
const BACKDATED_MS = 24 * HOUR_MS;
/** Secrets in pods are current after two minutes, and processes read them anew when they connect. */
export const SETTLE_MS = HOUR_MS;
/** Then no leaf of the previous authority is in use. */
export const OVERLAP_MS = 7 * 24 * HOUR_MS;

/** The decoded text of a Secret's keys. */
export type SecretTexts = Readonly<Record<string, string | undefined>>;

export interface KnownAuthority {
  facts: PemFacts;
  previous: X509Certificate | null;
}
export type AuthorityPlan =
  | { action: 'keep'; authority: KnownAuthority }
  /** `previousPem` stays trusted beside the new one; null when the old one cannot be read or is over. */
  | { action: 'renew'; reason: string; previousPem: string | null }
  | { action: 'drop-previous'; authority: KnownAuthority };

/** Judges the Secret of an authority (`tls.crt`, `tls.key`, `previous.crt`). */
export function planAuthority(texts: SecretTexts, nowMs: number): AuthorityPlan {
  let facts: PemFacts;
  try {
    facts = readKeyPair(texts['tls.crt'], texts['tls.key']);
    if (!facts.certificate.ca) throw new Error('the certificate is not that of an authority');
  } catch (err) {
    const reason = texts['tls.crt'] === undefined ? 'there was none' : (err as Error).message;
    return { action: 'renew', reason, previousPem: usableCertificate(texts['tls.crt'], nowMs) };
  }
  if (nowMs >= facts.notAfterMs) return { action: 'renew', reason: 'it expired', previousPem: null };
  if (nowMs < facts.notBeforeMs)
    return { action: 'renew', reason: 'it begins in the future', previousPem: facts.certPem };
  if (isOld(facts, nowMs))
    return { action: 'renew', reason: 'two thirds of its life are over', previousPem: facts.certPem };
  const previousPem = usableCertificate(texts['previous.crt'], nowMs);
  const authority = { facts, previous: previousPem === null ? null : readCertificate(previousPem) };
  const isOverlapOver = nowMs >= facts.notBeforeMs + BACKDATED_MS + OVERLAP_MS;
  if (texts['previous.crt'] !== undefined && (previousPem === null || isOverlapOver))
    return { action: 'drop-previous', authority: { facts, previous: null } };
  return { action: 'keep', authority };
}

/** The certificate as PEM when it is one of an authority whose life is not over. */
function usableCertificate(text: string | undefined, nowMs: number): string | null {
  if (text === undefined) return null;
  try {
    const certificate = readCertificate(text);
    const isUsable = certificate.ca && certificate.validToDate.getTime() > nowMs;
    return isUsable ? `${certificate.toString().trimEnd()}\n` : null;
  } catch {
    return null;
  }
}

/** PEM roots that everybody trusts now. */
export function bundleOf({ facts, previous }: KnownAuthority): string {
  return facts.certPem + (previous ? `${previous.toString().trimEnd()}\n` : '');
}

/** Why the leaf in the Secret (`tls.crt`, `tls.key`) must be made anew; null when it is good. */
export function leafTrouble(
  texts: SecretTexts,
  names: readonly string[],
  authority: KnownAuthority,
  nowMs: number,
): string | null {
  let facts: PemFacts;
  try {
    facts = readKeyPair(texts['tls.crt'], texts['tls.key']);
  } catch (err) {
    return texts['tls.crt'] === undefined ? 'there was none' : (err as Error).message;
  }
  if (nowMs >= facts.notAfterMs) return 'it expired';
  if (nowMs < facts.notBeforeMs) return 'it begins in the future';
  const has = namesOf(facts.certificate);
  const lacking = names.find((name) => !has.includes(name));
  if (lacking !== undefined) return `it does not name ${lacking}`;
  const isNew = isSignedBy(facts.certificate, authority.facts.certificate);
  const isPrevious = authority.previous !== null && isSignedBy(facts.certificate, authority.previous);
  if (!isNew && !isPrevious) return 'it is of another authority';
  const isSettled = nowMs >= authority.facts.notBeforeMs + BACKDATED_MS + SETTLE_MS;
  if (isPrevious) return isSettled ? 'its authority was rotated' : null;
  // Right after a rotation nothing new is handed out that not everybody trusts yet.
  return isOld(facts, nowMs) && isSettled ? 'two thirds of its life are over' : null;
}
