// The rules as iptables-restore reads them: chains of our own in the nat table and one jump to each, one transaction for
// each family. Two kinds look alike: `nft` (iptables over nf_tables) and `legacy` (the old kernel interface).
import { readFile } from 'node:fs/promises';
import type { Backend } from './backend.ts';
import { type Family, type Rule, rulesOf } from './rules.ts';
import { runTool, ToolError } from './tool.ts';

type Kind = 'nft' | 'legacy';
type BaseChain = 'PREROUTING' | 'OUTPUT';

const CHAIN = { inbound: 'ECHOPLANE_INBOUND', outbound: 'ECHOPLANE_OUTBOUND' } as const;
const BASE = { inbound: 'PREROUTING', outbound: 'OUTPUT' } as const;
const BASES = Object.values(BASE);
const LOCK_WAIT = ['-w', '5'];
/** Empty chains that remember what iptables over nf_tables had to create beside ours, for `remove` to take it away. */
const MADE_TABLE = 'ECHOPLANE_MADE_TABLE';
const madeBase = (base: BaseChain) => `ECHOPLANE_MADE_${base}`;

/** The lines for iptables-restore --noflush. `saved`: the nat table now, by iptables-save; `made`: markers to leave. */
export function renderIptables(
  rules: readonly Rule[],
  family: Family,
  saved: string,
  made: readonly string[] = [],
): string[] {
  const chains = Object.values(CHAIN);
  return [
    ...[...chains, ...made].map((name) => `:${name} - [0:0]`),
    ...jumpsIn(saved).map((jump) => jump.replace(/^-A/, '-D')),
    ...(['inbound', 'outbound'] as const).flatMap((chain) => [
      ...rulesOf(rules, chain, family).map(renderRule),
      `-A ${BASE[chain]} -j ${CHAIN[chain]}`,
    ]),
  ];
}

/** The lines that take our chains and every jump to them away; null: there are none. */
export function renderRemoval(saved: string): string[] | null {
  const chains = [...saved.matchAll(/^:(ECHOPLANE_\w+) /gm)].map((match) => match[1]!);
  if (chains.length === 0) return null;
  return [
    ...jumpsIn(saved).map((jump) => jump.replace(/^-A/, '-D')),
    ...chains.map((chain) => `-F ${chain}`),
    ...chains.map((chain) => `-X ${chain}`),
  ];
}

/** iptables of one kind. */
export function iptables(kind: Kind): Backend {
  return {
    name: kind === 'nft' ? 'iptables' : 'iptables-legacy',
    async apply(rules, families) {
      for (const family of families) {
        const saved = await save(kind, family);
        const made = kind === 'nft' ? await missing(family) : [];
        await restore(kind, family, saved, renderIptables(rules, family, saved, made));
      }
    },
    async remove(families) {
      let removed = false;
      for (const family of families) {
        // Reading the legacy nat table creates it in this network namespace, for good.
        if (kind === 'legacy' && !(await hasLegacyNat(family))) continue;
        const saved = await save(kind, family);
        const removal = renderRemoval(saved);
        if (removal === null) continue;
        await restore(kind, family, saved, removal);
        if (kind === 'nft') await removeMade(family, saved);
        removed = true;
      }
      return removed;
    },
  };
}

function renderRule(rule: Rule): string {
  const words = ['-A', CHAIN[rule.chain]];
  if (rule.loopback) words.push(rule.chain === 'inbound' ? '-i' : '-o', 'lo');
  if (rule.uid !== undefined) words.push('-m', 'owner', '--uid-owner', `${rule.uid}`);
  if (rule.gid !== undefined) words.push('-m', 'owner', '--gid-owner', `${rule.gid}`);
  if (rule.source !== undefined) words.push('-s', rule.source);
  if (rule.destination !== undefined) words.push('-d', rule.destination);
  if (rule.protocol !== undefined) words.push('-p', rule.protocol);
  if (rule.port !== undefined) words.push('--dport', `${rule.port}`);
  words.push(
    '-j',
    ...(rule.redirectTo === undefined ? ['RETURN'] : ['REDIRECT', '--to-ports', `${rule.redirectTo}`]),
  );
  return words.join(' ');
}

/** Rules of others' chains that lead into ours. */
function jumpsIn(saved: string): string[] {
  return saved.split('\n').filter((line) => /^-A (?!ECHOPLANE_).* -j ECHOPLANE_/.test(line));
}

function command(kind: Kind, family: Family, suffix = ''): string {
  return `${family === 4 ? 'iptables' : 'ip6tables'}-${kind}${suffix}`;
}

function save(kind: Kind, family: Family): Promise<string> {
  return runTool(command(kind, family, '-save'), ['-t', 'nat']);
}

async function restore(kind: Kind, family: Family, saved: string, lines: readonly string[]): Promise<void> {
  // The legacy tool zeroes the counters of every base chain unless it is told them.
  const policies = kind === 'legacy' ? (saved.match(/^:\w+ [A-Z]+ \[.*$/gm) ?? []) : [];
  const options = ['--noflush', ...LOCK_WAIT, ...(kind === 'legacy' ? ['--counters'] : [])];
  const input = ['*nat', ...policies, ...lines, 'COMMIT', ''].join('\n');
  await runTool(command(kind, family, '-restore'), options, input);
}

async function hasLegacyNat(family: Family): Promise<boolean> {
  const tables = await readFile(`/proc/net/${family === 4 ? 'ip' : 'ip6'}_tables_names`, 'utf8').catch(
    () => '',
  );
  return tables.split('\n').includes('nat');
}

/** Markers for what iptables over nf_tables will create. Without nft a missing chain cannot be told, only a missing table. */
async function missing(family: Family): Promise<string[]> {
  // Asked for one table, it shows one that is not there.
  const tables = await runTool(command('nft', family, '-save'), []);
  if (!/^\*nat$/m.test(tables)) return [MADE_TABLE, ...BASES.map(madeBase)];
  const table = await nftTable(family);
  return table === null ? [] : BASES.filter((base) => !table.includes(`chain ${base} {`)).map(madeBase);
}

async function removeMade(family: Family, saved: string): Promise<void> {
  for (const base of BASES) {
    // It refuses a chain that has rules: somebody needs it by now.
    if (saved.includes(`:${madeBase(base)} `)) {
      await runTool(command('nft', family), ['-t', 'nat', ...LOCK_WAIT, '-X', base]).catch(ignoreToolError);
    }
  }
  // Only nft can delete a table; without it an empty one stays, which does nothing.
  if (!saved.includes(`:${MADE_TABLE} `)) return;
  const table = await nftTable(family);
  if (table === null || table.includes('chain ')) return;
  await runTool('nft', ['delete', 'table', nftFamily(family), 'nat']);
}

/** The nat table as nft shows it; null without nft. */
async function nftTable(family: Family): Promise<string | null> {
  return runTool('nft', ['list', 'table', nftFamily(family), 'nat']).catch((err: unknown) => {
    ignoreToolError(err);
    return null;
  });
}

function nftFamily(family: Family): string {
  return family === 4 ? 'ip' : 'ip6';
}

function ignoreToolError(err: unknown): void {
  if (!(err instanceof ToolError)) throw err;
}
