// What in a rules document lets more through than the default redaction does: what a forwarder need not take from outside.
import type { RedactionRules } from './rules-document.ts';

/** The parts of redaction rules that weaken it, in words; none when they only add to it. */
export function weakeningsOf(rules: RedactionRules): string[] {
  const { enabled, keysExcept, detectorsOff, chains } = rules;
  const kept = chains.filter(({ action }) => action === 'keep').map(({ name }) => name);
  const named = (what: string, names: readonly string[]) =>
    names.length > 0 ? [`${what} (${names.slice(0, 10).join(', ')})`] : [];
  return [
    ...(enabled ? [] : ['redaction switched off']),
    ...named('detectorsOff', detectorsOff),
    ...named('keysExcept', keysExcept),
    ...named('chains that keep', kept),
  ];
}
