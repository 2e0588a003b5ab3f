// What the chains of a replay found, by those who ran them: the generator counts, the responder writes it on each pair. Pure.
import { type ChainCount, type GeneratorRun, type RRPair, TAG } from '@echoplane/traffic';

/** Of ids that a pair may claim; a document of transforms has fewer. */
const MAX_CHAINS = 2_000;
const MAX_NAMED = 10;

type Counts = Record<string, ChainCount>;

/** Adds what a pair of the responder says: ids of chains, those with `!` found nothing. */
export function countChains(into: Counts, pair: RRPair): void {
  const said = pair.tags[TAG.chains];
  if (said === undefined) return;
  for (const word of said.split(',')) {
    const isMissed = word.startsWith('!');
    const id = isMissed ? word.slice(1) : word;
    if (!Object.hasOwn(into, id) && Object.keys(into).length >= MAX_CHAINS) continue;
    const counted = Object.hasOwn(into, id) ? into[id]! : { found: 0, missed: 0 };
    counted[isMissed ? 'missed' : 'found']++;
    into[id] = counted;
  }
}

/** Those of generator and responder; undefined when there were none. */
export function chainsOf(run: GeneratorRun, outbound: Readonly<Counts>): Counts | undefined {
  const all = { ...run.chains, ...outbound };
  return Object.keys(all).length === 0 ? undefined : all;
}

/** A sentence on each chain that never found what it works on. */
export function chainNotes(chains: Readonly<Counts> | undefined, sent: number): string[] {
  if (sent === 0) return [];
  const idle = Object.entries(chains ?? {}).filter(([, { found }]) => found === 0);
  const notes = idle
    .slice(0, MAX_NAMED)
    .map(([id, { missed }]) =>
      missed === 0
        ? `The chain ${id} had nothing to do: its condition held for no message.`
        : `The chain ${id} found nothing to work on in any of ${missed} messages: look at its extractor, or switch it off.`,
    );
  return idle.length <= MAX_NAMED
    ? notes
    : [...notes, `${idle.length - MAX_NAMED} more chains found nothing to work on.`];
}
