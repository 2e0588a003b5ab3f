// What writes rules into the kernel, seen from above: nft and the two kinds of iptables look alike. Types only.
import type { Family, Rule } from './rules.ts';

export type BackendName = 'nft' | 'iptables' | 'iptables-legacy';

export interface Backend {
  readonly name: BackendName;
  /** Puts the rules in the place of whatever we had for these families. Throws ToolError; a family is then as it was. */
  apply(rules: readonly Rule[], families: readonly Family[]): Promise<void>;
  /** Takes what is ours away; resolves with whether there was any. Throws ToolError when it cannot tell or take. */
  remove(families: readonly Family[]): Promise<boolean>;
}
