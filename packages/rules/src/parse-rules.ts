// Reading rules documents, as text from a file or as a value from the control plane. All that can be wrong is found here,
// expressions and patterns included: what passes can be put in force without a further error.
import { RE2JS } from 're2js';
import { z } from 'zod';
import { compileExpression } from './filter-language/compile.ts';
import { FilterError } from './filter-language/filter-error.ts';
import { JsonTextError, type Place, parseJsonText } from './json-text.ts';
import { RulesDocument } from './rules-document.ts';

/** Characters of a rules document. */
const MAX_LENGTH = 4 << 20;
/** Problems that are told at once. */
const MAX_PROBLEMS = 20;

export interface RulesProblem {
  /** `filter.rules[0].when`; empty for the document itself. */
  path: string;
  /** In the text, when there was one. */
  place: Place | null;
  message: string;
}

/** A rules document that cannot be put in force: every problem, one a line. */
export class RulesError extends Error {
  readonly code: 'rules_not_json' | 'rules_not_valid';
  readonly problems: readonly RulesProblem[];

  constructor(code: RulesError['code'], problems: readonly RulesProblem[]) {
    super(problems.map(sentenceOf).join('\n'));
    this.code = code;
    this.problems = problems;
  }
}

/** The document in a JSON text. Throws RulesError. */
export function parseRules(text: string): RulesDocument {
  if (text.length > MAX_LENGTH)
    throw new RulesError('rules_not_json', [
      { path: '', place: null, message: `longer than ${MAX_LENGTH} characters; remove some rules` },
    ]);
  let json: ReturnType<typeof parseJsonText>;
  try {
    json = parseJsonText(text);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    throw new RulesError('rules_not_json', [{ path: '', place: error.place, message: error.message }]);
  }
  return checkRules(json.value, json.placeOf);
}

/** The document in a parsed value. `placeOf`: where in its text a path is. Throws RulesError. */
export function checkRules(
  value: unknown,
  placeOf: (path: readonly PropertyKey[]) => Place | null = () => null,
): RulesDocument {
  const parsed = RulesDocument.safeParse(value);
  const found = parsed.success
    ? problemsOf(parsed.data)
    : parsed.error.issues.map((issue) => ({ path: issue.path, message: messageOf(issue) }));
  if (parsed.success && found.length === 0) return parsed.data;
  const problems = found
    .slice(0, MAX_PROBLEMS)
    .map(({ path, message }) => ({ path: nameOf(path), place: placeOf(path), message }));
  throw new RulesError('rules_not_valid', problems);
}

/** The JSON schema of a rules document, for editors. */
export function rulesSchema(): object {
  return z.toJSONSchema(RulesDocument, { io: 'input' });
}

type Found = { path: PropertyKey[]; message: string };

/** What the shapes do not say. */
function problemsOf({ filter, fold, redaction }: RulesDocument): Found[] {
  const found: Found[] = [];
  const check = (path: PropertyKey[], test: () => unknown) => {
    try {
      test();
    } catch (error) {
      found.push({ path, message: whyNot(error) });
    }
  };
  filter.rules.forEach((rule, i) => {
    check(['filter', 'rules', i, 'when'], () => compileExpression(rule.when));
    if (rule.action === 'sample' && rule.share === undefined)
      found.push({ path: ['filter', 'rules', i], message: 'sample needs a share, 0 to 1; add it' });
    if (rule.action !== 'sample' && rule.share !== undefined)
      found.push({ path: ['filter', 'rules', i, 'share'], message: 'only sample has a share; remove it' });
  });
  found.push(...repeatedNames(filter.rules, ['filter', 'rules']));
  if (fold.never !== undefined) check(['fold', 'never'], () => compileExpression(fold.never!));
  redaction.patterns.forEach(({ pattern }, i) => {
    check(['redaction', 'patterns', i, 'pattern'], () => RE2JS.compile(pattern));
  });
  redaction.chains.forEach(({ when }, i) => {
    if (when !== undefined) check(['redaction', 'chains', i, 'when'], () => compileExpression(when));
  });
  found.push(...repeatedNames(redaction.patterns, ['redaction', 'patterns']));
  found.push(...repeatedNames(redaction.chains, ['redaction', 'chains']));
  return found;
}

function repeatedNames(items: readonly { name: string }[], path: readonly string[]): Found[] {
  const seen = new Set<string>();
  const found: Found[] = [];
  for (const [i, { name }] of items.entries()) {
    if (seen.has(name))
      found.push({ path: [...path, i, 'name'], message: `there are two called ${name}; rename one` });
    seen.add(name);
  }
  return found;
}

function whyNot(error: unknown): string {
  if (error instanceof FilterError) return `in the expression, ${error.message}`;
  const reason = (error as Error).message.replace('error parsing regexp: ', '');
  return `not a valid RE2 pattern (${reason}); there is no look-around and no back-reference`;
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `there is no ${issue.keys.join(', ')} here; remove it, or correct its name`;
  return issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
}

function nameOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (name, part) =>
      typeof part === 'number' ? `${name}[${part}]` : name === '' ? String(part) : `${name}.${String(part)}`,
    '',
  );
}

function sentenceOf({ path, place, message }: RulesProblem): string {
  const where = place ? `line ${place.line}, column ${place.column}: ` : '';
  return `${where}${path === '' ? '' : `${path}: `}${message}`;
}
