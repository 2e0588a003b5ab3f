// Reads the transforms document of a snapshot. It must not know what the chains do.
import { readFile } from 'node:fs/promises';
import { OperatingError } from '@echoplane/runtime';
import { parseTransforms, type TransformsDocument } from '@echoplane/transforms';

/** Of `path`; null when there is none. Throws OperatingError when it cannot be read or is not one. */
export async function readTransforms(path: string | undefined): Promise<TransformsDocument | null> {
  if (path === undefined) return null;
  try {
    return parseTransforms(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    const sentence = `${path} is not a transforms document: ${(cause as Error).message}.`;
    throw new OperatingError('transforms_unreadable', sentence, { cause });
  }
}
