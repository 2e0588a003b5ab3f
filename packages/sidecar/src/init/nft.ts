// The rules as nft writes them: a table `echoplane` of our own for each family, replaced in one transaction. Nothing of
// anybody else is touched, and deleting the table is all there is to undo.
import type { Backend } from './backend.ts';
import { type Family, type Rule, rulesOf } from './rules.ts';
import { runTool } from './tool.ts';

const FAMILY = { 4: 'ip', 6: 'ip6' } as const;
const HOOK = { inbound: 'prerouting', outbound: 'output' } as const;

/** The input of `nft -f -` that makes our tables hold exactly these rules. */
export function renderNft(rules: readonly Rule[], families: readonly Family[]): string {
  return families.map((family) => emptied(family) + renderTable(rules, family)).join('');
}

export const nft: Backend = {
  name: 'nft',
  async apply(rules, families) {
    await runTool('nft', ['-f', '-'], renderNft(rules, families));
  },
  async remove(families) {
    const tables = await runTool('nft', ['list', 'tables']);
    const ours = families.filter((family) =>
      tables.split('\n').includes(`table ${FAMILY[family]} echoplane`),
    );
    if (ours.length > 0) await runTool('nft', ['-f', '-'], ours.map(emptied).join(''));
    return ours.length > 0;
  },
};

/** Deletes a table that may not be there: `delete` alone fails then, and `destroy` needs a new nft. */
function emptied(family: Family): string {
  const table = `table ${FAMILY[family]} echoplane\n`;
  return `add ${table}delete ${table}`;
}

function renderTable(rules: readonly Rule[], family: Family): string {
  const chains = (['inbound', 'outbound'] as const).map((chain) => {
    const lines = rulesOf(rules, chain, family).map((rule) => `    ${renderRule(rule, family)}\n`);
    // One after `dstnat`: what the app's own pod set up for a connection comes first.
    const hook = `type nat hook ${HOOK[chain]} priority -99; policy accept;`;
    return `  chain ${chain} {\n    ${hook}\n${lines.join('')}  }\n`;
  });
  return `table ${FAMILY[family]} echoplane {\n${chains.join('')}}\n`;
}

function renderRule(rule: Rule, family: Family): string {
  const words: string[] = [];
  if (rule.loopback) words.push(rule.chain === 'inbound' ? 'iifname "lo"' : 'oifname "lo"');
  if (rule.uid !== undefined) words.push(`meta skuid ${rule.uid}`);
  if (rule.gid !== undefined) words.push(`meta skgid ${rule.gid}`);
  if (rule.source !== undefined) words.push(`${FAMILY[family]} saddr ${rule.source}`);
  if (rule.destination !== undefined) words.push(`${FAMILY[family]} daddr ${rule.destination}`);
  if (rule.port !== undefined) words.push(`${rule.protocol} dport ${rule.port}`);
  else if (rule.protocol !== undefined) words.push(`meta l4proto ${rule.protocol}`);
  words.push(rule.redirectTo === undefined ? 'return' : `redirect to :${rule.redirectTo}`);
  return words.join(' ');
}
