// Reads the transforms documents that a run is given. It must not know what their chains do, or where their values come from.
import { readFile } from 'node:fs/promises';
import { OperatingError } from '@echoplane/runtime';
import {
  type CompiledTransforms,
  compileTransforms,
  dataProblems,
  joinDocuments,
  namedSecrets,
  parseTransforms,
  type TransformsDocument,
} from '@echoplane/transforms';
import { ONE_TARGET } from './test-transforms.ts';

export interface ReadTransforms {
  compiled: CompiledTransforms;
  /** `name/key` of every secret they name. */
  secrets: string[];
  /** What of the data sets they name cannot be used. `read`: the text of one. */
  dataProblems(read: (name: string) => string | undefined): string[];
}

/** The documents, the first of them first: of chains with the same id it counts. Throws OperatingError. */
export async function readTransforms(paths: readonly string[]): Promise<ReadTransforms> {
  const documents = await Promise.all(paths.map(readDocument));
  return usable(paths.join(', '), () => {
    const document = joinDocuments(documents);
    refuseOtherTargets(document.chains);
    return {
      compiled: compileTransforms(document),
      secrets: namedSecrets(document),
      dataProblems: (read) => dataProblems(document, ['generator-request', 'generator-response'], read),
    };
  });
}

/** Extractors of where a request is sent, and the functions that leave it as it is. */
const WHERE: ReadonlySet<string> = new Set(['scheme', 'host', 'port']);
const READING: ReadonlySet<string> = new Set(['var-store', 'smart-replace-csv', 'tag-session', 'sleep']);

function refuseOtherTargets(chains: TransformsDocument['chains']): void {
  for (const { id, at, extract, functions, active } of chains) {
    if (at !== 'generator-request' || !active || !WHERE.has(extract.name)) continue;
    if (!functions.every(({ name }) => READING.has(name)))
      throw new Error(`chain ${id} changes the ${extract.name} of requests, but ${ONE_TARGET}.`);
  }
}

async function readDocument(path: string) {
  const text = await readFile(path, 'utf8').catch((cause) => {
    const sentence = `${path} cannot be read: ${(cause as Error).message}.`;
    throw new OperatingError('transforms_unreadable', sentence, { cause });
  });
  return usable(path, () => parseTransforms(JSON.parse(text)));
}

function usable<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    const sentence = `${path} holds no transforms that can be used: ${(cause as Error).message}`;
    throw new OperatingError('bad_transforms', sentence, { cause });
  }
}
