// One frame through the guard: secretlint's rules over all its texts, our own table value by value. What comes out are
// rule names and ids of RRPairs, never a value.

import type { RedactionRules, SecretKind } from '@echoplane/rules';
import { lintSource } from '@secretlint/core';
import { rules as presetRules } from '@secretlint/secretlint-rule-preset-recommend';
import { GUARD_RULES, isInPlace } from './guard-rules.ts';
import { type GuardedValue, guardedValues } from './guard-text.ts';

/** What the rules that redact leave alone on purpose, so that the guard says nothing of it. */
export type Expectations = Pick<RedactionRules, 'enabled' | 'detectorsOff' | 'keysExcept'>;

export interface GuardFinding {
  /** Ours as they are named, secretlint's as `secretlint-aws`. */
  rule: string;
  /** Of the RRPair. */
  id: string;
}

const PREFIX = '@secretlint/secretlint-rule-';
/** It lets text that it scans switch rules off. */
const COMMENTS = `${PREFIX}filter-comments`;
const RULES = presetRules
  .filter(({ meta }) => meta.id !== COMMENTS)
  .map((rule) => ({ id: rule.meta.id, rule }));
/** Enough to tell; a frame that leaks everywhere needs no longer list. */
const MAX_FINDINGS = 1_000;

/** Everything found in a frame's NDJSON, each rule once for each RRPair. */
export async function scanFrame(ndjson: string, expected: Expectations): Promise<GuardFinding[]> {
  if (!expected.enabled) return [];
  const values = guardedValues(ndjson);
  const found = new Map<string, GuardFinding>();
  const note = (finding: GuardFinding) => {
    if (found.size < MAX_FINDINGS) found.set(`${finding.rule} ${finding.id}`, finding);
  };
  for (const finding of await bySecretlint(values, expected)) note(finding);
  const isOff = (kind: SecretKind) => expected.detectorsOff.includes(kind);
  const except = new Set(expected.keysExcept.map(plainName));
  const rules = GUARD_RULES.filter(({ kind }) => !isOff(kind));
  for (const value of values) {
    for (const rule of rules) {
      const isExcepted = rule.name === 'named-secret' && except.has(plainName(value.name));
      if (!isExcepted && rule.finds(value)) note({ rule: rule.name, id: value.id });
    }
  }
  return [...found.values()];
}

async function bySecretlint(
  values: readonly GuardedValue[],
  expected: Expectations,
): Promise<GuardFinding[]> {
  const isOff = (id: string) =>
    expected.detectorsOff.includes(id.endsWith('-privatekey') ? 'private-key' : 'secret');
  const rules = RULES.filter(({ id }) => !isOff(id));
  if (rules.length === 0) return [];
  const ends: number[] = [];
  let content = '';
  for (const { name, value } of values) {
    content += name === '' ? `${value}\n` : `${name}=${value}\n`;
    ends.push(content.length);
  }
  const source = { filePath: 'frame.txt', content, ext: '.txt', contentType: 'text' as const };
  const { messages } = await lintSource({ source, options: { config: { rules }, noPhysicFilePath: true } });
  return messages
    .filter(({ range }) => !isInPlace(content.slice(...range)))
    .map(({ ruleId, range }) => ({
      rule: `secretlint-${ruleId.replace(PREFIX, '')}`,
      id: values[indexOfEnd(ends, range[0])]?.id ?? '',
    }));
}

/** Which value holds the character at `at`: the first whose end is behind it. */
function indexOfEnd(ends: readonly number[], at: number): number {
  let [low, high] = [0, ends.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}
