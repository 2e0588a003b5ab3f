// A test config from a file, checked before anything is run with it.
import { readFile } from 'node:fs/promises';
import { checkTestConfig, problemSentence } from '@echoplane/analyzer';
import { OperatingError } from '@echoplane/runtime';
import type { TestConfig } from '@echoplane/traffic';

/** Throws OperatingError with every problem, each with its field and, in an expression, its column. */
export async function readTestConfig(file: string): Promise<TestConfig> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    const { code } = cause as NodeJS.ErrnoException;
    throw new OperatingError('no_config', `${file} cannot be read (${code}).`, { cause });
  });
  const checked = checkTestConfig(jsonOf(text, file));
  if ('config' in checked) return checked.config;
  throw new OperatingError('bad_config', `${file} is no test config: ${problemSentence(checked.problems)}`);
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OperatingError('bad_config', `${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
