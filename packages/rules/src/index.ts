// What may leave the cluster: the filter language, filter rules, folding, redaction. Apart from `traffic`, so that the
// sidecar, which needs none of it, loads none of its libraries.
export * from './filter-language/compile.ts';
export { FIELDS, FUNCTIONS } from './filter-language/fields.ts';
export { FilterError, type FilterErrorCode } from './filter-language/filter-error.ts';
export * from './filter-language/index-part.ts';
export * from './filter-language/shorthand.ts';
export * from './filter-language/test-view.ts';
export * from './filter-language/view.ts';
export * from './fold.ts';
export * from './linear-pattern.ts';
export * from './parse-rules.ts';
export * from './redaction/finding.ts';
export * from './redaction/redact-answer.ts';
export * from './redaction/redact-request.ts';
export * from './redaction/redactor.ts';
export * from './redaction/restore.ts';
export { RuleError } from './redaction/rule-error.ts';
export { DETECTOR_VERSION } from './redaction/scan.ts';
export * from './redaction/token-minter.ts';
export * from './rule-set.ts';
export * from './rules-document.ts';
export { STANDARD_RULES, type StandardRule } from './standard-rules.ts';
export * from './weakening.ts';
