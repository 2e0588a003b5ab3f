// The redactor of the recording, when its key is known: by it live answers are compared as the recorded ones were stored.
import { readFile } from 'node:fs/promises';
import {
  compileExpression,
  defaultRules,
  exprViewOf,
  parseRules,
  Redactor,
  type RulesDocument,
} from '@echoplane/rules';
import { OperatingError, readRedactionKey } from '@echoplane/runtime';

export interface RedactionFiles {
  redactionKeyFile?: string | undefined;
  /** Without it the default rules redact. */
  rulesFile?: string | undefined;
}

/** Null without a key. Throws OperatingError when a file cannot be used. */
export async function openRedactor({
  redactionKeyFile,
  rulesFile,
}: RedactionFiles): Promise<Redactor | null> {
  if (redactionKeyFile === undefined) return null;
  const key = await readRedactionKey(redactionKeyFile);
  const rules = await readRules(rulesFile);
  return new Redactor({
    ...{ rules: rules.redaction, version: rules.version, key },
    compile: (expression) => {
      const compiled = compileExpression(expression);
      return (pair) => compiled.test(exprViewOf(pair));
    },
  });
}

async function readRules(path: string | undefined): Promise<RulesDocument> {
  if (path === undefined) return defaultRules();
  try {
    return parseRules(await readFile(path, 'utf8'));
  } catch (cause) {
    const sentence = `${path} is not a rules document: ${(cause as Error).message}.`;
    throw new OperatingError('rules_unreadable', sentence, { cause });
  }
}
