// A service-account token as Kubernetes projects it: a file that may come late, is replaced long before the token expires,
// and is therefore read whenever it is needed. Its text is never logged.
import { readFileSync } from 'node:fs';
import type { Logger } from './log.ts';

/** Longer than any token of an API server. */
export const MAX_TOKEN_BYTES = 8 << 10;
/** What a header may hold, so that a file of something else is told from a token. */
const TOKEN = /^[\x21-\x7e]+$/;

export class TokenFile {
  readonly #path: string | undefined;
  readonly #log: Pick<Logger, 'warn'>;
  /** What was wrong when it was last read, so that each trouble is told once. */
  #trouble: string | null = null;

  constructor(path: string | undefined, log: Pick<Logger, 'warn'>) {
    this.#path = path;
    this.#log = log;
  }

  /** The token as it lies there now, synchronously: it is small and in memory. Empty when there is none that can be used. */
  read(): string {
    if (this.#path === undefined) return '';
    try {
      const token = readFileSync(this.#path, 'utf8').trim();
      if (token.length > MAX_TOKEN_BYTES || !TOKEN.test(token)) throw new Error('it does not hold a token');
      this.#trouble = null;
      return token;
    } catch (err) {
      const { message } = err as Error;
      if (message !== this.#trouble)
        this.#log.warn({ file: this.#path, reason: message }, 'there is no service-account token to show');
      this.#trouble = message;
      return '';
    }
  }
}
