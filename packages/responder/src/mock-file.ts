// Reads `mocks.jsonl` whole: the index holds every mock anyway.
import { readFile } from 'node:fs/promises';
import { OperatingError } from '@echoplane/runtime';
import { Mock } from '@echoplane/traffic';
import { z } from 'zod';

const LF = 0x0a;

/** The mocks of a snapshot, in the file's order. Throws OperatingError naming the line that is no mock. */
export async function readMocks(path: string): Promise<Mock[]> {
  const file = await readFile(path).catch((cause) => {
    throw new OperatingError('artifact_unreadable', `${path} cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  });
  const mocks: Mock[] = [];
  let number = 0;
  for (let at = 0; at < file.length; ) {
    // Cut by hand: node:readline also splits at U+2028, which JSON text may hold unescaped.
    const end = file.indexOf(LF, at);
    const line = file.subarray(at, end < 0 ? file.length : end).toString();
    number++;
    at = end < 0 ? file.length : end + 1;
    if (line.trim() !== '') mocks.push(parseMock(line, number, path));
  }
  return mocks;
}

function parseMock(line: string, number: number, path: string): Mock {
  try {
    return Mock.parse(JSON.parse(line));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0]! : null;
    const reason = issue
      ? `${issue.path.join('.') || 'the record'}: ${issue.message}`
      : (cause as Error).message;
    throw new OperatingError('bad_artifact', `Line ${number} of ${path} is not a mock: ${reason}.`, {
      cause,
    });
  }
}
