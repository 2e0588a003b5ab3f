// What is asked of an answer, as the comparison reads it: made from the assertions of a test config. Pure.
import type { Assertion } from '@echoplane/traffic';

export interface BodyRules {
  /** Leaf patterns that are not compared; a pattern also covers everything below it. */
  ignore: readonly string[];
  /** Leaf patterns that alone are compared; empty: all. */
  only: readonly string[];
  /** Arrays whose order means nothing, as patterns. */
  unordered: readonly string[];
  /** Whether fields may appear that were not recorded. */
  allowNew: boolean;
  /** By how much numbers may differ, as a share of the recorded one. */
  tolerance: number;
}

export interface CompareRules {
  status: boolean;
  /** Names in lower case, or all that mean something. */
  headers: boolean | readonly string[];
  cookies: boolean;
  /** By value; null: not asked. */
  body: BodyRules | null;
  /** Types and presence of fields only; null: not asked. */
  schema: { ignore: readonly string[] } | null;
}

const STRICT_BODY: BodyRules = { ignore: [], only: [], unordered: [], allowNew: false, tolerance: 0 };

/** Status, headers, cookies and body, strictly: what is asked when nothing is said. */
export const STRICT: CompareRules = {
  status: true,
  headers: true,
  cookies: true,
  body: STRICT_BODY,
  schema: null,
};

/** The rules of a test: those assertions whose `when` holds for it, taken together. `expect` is judged elsewhere. */
export function rulesFor(
  assertions: readonly Assertion[] | undefined,
  holds: (when: string | undefined) => boolean,
): CompareRules {
  if (!assertions || assertions.length === 0) return STRICT;
  let rules: CompareRules = { status: false, headers: false, cookies: false, body: null, schema: null };
  for (const assertion of assertions) if (holds(assertion.when)) rules = withAssertion(rules, assertion);
  return rules;
}

function withAssertion(rules: CompareRules, assertion: Assertion): CompareRules {
  switch (assertion.type) {
    case 'status':
      return { ...rules, status: true };
    case 'cookies':
      return { ...rules, cookies: true };
    case 'headers':
      return { ...rules, headers: joinHeaders(rules.headers, assertion.names) };
    case 'body':
      return { ...rules, body: joinBody(rules.body, assertion) };
    case 'schema':
      return { ...rules, schema: { ignore: [...(rules.schema?.ignore ?? []), ...(assertion.ignore ?? [])] } };
    case 'expect':
      return rules;
  }
}

function joinHeaders(
  asked: CompareRules['headers'],
  names: readonly string[] | undefined,
): CompareRules['headers'] {
  if (!names || asked === true) return true;
  return [...(asked === false ? [] : asked), ...names.map((name) => name.toLowerCase())];
}

function joinBody(asked: BodyRules | null, more: Extract<Assertion, { type: 'body' }>): BodyRules {
  const before = asked ?? STRICT_BODY;
  return {
    ignore: [...before.ignore, ...(more.ignore ?? [])],
    only: [...before.only, ...(more.only ?? [])],
    unordered: [...before.unordered, ...(more.unordered ?? [])],
    allowNew: before.allowNew || (more.allowNew ?? false),
    tolerance: Math.max(before.tolerance, more.tolerance ?? 0),
  };
}
