// Content security policies: sets of directives, each with a set of sources (CSP level 3, section 2.2). What builds them from hash
// tables gives them out in another order in each of its lives. And nonces, which are other ones in every answer by their
// definition (section 7.1), there and in pages. Pure.

const POLICY = /^header\.content-security-policy(?:-report-only)?$/;

/** Of a page; and a quoted source, which redaction may have taken whole. */
const NONCE = /( nonce=)(?:"[^"]+"|'[^']+')/g;
const NONCE_SOURCE = /^'(?:nonce-|rdx_)[\w+/=-]+'$/;

export function isPolicy(path: string): boolean {
  return POLICY.test(path);
}

/** Names of a policy's directives, as they stand. */
export function directivesOf(policy: string): string[] {
  return split(policy).map(nameOf);
}

/** A policy with one blank between its directives. */
export function spaced(policy: string): string {
  return split(policy).join('; ');
}

/**
 * The live policy with its directives and sources where the recorded one has them; as it is when it has other directives, or one
 * twice, of which only the first counts. Sources that are not in both, as nonces are, keep their order.
 */
export function arranged(recorded: string, live: string): string {
  const [was, is] = [split(recorded), split(live)];
  const byName = new Map(is.map((directive) => [nameOf(directive), directive]));
  const isSame = was.length === is.length && byName.size === is.length;
  if (!isSame || !was.every((directive) => byName.has(nameOf(directive)))) return live;
  return was.map((directive) => arrangedSources(directive, byName.get(nameOf(directive))!)).join('; ');
}

/** The live text with the recorded one's nonces where both have some. */
export function withNoncesOf(recorded: string, live: string): string {
  const nonces = recorded.match(NONCE);
  if (!nonces || live.match(NONCE)?.length !== nonces.length) return live;
  return live.replace(NONCE, () => nonces.shift()!);
}

/** The policy with the recorded one's nonces where both have one; the policies stand alike. */
export function withNonceSources(recorded: string, live: string): string {
  const was = recorded.split(/([ ;]+)/);
  const isNonce = (source: string | undefined) => source !== undefined && NONCE_SOURCE.test(source);
  return live
    .split(/([ ;]+)/)
    .map((source, i) => (isNonce(source) && isNonce(was[i]) ? was[i] : source))
    .join('');
}

function arrangedSources(recorded: string, live: string): string {
  const [was, is] = [recorded.split(/\s+/), live.split(/\s+/)];
  const others = is.filter((source) => !was.includes(source));
  const isSame = was.length === is.length && new Set(is).size === is.length;
  if (!isSame) return live;
  return was.map((source) => (is.includes(source) ? source : others.shift()!)).join(' ');
}

function split(policy: string): string[] {
  return policy
    .split(';')
    .map((directive) => directive.trim())
    .filter(Boolean);
}

function nameOf(directive: string): string {
  return directive.split(/\s+/, 1)[0]!.toLowerCase();
}
