// Bank accounts: an IBAN is its country, the length that country uses, and 97 as the check, compact or in groups of four.
import { classAt, DIGIT, isDigitAt, isWordAt, LETTER } from './char-class.ts';
import { mod97 } from './check-digits.ts';
import type { Finding } from './finding.ts';

/** SWIFT IBAN registry: country and length. `ZZ`, which our tokens have, is nobody's. */
const REGISTRY =
  'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 ' +
  'FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 ' +
  'LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 ' +
  'SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30';

const SPACE = 0x20;
/** 34 characters in groups of four. */
const MAX_TOKEN = 42;
/** Length by country: the two letters as a number to the base of 26; 0 for no country. */
const LENGTHS = new Uint8Array(26 * 26);
for (const entry of REGISTRY.split(' ')) {
  const country = (entry.charCodeAt(0) - 0x41) * 26 + entry.charCodeAt(1) - 0x41;
  LENGTHS[country] = Number(entry.slice(2));
}

/** The account that starts here with the letters of its country. */
export function ibanAt(text: string, at: number): Finding | undefined {
  if (!isDigitAt(text, at + 2) || !isDigitAt(text, at + 3) || (classAt(text, at + 1) & LETTER) === 0) {
    return undefined;
  }
  const length = LENGTHS[((text.charCodeAt(at) & 0x1f) - 1) * 26 + (text.charCodeAt(at + 1) & 0x1f) - 1]!;
  if (length === 0) return undefined;
  const grouped = text.charCodeAt(at + 4) === SPACE;
  const end = at + length + (grouped ? Math.floor((length - 1) / 4) : 0);
  for (let index = at; index < end; index++) {
    const gap = grouped && (index - at) % 5 === 4;
    if (gap ? text.charCodeAt(index) !== SPACE : (classAt(text, index) & (DIGIT | LETTER)) === 0)
      return undefined;
  }
  if (isWordAt(text, end)) return undefined;
  const account = text.slice(at, end).replaceAll(' ', '').toUpperCase();
  return mod97(account.slice(4) + account.slice(0, 4)) === 1 ? { start: at, end, kind: 'iban' } : undefined;
}

/** The end of one of our own account tokens, compact or in groups; 0 when there is none. */
export function ibanTokenEnd(text: string, at: number): number {
  if (!text.startsWith('ZZ', at) || !isDigitAt(text, at + 2)) return 0;
  const grouped = text.charCodeAt(at + 4) === SPACE;
  let end = at + 2;
  for (; end - at < MAX_TOKEN; end++) {
    const gap = grouped && (end - at) % 5 === 4 && text.charCodeAt(end) === SPACE && isDigitAt(text, end + 1);
    if (!gap && !isDigitAt(text, end)) break;
  }
  return end - at >= 15 ? end : 0;
}
