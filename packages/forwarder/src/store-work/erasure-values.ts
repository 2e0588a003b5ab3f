// What an erasure looks for: the value as it may have been written, and every token that redaction may have put in its
// place. Pure; the key is the customer's, which is why this runs in the cluster.
import { SECRET_KINDS, TokenMinter } from '@echoplane/rules';
import { olderMailToken } from '@echoplane/traffic';

/** Digits with what people put between them: numbers of cards, accounts, phones. */
const GROUPED = /^\+?[A-Z]{0,2}\d[\d .()/-]{6,}$/i;
/** Shorter ones are no longer the value: they would take other people's data along. */
const MIN_LENGTH = 4;

/** The value in its spellings, and their tokens under this redaction key. */
export function valuesToErase(value: string, key: Uint8Array): string[] {
  const spellings = spellingsOf(value);
  const minters = [true, false].map((keepLength) => new TokenMinter(key, { keepLength }));
  const tokens = spellings.flatMap((spelling) =>
    minters.flatMap((minter) => [
      ...SECRET_KINDS.map((kind) => minter.mint(kind, spelling)),
      ...[minter.olderPhoneToken(spelling) ?? []].flat(),
    ]),
  );
  return [...new Set([...spellings, ...tokens, ...tokens.map(olderMailToken)])].filter(
    (text) => text.length >= MIN_LENGTH,
  );
}

function spellingsOf(value: string): string[] {
  const trimmed = value.trim();
  if (trimmed.includes('@')) return [...new Set([value, trimmed, trimmed.toLowerCase()])];
  if (!GROUPED.test(trimmed)) return [...new Set([value, trimmed])];
  const compact = trimmed.replace(/[ .()/-]/g, '');
  const grouped = [' ', '-'].map((by) => compact.replace(/.{4}(?=.)/g, (four) => four + by));
  return [...new Set([value, trimmed, compact, ...grouped])];
}
