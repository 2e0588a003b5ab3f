// The patterns users give: RE2, so that none of them takes more than linear time. What one matches becomes a token; what is
// a token already is left alone.

import { MIN_BASE64_LENGTH, openBase64, TOKEN_DOMAIN } from '@echoplane/traffic';
import { RE2JS } from 're2js';
import type { RedactionRules } from '../rules-document.ts';
import type { Inspection } from './inspection.ts';
import { RuleError } from './rule-error.ts';
import { Splice } from './splice.ts';
import { TOKEN_PREFIX } from './token-shape.ts';

/** Tokens, JWTs whose signature is one, and runs that may be an encoded text, which was opened on its own. */
const SETTLED = new RegExp(
  `(?:[\\w-]+\\.[\\w-]*\\.)?${TOKEN_PREFIX}[a-z0-9]*|u-[a-z0-9]{12}@${TOKEN_DOMAIN}|[\\w+/-]{${MIN_BASE64_LENGTH},}={0,2}`,
  'g',
);

export class Patterns {
  readonly isEmpty: boolean;
  readonly #patterns: readonly { rule: string; compiled: RE2JS }[];

  /** Throws a RuleError that names the pattern which is none. */
  constructor(patterns: RedactionRules['patterns']) {
    this.isEmpty = patterns.length === 0;
    this.#patterns = patterns.map(({ name, pattern }, index) => {
      try {
        return { rule: `pattern:${name}`, compiled: RE2JS.compile(pattern) };
      } catch (error) {
        throw new RuleError(
          'bad-pattern',
          `redaction.patterns[${index}]`,
          `pattern "${name}" is not RE2 syntax (${(error as Error).message}); look-around and back-references are not part of it`,
          { cause: error },
        );
      }
    });
  }

  /** The text with everything that the patterns match replaced. */
  replace(text: string, inspection: Inspection): string {
    let replaced = text;
    for (const pattern of this.#patterns) replaced = replaceOne(replaced, pattern, inspection);
    return replaced;
  }
}

function replaceOne(
  text: string,
  { rule, compiled }: { rule: string; compiled: RE2JS },
  inspection: Inspection,
): string {
  const matcher = compiled.matcher(text);
  const splice = new Splice(text);
  let settled: (readonly [number, number])[] | null = null;
  while (matcher.find()) {
    const start = matcher.start();
    const end = matcher.end();
    if (end === start) continue;
    settled ??= settledIn(text);
    if (settled.some(([from, to]) => start < to && end > from)) continue;
    splice.put(start, end, inspection.mint('pattern', text.slice(start, end), rule));
  }
  return splice.done();
}

function settledIn(text: string): (readonly [number, number])[] {
  return Array.from(text.matchAll(SETTLED))
    .filter(([run]) => run.includes(TOKEN_PREFIX) || run.endsWith(TOKEN_DOMAIN) || openBase64(run) !== null)
    .map(({ 0: run, index }) => [index, index + run.length] as const);
}
