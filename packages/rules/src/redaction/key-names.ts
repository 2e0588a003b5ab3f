// Which names of fields, headers, cookies and claims say that their value is sensitive, and of which kind. Names are
// compared without case, `-`, `_` and `.`: exactly, or by an ending that no harmless name has. Knows no values.
import type { SecretKind } from '../rules-document.ts';
import { CLASS, DIGIT, LETTER } from './char-class.ts';
import { ownCopy } from './own-copy.ts';

/** Where a name stands: a header `x-api-key` is a credential, a field `sort_key` is none. */
export type NamePlace = 'field' | 'header' | 'cookie' | 'claim';

const MAX_CACHED = 4_096;
const MAX_CACHED_LENGTH = 128;
/** Characters by which most names are told from all sensitive ones. */
const ENDING_LENGTH = 3;

const EXACT: Partial<Record<SecretKind, string>> = {
  password:
    'password passwd pwd pass passphrase passcode pin pincode otp totp onetimepassword onetimecode mfacode ' +
    'verificationcode securitycode cvv cvc cvv2 cvc2 csc userpass dbpass',
  credential:
    'authorization proxyauthorization auth bearer token jwt apikey xapikey accesskey accesskeyid accesskeyidentifier ' +
    'awsaccesskeyid secretaccesskey session sessionid sessid sid jsessionid phpsessid aspsessionid aspnetsessionid ' +
    'connectsid cookie setcookie csrf xsrf csrftoken xsrftoken csrfmiddlewaretoken authenticitytoken assertion ' +
    'clientassertion samlresponse codeverifier credentials credential refreshtoken accesstoken idtoken subscriptionkey ' +
    'ocpapimsubscriptionkey authkey xauthkey appkey xamzsignature xamzcredential sharedaccesssignature',
  secret:
    'secret clientsecret secretkey privatekey signingkey encryptionkey masterkey sharedsecret appsecret hmackey ' +
    'connectionstring recoverycode recoverycodes backupcodes securityanswer mnemonic seedphrase accountkey',
  card: 'cardnumber creditcard creditcardnumber ccnumber ccnum cardno pan debitcardnumber',
  iban: 'iban accountnumber bankaccount bankaccountnumber routingnumber',
  phone: 'phone phonenumber mobile mobilenumber mobilephone msisdn telephone cellphone homephone workphone',
  'national-id':
    'ssn socialsecuritynumber socialsecurity nationalid nationalidnumber taxid taxidentifier passportnumber ' +
    'passportno driverslicense driverlicensenumber identitynumber nationalinsurancenumber',
};

const ENDINGS: readonly (readonly [string, SecretKind])[] = [
  ['password', 'password'],
  ['passwd', 'password'],
  ['passphrase', 'password'],
  ['pwd', 'password'],
  ['token', 'credential'],
  ['apikey', 'credential'],
  ['accesskey', 'credential'],
  ['sessionid', 'credential'],
  ['authorization', 'credential'],
  ['credential', 'credential'],
  ['credentials', 'credential'],
  ['secret', 'secret'],
  ['secretkey', 'secret'],
  ['privatekey', 'secret'],
  ['signingkey', 'secret'],
  ['encryptionkey', 'secret'],
  ['cardnumber', 'card'],
];

/** Names that end like a credential and are none: cursors, the vocabulary of language models, switches. */
const HARMLESS = new Set(
  (
    'nextpagetoken pagetoken prevpagetoken previouspagetoken continuationtoken nextcontinuationtoken nexttoken ' +
    'prevtoken synctoken nextsynctoken cursortoken starttoken endtoken stoptoken eostoken bostoken padtoken unktoken ' +
    'septoken clstoken masktoken maxtoken numtoken firsttoken lasttoken pertoken costpertoken timepertoken ' +
    'forgotpassword haspassword showpassword cancellationtoken shapetoken designtoken'
  ).split(' '),
);
/** Of headers that end in `key`. */
const HARMLESS_HEADERS = new Set(
  'secwebsocketkey idempotencykey xidempotencykey surrogatekey cachekey xcachekey partitionkey xpartitionkey routingkey publickey xpublickey'.split(
    ' ',
  ),
);
const COOKIE_PARTS = ['sess', 'auth', 'token', 'jwt', 'csrf', 'xsrf', 'remember', 'login'];
const CLAIMS =
  'email name givenname familyname middlename nickname preferredusername uniquename upn phonenumber address birthdate picture profile';

