// The domain that redacted e-mail addresses are given. It was another one once; recordings of then are read as if they had been
// made now, so that they can be replayed beside live values and analyzed with results of today. Pure.

/** Reserved: nobody receives mail there, and services accept it in a registration. */
export const TOKEN_DOMAIN = 'redacted.example.com';
/** That of recordings made before: validators of addresses refuse it. */
const OLDER_TOKEN_DOMAIN = 'redacted.invalid';

/** A line of a recording or of what was made of it, with the addresses of today; `%40` is how an address stands in a form. */
export function withMailTokens(line: string): string {
  if (!line.includes(OLDER_TOKEN_DOMAIN)) return line;
  return line.replaceAll(OLDER, (_, at: string) => `${at}${TOKEN_DOMAIN}`);
}

/** What an address was given then, of what it is given now; any other text is its own. */
export function olderMailToken(token: string): string {
  return token.endsWith(TOKEN_DOMAIN) ? token.slice(0, -TOKEN_DOMAIN.length) + OLDER_TOKEN_DOMAIN : token;
}

const OLDER = /(?<=\bu-[a-z0-9]{12})(@|%40)redacted\.invalid\b/g;
