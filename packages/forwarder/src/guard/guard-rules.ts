// The guard's own table of what must not be in what left, written apart from the redaction it watches: no code and no
// list of it is used here. What redaction puts in the place of a value is recognised by its documented form. Pure.
import type { SecretKind } from '@echoplane/rules';
import type { GuardedValue } from './guard-text.ts';

export interface GuardRule {
  name: string;
  /** The detector that should have seen it; when that is off, so is the rule. */
  kind: SecretKind;
  /** Whether a value holds it. */
  finds(value: GuardedValue): boolean;
}

/** Issuers of cards; what is in place of one begins with 999999. */
const ISSUERS = /^(?:4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|6011|65|64[4-9]|35|30[0-5]|3[68]|62)/;
const CARD = /(?<![\w.-])\d(?:[ -]?\d){13,18}(?![\w-]|\.\d)/g;
/** Not 13, which old cards had and every EAN has. */
const CARD_LENGTHS = new Set([14, 15, 16, 19]);
const IBAN = /(?<![A-Za-z0-9])(?!ZZ)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])/g;
const MAIL = /(?<![\w.+-]|:\/\/)([\w.+-]{1,64})@((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})(?![\w-])/gi;
/** Endings that make `logo@2x.png` no address. */
const FILE_ENDINGS = new Set(['png', 'jpg', 'jpeg', 'gif', 'svg', 'webp', 'js', 'css', 'mjs', 'map']);
const PHONE = /(?<![\w+.-])\+(?!999)[1-9](?:[ .-]?\d){9,14}(?![\w-])/;
const US_SSN = /(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])/;
const SCHEME = /\b([a-z][a-z0-9-]{2,20})\s+([\w.~+/=-]{8,})/i;
const JWT = /(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}/g;
/** A name says exactly this, whatever stands before it. */
const SECRET_NAME =
  /(?:^|[._-])(?:password|passwd|passphrase|client[_-]?secret|api[_-]?key|access[_-]?token|refresh[_-]?token|id[_-]?token|private[_-]?key|jsessionid|phpsessid|sessionid|sid|x-amz-security-token)$/;
const MIN_SECRET = 4;

/** `rdx_…`, a mask, or a JWT whose signature is a token: real signatures have upper case letters. */
export function isInPlace(value: string): boolean {
  if (/rdx_[a-z0-9]/.test(value) || /^[*•\s]*$/.test(value)) return true;
  const signature = /^[\w-]+\.[\w-]+\.([\w-]{16,})$/.exec(value)?.[1];
  return signature !== undefined && !/[A-Z]/.test(signature);
}

export const GUARD_RULES: readonly GuardRule[] = [
  { name: 'card', kind: 'card', finds: ({ value }) => matches(value, CARD).some(isCard) },
  { name: 'iban', kind: 'iban', finds: ({ value }) => matches(value, IBAN).some(isIban) },
  { name: 'email', kind: 'email', finds: ({ value }) => value.includes('@') && holdsMail(value) },
  { name: 'phone', kind: 'phone', finds: ({ value }) => value.includes('+') && PHONE.test(value) },
  { name: 'us-ssn', kind: 'national-id', finds: ({ value }) => US_SSN.test(value) },
  { name: 'authorization', kind: 'credential', finds: holdsCredential },
  { name: 'jwt', kind: 'jwt', finds: ({ value }) => value.includes('eyJ') && holdsJwt(value) },
  {
    name: 'named-secret',
    kind: 'password',
    finds: ({ name, value }) => SECRET_NAME.test(name) && isSecret(value),
  },
];

function matches(value: string, pattern: RegExp): string[] {
  return /\d/.test(value) ? (value.match(pattern) ?? []) : [];
}

/** Luhn by the sum of digits, of which every second from the right counts 0 2 4 6 8 1 3 5 7 9. */
function isCard(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  if (!CARD_LENGTHS.has(digits.length) || !ISSUERS.test(digits) || digits.startsWith('999999')) return false;
  if (/^(\d)\1*$/.test(digits)) return false;
  const sum = [...digits]
    .reverse()
    .reduce((all, digit, at) => all + Number(at % 2 ? '0246813579'[Number(digit)] : digit), 0);
  return sum % 10 === 0;
}

/** ISO 13616: the first four characters at the end, letters from 10, the number modulo 97 is 1. */
function isIban(text: string): boolean {
  const plain = text.replaceAll(' ', '');
  if (plain.length < 15 || plain.length > 34) return false;
  const number = [...plain.slice(4), ...plain.slice(0, 4)].map((sign) => Number.parseInt(sign, 36)).join('');
  return BigInt(number) % 97n === 1n;
}

function holdsMail(value: string): boolean {
  for (const [, local, domain] of value.matchAll(MAIL)) {
    const name = domain!.toLowerCase();
    // The password of a connection string stands before an @ as well.
    if (isInPlace(local!)) continue;
    // With the ending of a file behind it, perhaps.
    if (
      !/^redacted\.(?:example\.com|invalid)(?:\.|$)/.test(name!) &&
      !FILE_ENDINGS.has(name.split('.').at(-1)!)
    )
      return true;
  }
  return false;
}

/** Under its own name every scheme counts, elsewhere only what cannot be part of a sentence. */
function holdsCredential({ name, value }: GuardedValue): boolean {
  if (/rdx_[a-z0-9]/.test(value)) return false;
  const [, scheme = '', credential = ''] = SCHEME.exec(value) ?? [];
  if (credential === '' || isInPlace(credential)) return false;
  const plain = Buffer.from(credential, 'base64').toString('latin1');
  if (/^basic$/i.test(scheme)) return /^[\x20-\x7e]+:[\x20-\x7e]*$/.test(plain) && !isInPlace(plain);
  return /^(?:proxy-)?authorization$/.test(name) || (/^bearer$/i.test(scheme) && /\d/.test(credential));
}

function holdsJwt(value: string): boolean {
  return (value.match(JWT) ?? []).some((one) => !isInPlace(one));
}

function isSecret(value: string): boolean {
  const isWord = /^(?:true|false|null|none|undefined|-?\d{1,3}|deleted)$/i.test(value);
  return value.length >= MIN_SECRET && !isWord && !isInPlace(value) && !/[{[\s]/.test(value);
}
