// What is said about a rule that cannot be used: which one, and what to write instead.

/** A rules document that cannot be compiled; `path` names the rule: `redaction.patterns[2]`. */
export class RuleError extends Error {
  readonly code: string;
  readonly path: string;
  constructor(code: string, path: string, message: string, options?: ErrorOptions) {
    super(`${path}: ${message}`, options);
    this.name = 'RuleError';
    this.code = code;
    this.path = path;
  }
}
