// Redaction of what collectors saw and of logs that an inspector read, by the rules that hold for traffic: every text but
// the names of Kubernetes objects. What cannot be redacted is lost and counted, never sent as it was.
import { MAX_LOG_LINE_BYTES, type Observation } from '@echoplane/api';
import { compileExpression, exprViewOf, Redactor, type RulesDocument } from '@echoplane/rules';

export interface RulesInForce {
  readonly current: { readonly document: RulesDocument };
}

export class ObservationRedactor {
  readonly #rules: RulesInForce;
  readonly #key: Uint8Array;
  #document: RulesDocument | null = null;
  #redactor: Redactor | null = null;
  #lost = 0;

  constructor(rules: RulesInForce, key: Uint8Array) {
    this.#rules = rules;
    this.#key = key;
  }

  /** Observations and logs that redaction failed on. */
  get lost(): number {
    return this.#lost;
  }

  /** A copy that may leave; null when it cannot be redacted. */
  redact(seen: Observation): Observation | null {
    try {
      if (seen.kind === 'log') return { ...seen, line: this.#text(seen.line) };
      if (seen.kind === 'metric') return seen;
      return { ...seen, message: this.#text(seen.message) };
    } catch {
      this.#lost++;
      return null;
    }
  }

  /** A log that may leave, line by line: each may be a document of its own. Null when it cannot be redacted. */
  redactLog(text: string): string | null {
    try {
      return text
        .split('\n')
        .map((line) => (line === '' ? '' : this.#text(line)))
        .join('\n');
    } catch {
      this.#lost++;
      return null;
    }
  }

  #text(text: string): string {
    // Tokens may be longer than what they stand for.
    return this.#current().text(text, 'text/plain').slice(0, MAX_LOG_LINE_BYTES);
  }

  /** By identity: a file may be edited without a new version. */
  #current(): Redactor {
    const { document } = this.#rules.current;
    if (this.#redactor && document === this.#document) return this.#redactor;
    const { redaction: rules, version } = document;
    const compile = (expression: string) => {
      const compiled = compileExpression(expression);
      return (pair: Parameters<typeof exprViewOf>[0]) => compiled.test(exprViewOf(pair));
    };
    this.#redactor = new Redactor({ rules, version, key: this.#key, compile });
    this.#document = document;
    return this.#redactor;
  }
}
