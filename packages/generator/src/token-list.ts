// `tokens.json`: the recorded values that are replaced by live ones. It must not know how.
import { readFile } from 'node:fs/promises';
import { OperatingError } from '@echoplane/runtime';
import { Token } from '@echoplane/traffic';
import { z } from 'zod';
import { recordProblem, unreadable } from './bad-artifact.ts';

/** Recorded values of the tokens that are switched on and belong to no flow, by id. Takes a JSON array or one token a line. */
export async function readTokens(path: string): Promise<ReadonlyMap<string, string>> {
  const bytes = await readFile(path).catch((cause) => unreadable(path, cause));
  const tokens = parseTokens(bytes.toString().trim(), path);
  const own = tokens.filter(({ enabled, flow }) => enabled && flow === undefined);
  return new Map(own.map(({ id, value }) => [id, value]));
}

function parseTokens(text: string, path: string): Token[] {
  const lines = () => text.split('\n').filter((line) => line.trim() !== '');
  try {
    const records = text.startsWith('[') ? JSON.parse(text) : lines().map((line) => JSON.parse(line));
    return z.array(Token).parse(records);
  } catch (cause) {
    const sentence = `${path} does not hold the tokens of a snapshot: ${recordProblem(cause)}.`;
    throw new OperatingError('bad_artifact', sentence, { cause });
  }
}
