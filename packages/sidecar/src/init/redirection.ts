// Putting the rules in place with what works here, and taking them away wherever they are. Either all rules of a family
// are there afterwards, or none of ours.
import type { Backend, BackendName } from './backend.ts';
import { iptables } from './iptables.ts';
import { nft } from './nft.ts';
import type { Family, Rule } from './rules.ts';
import { ToolError } from './tool.ts';

const BOTH: readonly Family[] = [4, 6];
/** nft first: it leaves the tables of others alone, replaces both families at once, and can be undone without a trace. */
const BACKENDS: readonly Backend[] = [nft, iptables('nft'), iptables('legacy')];

export interface Applied {
  readonly backend: BackendName;
  readonly families: readonly Family[];
  /** Why what was preferred did not work, one sentence each. */
  readonly problems: readonly string[];
}

/** None of the backends could write the rules; none of ours is there. */
export class RedirectionError extends Error {}

/** Applies the rules by the first backend that can, IPv4 alone where IPv6 cannot be. Throws RedirectionError. */
export async function applyRules(
  rules: readonly Rule[],
  options: { backend: BackendName | 'auto'; ipv6: boolean },
): Promise<Applied> {
  const problems: string[] = [];
  const choices: (readonly Family[])[] = options.ipv6 ? [BOTH, [4]] : [[4]];
  for (const backend of BACKENDS) {
    if (options.backend !== 'auto' && options.backend !== backend.name) continue;
    for (const families of choices) {
      const problem = await attempt(backend, rules, families);
      if (problem === null) {
        problems.push(...(await removeRules(backend, families)).problems);
        return { backend: backend.name, families, problems };
      }
      problems.push(problem);
    }
  }
  problems.push(...(await removeRules()).problems);
  throw new RedirectionError([...new Set(problems)].join('\n'));
}

/** Takes our rules away from every backend, but for what `kept` holds for its families. Problems: where we cannot tell. */
export async function removeRules(
  kept?: Backend,
  keptFamilies: readonly Family[] = [],
): Promise<{ removed: BackendName[]; problems: string[] }> {
  const removed: BackendName[] = [];
  const problems: string[] = [];
  for (const backend of BACKENDS) {
    const families = BOTH.filter((family) => backend !== kept || !keptFamilies.includes(family));
    try {
      if (await backend.remove(families)) removed.push(backend.name);
    } catch (err) {
      // What this machine does not have holds no rules of ours.
      if (!(err instanceof ToolError)) throw err;
      if (!err.unsupported) problems.push(err.message);
    }
  }
  return { removed, problems };
}

async function attempt(
  backend: Backend,
  rules: readonly Rule[],
  families: readonly Family[],
): Promise<string | null> {
  try {
    await backend.apply(rules, families);
    return null;
  } catch (err) {
    if (!(err instanceof ToolError)) throw err;
    return err.message;
  }
}