/** The names of one place, with what the rules add to and take from the built-in ones. */
export class KeyNames {
  readonly #place: NamePlace;
  readonly #exact = new Map<string, SecretKind>();
  readonly #except: ReadonlySet<string>;
  readonly #cache = new Map<string, SecretKind | null>();
  /** The last characters of the sensitive names, five bits of each. */
  readonly #endings = new Uint8Array(1 << (5 * ENDING_LENGTH));

  constructor(place: NamePlace, rules: { keys: readonly string[]; keysExcept: readonly string[] }) {
    this.#place = place;
    for (const [kind, names] of Object.entries(EXACT) as [SecretKind, string][])
      for (const name of names.split(' ')) this.#exact.set(name, kind);
    if (place === 'claim') for (const name of CLAIMS.split(' ')) this.#exact.set(name, 'secret');
    for (const name of rules.keys) this.#exact.set(normalName(name), 'credential');
    this.#except = new Set(rules.keysExcept.map(normalName));
    // Of cookies it is not only the end that counts.
    if (place === 'cookie') this.#endings.fill(1);
    const endings = [
      ...this.#exact.keys(),
      ...ENDINGS.map(([end]) => end),
      ...(place === 'header' ? ['key'] : []),
    ];
    for (const name of endings)
      if (name.length >= ENDING_LENGTH) this.#endings[endingOf(name, name.length)] = 1;
  }

  /** What the value of `name` is, or null when the name says nothing. */
  kindOf(name: string): SecretKind | null {
    if (!this.mayEndAt(name, 0, name.length)) return null;
    const cached = this.#cache.get(name);
    if (cached !== undefined) return cached;
    const kind = this.#decide(normalName(name));
    if (name.length > MAX_CACHED_LENGTH) return kind;
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(ownCopy(name), kind);
    return kind;
  }

  /** Whether [start, end) may be a sensitive name, told from its last characters: false is certain. */
  mayEndAt(text: string, start: number, end: number): boolean {
    if (end - start < ENDING_LENGTH) return true;
    for (let at = end - ENDING_LENGTH; at < end; at++)
      if ((CLASS[text.charCodeAt(at)]! & (LETTER | DIGIT)) === 0) return true;
    return this.#endings[endingOf(text, end)] === 1;
  }

  #decide(name: string): SecretKind | null {
    if (this.#except.has(name)) return null;
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    if (HARMLESS.has(name)) return null;
    const ending = ENDINGS.find(([end]) => name.endsWith(end));
    if (ending) return ending[1];
    if (this.#place === 'cookie' && isSessionName(name)) return 'credential';
    if (this.#place !== 'header') return null;
    return name.endsWith('key') && !HARMLESS_HEADERS.has(name) ? 'credential' : null;
  }
}

/** Of letters and digits, without case. */
function endingOf(text: string, end: number): number {
  return (
    ((text.charCodeAt(end - 3) & 31) << 10) |
    ((text.charCodeAt(end - 2) & 31) << 5) |
    (text.charCodeAt(end - 1) & 31)
  );
}

function isSessionName(name: string): boolean {
  return name.endsWith('sid') || COOKIE_PARTS.some((part) => name.includes(part));
}

/** `X-Api_Key` → `xapikey`; only the end of a very long name counts. */
function normalName(name: string): string {
  return name
    .slice(-200)
    .toLowerCase()
    .replace(/[-_. ]/g, '');
}
