// Reads `mocks.jsonl` into memory: the index holds every mock anyway.
import { open } from 'node:fs/promises';
import { linesOf, OperatingError } from '@echoplane/runtime';
import { Mock } from '@echoplane/traffic';
import { z } from 'zod';

/** The mocks of a snapshot, in the file's order. Throws OperatingError naming the line that is no mock. */
export async function readMocks(path: string): Promise<Mock[]> {
  const file = await open(path).catch((cause: Error) => {
    throw new OperatingError('artifact_unreadable', `${path} cannot be read: ${cause.message}.`, { cause });
  });
  try {
    const mocks: Mock[] = [];
    for await (const { bytes, number } of linesOf(file))
      mocks.push(parseMock(bytes.toString(), number, path));
    return mocks;
  } finally {
    await file.close();
  }
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
