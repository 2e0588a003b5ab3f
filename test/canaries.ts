// The secrets that are planted, and what is searched for each of them. No value is anybody's; those that carry a provider's
// prefix are put together here, so that no scanner takes this file for a leak.
import { createHash } from 'node:crypto';

export interface Canary {
  kind: string;
  value: string;
  /** Enough of the value to give it away, in the ways it is written. */
  needles: readonly string[];
}

/** Characters drawn from a name, the same for the same; never the words of a language. */
function drawn(name: string, alphabet: string, length: number): string {
  let drawn = '';
  for (let round = 0; drawn.length < length; round++)
    for (const byte of createHash('sha256').update(`${name}/${round}`).digest())
      drawn += alphabet[byte % alphabet.length];
  return drawn.slice(0, length);
}
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const canary = (kind: string, value: string, ...needles: string[]): Canary => ({
  kind,
  value,
  needles: needles.length > 0 ? needles : [value],
});
const grouped = (text: string, separator: string, size = 4) =>
  text.match(new RegExp(`.{1,${size}}`, 'g'))!.join(separator);
const everyGrouping = (text: string) => [text, ...[' ', '-', '.'].map((sign) => grouped(text, sign))];

export const PASSWORD = canary('password', 'canary-Pass-93x', 'canary-Pass');
export const TOKEN = canary('bearer token', 'canarytoken0a7f3c91d2', 'canarytoken');
export const EMAIL = canary('e-mail', 'canary.person@shopmail.example.com', 'canary.person');
export const CARD = canary('card', '4539148803436467', ...everyGrouping('4539148803436467'));
export const IBAN = canary('IBAN', 'DE89370400440532013000', ...everyGrouping('DE89370400440532013000'));
export const PHONE = canary('phone', '+49 151 23456789', '151 23456789', '15123456789');
export const SSN = canary('national id', '536-22-8726', '536-22-8726');
export const ENTROPY = canary('high entropy', drawn('entropy', LETTERS, 40));
export const AWS_ID = canary('AWS key id', `AKIA${drawn('aws', UPPER, 16)}`);
export const STRIPE = canary('Stripe key', `sk_${'live'}_${drawn('stripe', LETTERS, 24)}`);
export const GITHUB = canary('GitHub token', `gh${'p'}_${drawn('github', LETTERS, 36)}`);
export const GOOGLE = canary('Google key', `AI${'za'}${drawn('google', LETTERS, 35)}`);
const PEM_LINES = [1, 2, 3].map((line) => drawn(`pem ${line}`, LETTERS, 64));
const pemWords = (sign: string) => `-----${sign} PRIVATE ${'KEY'}-----`;
export const PEM = canary(
  'private key',
  `${pemWords('BEGIN')}\n${PEM_LINES.join('\n')}\n${pemWords('END')}\n`,
  ...PEM_LINES,
);
const JWT_SIGNATURE = drawn('jwt', LETTERS, 43);
export const JWT = canary(
  'JWT',
  jwtOf({ sub: '7', email: EMAIL.value, password: PASSWORD.value }),
  JWT_SIGNATURE,
);
export const SIGNATURE = canary('SigV4 signature', createHash('sha256').update('sigv4').digest('hex'));

/** Of values that the body limit cuts in two, enough of the first half. */
export const HALVES: readonly Canary[] = [
  canary('half a password', 'halfPassw0rdOfSomebody', 'halfPassw0'),
  canary('half an e-mail', 'halved.person@shopmail.example.com', 'halved.per'),
  canary('half a card', '5425233430109903', '5425233430'),
  canary('half a key', `sk_${'live'}_${drawn('half', LETTERS, 24)}`, drawn('half', LETTERS, 24).slice(0, 9)),
  canary(
    'half a private key',
    PEM_LINES.map(() => drawn('half pem', LETTERS, 64)).join('\n'),
    drawn('half pem', LETTERS, 40),
  ),
];

export const CANARIES: readonly Canary[] = [
  ...[PASSWORD, TOKEN, EMAIL, CARD, IBAN, PHONE, SSN, ENTROPY, AWS_ID, STRIPE, GITHUB, GOOGLE, PEM, JWT],
  ...[SIGNATURE, ...HALVES],
];
/** Those that are known by their shape, wherever they stand. */
export const SHAPED: readonly Canary[] = CANARIES.filter(
  (one) => ![PASSWORD, TOKEN, SIGNATURE, ...HALVES].includes(one),
);

export function jwtOf(claims: Record<string, unknown>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${JWT_SIGNATURE}`;
}

/** A document with every canary in it, those without a shape under telling names. */
export function everyCanary() {
  return {
    user: { mail: EMAIL.value, password: PASSWORD.value, call: PHONE.value },
    access_token: TOKEN.value,
    paid: [{ with: CARD.value }, { from: IBAN.value }],
    file: { id: SSN.value, note: ENTROPY.value, key: PEM.value },
    clouds: [AWS_ID.value, STRIPE.value, GITHUB.value, GOOGLE.value],
    seen: JWT.value,
  };
}

/** The same as lines of a log. */
export function canaryLog(): string {
  const shaped = SHAPED.map(({ value }, line) => `2026-11-21 line ${line} says ${value}\n`).join('');
  return `login password=${PASSWORD.value} token=${TOKEN.value}\n${shaped}`;
}

/** The same as a query or a form. */
export function canaryForm(): string {
  const fields = SHAPED.map(({ value }, at) => [`f${at}`, value] as [string, string]);
  return new URLSearchParams([['password', PASSWORD.value], ['token', TOKEN.value], ...fields]).toString();
}
