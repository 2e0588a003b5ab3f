// What is said of an artifact that cannot be used: which record, which field, why.
import { OperatingError } from '@echoplane/runtime';
import { z } from 'zod';

/** The first problem of a record: its field and what is wrong with it. */
export function recordProblem(cause: unknown): string {
  if (!(cause instanceof z.ZodError)) return (cause as Error).message;
  const issue = cause.issues[0]!;
  return `${issue.path.join('.') || 'the record'}: ${issue.message}`;
}

/** Throws OperatingError. */
export function unreadable(path: string, cause: unknown): never {
  const sentence = `${path} cannot be read: ${(cause as Error).message}.`;
  throw new OperatingError('artifact_unreadable', sentence, { cause });
}
