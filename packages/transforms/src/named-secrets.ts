// Which secrets a document names, so that whoever runs it can say beforehand which of them nobody gave. It must not know their
// values.
import type { TransformsDocument } from './document.ts';

const NAMED = /\$\{\{secret:([^/{}]+\/[^{}]+)\}\}/g;

/** `name/key` of every secret in chains that are switched on and in variables, each once, sorted. */
export function namedSecrets({ chains, variables }: TransformsDocument): string[] {
  const text = JSON.stringify([chains.filter(({ active }) => active), variables]);
  return [...new Set(Array.from(text.matchAll(NAMED), ([, name]) => name!))].sort();
}
