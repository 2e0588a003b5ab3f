// `matches`: RE2 patterns, compiled once, in time linear in the text. Patterns are literals, so that a bad or huge one is
// refused when the rule is written. V8's backtracking expressions are never given text of the traffic or of users.
import type { ASTNode } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { LIMITS, spend } from './cost.ts';
import { FilterError } from './filter-error.ts';
import type { Compiling, Run } from './leaves.ts';
import { FAIL } from './values.ts';

/** The closure of `text.matches(pattern)`. Throws FilterError for a pattern that cannot be used. */
export function compilePattern(text: Run, pattern: ASTNode, at: Compiling): Run {
  const source = pattern.op === 'value' ? pattern.args : undefined;
  if (typeof source !== 'string')
    throw new FilterError('unsupported', 'a pattern must be a text in quotes', at.source, pattern.start);
  const compiled = compile(source, (reason) => new FilterError('pattern', reason, at.source, pattern.start));
  // At worst RE2 takes steps in proportion to text × program.
  const costPerCharacter = 2 + Math.ceil(compiled.programSize() / 16);
  return (scope) => {
    const value = text(scope);
    if (typeof value !== 'string') return FAIL;
    spend(scope, (value.length + 1) * costPerCharacter);
    return compiled.test(value);
  };
}

function compile(source: string, refuse: (reason: string) => FilterError): RE2JS {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (error) {
    const why = (error as Error).message.replace('error parsing regexp: ', '');
    throw refuse(`this pattern is not valid RE2: ${why}; there is no look-around and no back-reference`);
  }
  if (compiled.programSize() > LIMITS.patternSize)
    throw refuse('this pattern is too large; use smaller counts in {…}');
  return compiled;
}
