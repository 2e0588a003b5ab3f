// The test config of a replay: inline, as an object or as JSON, or the name of one that the control plane keeps. Pure.
import { checkTestConfig, problemSentence } from '@echoplane/analyzer';
import type { TestConfig } from '@echoplane/traffic';

const NAME = /^[a-z0-9]([a-z0-9.-]{0,98}[a-z0-9])?$/;
const EXAMPLE = 'such as {"goals":{"successRate":0.99},"load":{"users":8}}';

export type WrittenTestConfig = { config: TestConfig } | { name: string } | { problem: string };

/** Reads `spec.testConfig`; nothing means the defaults. */
export function testConfigOf(value: unknown): WrittenTestConfig {
  if (typeof value !== 'string') return inline(value ?? {});
  const json = jsonOf(value);
  if (json !== undefined) return inline(json);
  if (NAME.test(value)) return { name: value };
  return {
    problem: `testConfig: neither JSON nor a name of lower case letters, digits, - and .; write it inline, ${EXAMPLE}`,
  };
}

function inline(value: unknown): WrittenTestConfig {
  const checked = checkTestConfig(value);
  if ('config' in checked) return checked;
  const problems = checked.problems.map(({ path, message }) => ({
    path: path === '' ? 'testConfig' : `testConfig.${path}`,
    message,
  }));
  return { problem: problemSentence(problems) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
