// What a token looks like, for those who must leave tokens alone: the scanner and the minter. It knows shapes only; how a
// token comes about is the minter's.
import { luhnRemainder } from './check-digits.ts';

/** The first characters of tokens that have no format of their own; also of the signature of a redacted JWT. */
export const TOKEN_PREFIX = 'rdx_';

const opaque = /^rdx_[a-z0-9]{4,}$/;
/** Older recordings have the other domain. */
const email = /^u-[a-z0-9]{12}(?:@|%40)redacted\.(?:example\.com|invalid)$/;
const card = /^9999[ .-]?99\d{2}(?:[ .-]?\d){5,11}$/;
const iban = /^ZZ\d{2}(?: ?[0-9]){11,30}$/;
const phone = /^(?:\+|%2[Bb])999[\d .()/-]{4,20}$/;
const barePhone = /^000\d{6,12}$/;
const socialSecurity = /^000-\d{2}-\d{4}$/;
const jwt = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.rdx_[a-z0-9]*$/;
const privateKey =
  /^-----BEGIN [A-Z0-9 ]+-----(?:\s|\\[nr])*rdx_[a-z0-9]+(?:\s|\\[nr])*-----END [A-Z0-9 ]+-----$/;

/** Whether a whole value is a token. */
export function isTokenShape(value: string): boolean {
  switch (value.charCodeAt(0)) {
    case 0x72: // r
      return opaque.test(value);
    case 0x75: // u
      return email.test(value);
    case 0x39: // 9
      return card.test(value);
    case 0x5a: // Z
      return iban.test(value);
    case 0x2b: // +
    case 0x25: // %
      return phone.test(value);
    case 0x30: // 0
      return socialSecurity.test(value);
    case 0x65: // e
      return jwt.test(value);
    case 0x2d: // -
      return privateKey.test(value);
    default:
      return false;
  }
}

/** A row of digits is a token where a telephone number is looked for, with a check digit; elsewhere it may be anybody's account. */
export function isBarePhoneToken(value: string): boolean {
  return barePhone.test(value) && luhnRemainder(value) === 0;
}
