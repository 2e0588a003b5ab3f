// What is said about transforms that cannot be used: which one, and what to write instead. It never holds a secret: it is
// made from the document, before any value is resolved.

export type TransformErrorCode = 'bad-document' | 'bad-chain' | 'bad-template';

/** Transforms that cannot be compiled; `problems` names each place, `chains[2].functions[0]: …`. */
export class TransformError extends Error {
  readonly code: TransformErrorCode;
  readonly problems: readonly string[];
  constructor(code: TransformErrorCode, problems: readonly string[]) {
    super(`the transforms cannot be used: ${problems.join('; ')}`);
    this.name = 'TransformError';
    this.code = code;
    this.problems = problems;
  }
}
