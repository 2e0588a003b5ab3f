// Secrets that say what they are: PEM blocks, JSON web tokens, and the keys of providers, which carry a prefix. Nothing is
// guessed here; what only looks random is the business of entropy.
import { classAt, DIGIT, isWordAt, LETTER, LOWER, UPPER } from './char-class.ts';
import type { Finding } from './finding.ts';
import { TOKEN_PREFIX } from './token-shape.ts';

/** A prefix, and how many characters of [A-Za-z0-9_-] follow at least, or of the classes that `of` names. */
interface ProviderKey {
  prefix: string;
  least: number;
  /** Neither more nor fewer than `least`. */
  exact?: true;
  of?: 'upper' | 'hex' | 'dots' | 'base64' | 'path';
  /** The prefix is a common word too: the rest must have digits and capitals. */
  mixed?: true;
}

const key = (
  prefix: string,
  least: number,
  more: Omit<ProviderKey, 'prefix' | 'least'> = {},
): ProviderKey => ({
  prefix,
  least,
  ...more,
});

const PROVIDERS: readonly ProviderKey[] = [
  // AWS: access key ids, session tokens
  ...['AKIA', 'ASIA', 'ABIA', 'ACCA'].map((prefix) => key(prefix, 16, { exact: true, of: 'upper' })),
  key('FwoGZXIvYXdz', 60, { of: 'base64' }),
  key('IQoJb3JpZ2lu', 60, { of: 'base64' }),
  // GitHub, GitLab
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((prefix) => key(prefix, 30)),
  key('github_pat_', 40),
  ...['glpat-', 'gldt-', 'glrt-', 'glsoat-', 'glptt-', 'glcbt-', 'glft-', 'glimt-'].map((prefix) =>
    key(prefix, 20, { of: 'dots' }),
  ),
  // Stripe, Square, Shopify
  ...['sk_live_', 'rk_live_', 'sk_test_', 'rk_test_'].map((prefix) => key(prefix, 10)),
  key('whsec_', 20),
  key('sq0atp-', 22),
  key('sq0csp-', 43),
  key('EAAA', 56, { mixed: true }),
  ...['shpat_', 'shpca_', 'shppa_', 'shpss_'].map((prefix) => key(prefix, 32, { of: 'hex' })),
  // models
  key('sk-ant-', 20),
  key('sk-proj-', 20),
  key('sk-', 20, { mixed: true }),
  key('hf_', 30),
  key('gsk_', 40),
  key('r8_', 37),
  key('pplx-', 40),
  key('xai-', 60),
  // Slack, Discord, Telegram, Twilio, mail
  ...['xoxb-', 'xoxa-', 'xoxp-', 'xoxr-', 'xoxs-', 'xoxe-', 'xoxe.', 'xapp-'].map((prefix) =>
    key(prefix, 10, { of: 'dots' }),
  ),
  key('hooks.slack.com/services/', 20, { of: 'path' }),
  key('hooks.slack.com/workflows/', 20, { of: 'path' }),
  key('discord.com/api/webhooks/', 30, { of: 'path' }),
  key('discordapp.com/api/webhooks/', 30, { of: 'path' }),
  key('SK', 32, { exact: true, of: 'hex' }),
  key('SG.', 60, { of: 'dots' }),
  key('xkeysib-', 60),
  key('key-', 32, { exact: true, of: 'hex' }),
  // Google
  key('AIza', 35, { exact: true }),
  key('ya29.', 20, { of: 'dots' }),
  key('GOCSPX-', 24),
  // registries and platforms
  key('npm_', 36),
  key('pypi-AgE', 40),
  key('dckr_pat_', 20),
  key('dckr_oat_', 20),
  ...['dop_v1_', 'doo_v1_', 'dor_v1_'].map((prefix) => key(prefix, 40, { of: 'hex' })),
  key('dapi', 32, { of: 'hex' }),
  ...['hvs.', 'hvb.', 'hvr.'].map((prefix) => key(prefix, 20)),
  key('dp.pt.', 40),
  key('glsa_', 32),
  key('glc_', 32),
  key('lin_api_', 32),
  key('ntn_', 40),
  key('secret_', 40),
  key('PMAK-', 50),
  key('sntrys_', 40, { of: 'base64' }),
  key('sntryu_', 40),
  key('nfp_', 32),
  key('figd_', 36),
  key('pscale_tkn_', 32, { of: 'dots' }),
  key('pscale_pw_', 32, { of: 'dots' }),
  key('AGE-SECRET-KEY-1', 50),
];

/** Prefixes by the code of their first character. */
const BY_FIRST: (readonly ProviderKey[] | undefined)[] = [];
for (const provider of PROVIDERS) {
  const first = provider.prefix.charCodeAt(0);
  BY_FIRST[first] = [...(BY_FIRST[first] ?? []), provider];
}
/** Most places are none of these. */
const STARTS = new Uint8Array(128);
for (const first of BY_FIRST.keys()) if (BY_FIRST[first] !== undefined) STARTS[first] = 1;

/** The provider's key that starts here; a webhook is reported without its host. */
export function providerKeyAt(text: string, at: number): Finding | undefined {
  const first = text.charCodeAt(at);
  if (first > 127 || STARTS[first] === 0) return undefined;
  for (const provider of BY_FIRST[first]!) {
    if (!text.startsWith(provider.prefix, at)) continue;
    const from = at + provider.prefix.length;
    const end = tailEnd(text, from, provider.of);
    const length = end - from;
    if (
      length < provider.least ||
      (provider.exact === true && length !== provider.least) ||
      isWordAt(text, end)
    )
      continue;
    if (provider.mixed === true && !/[A-Z].*\d|\d.*[A-Z]/.test(text.slice(from, end))) continue;
    if (text.startsWith(TOKEN_PREFIX, from)) return undefined;
    return { start: provider.of === 'path' ? from : at, end, kind: 'secret' };
  }
  return undefined;
}

function tailEnd(text: string, from: number, of: ProviderKey['of']): number {
  let end = from;
  for (; ; end++) {
    const code = text.charCodeAt(end);
    const kind = classAt(text, end);
    if ((kind & DIGIT) !== 0) continue;
    if ((kind & LETTER) !== 0) {
      if (of === 'upper' && (kind & UPPER) === 0) return end;
      if (of === 'hex' && (code > 0x66 || (kind & LOWER) === 0)) return end;
      continue;
    }
    if (of === 'upper' || of === 'hex') return end;
    if (of === 'base64') {
      if (code !== 0x2b && code !== 0x2f && code !== 0x3d && code !== 0x5f && code !== 0x2d) return end;
    } else if (code !== 0x5f && code !== 0x2d) {
      const dotted = code === 0x2e && of === 'dots' && isWordAt(text, end + 1);
      if (!dotted && !(code === 0x2f && of === 'path')) return end;
    }
  }
}

/** The JSON web token (or encrypted one, of five parts) that starts with the `eyJ` at this place. */
export function jwtAt(text: string, at: number): Finding | undefined {
  if (!text.startsWith('eyJ', at)) return undefined;
  const header = base64UrlEnd(text, at);
  if (header - at < 10 || text.charCodeAt(header) !== 0x2e) return undefined;
  let end = base64UrlEnd(text, header + 1);
  const claims = text.startsWith('eyJ', header + 1) && end - header > 4;
  let parts = 2;
  while (parts < 5 && text.charCodeAt(end) === 0x2e) {
    const partEnd = base64UrlEnd(text, end + 1);
    // The empty signature of an unsigned token belongs to it, the full stop of a sentence as well as not.
    end = partEnd;
    parts += 1;
  }
  return (claims && parts === 3) || parts === 5 ? { start: at, end, kind: 'jwt' } : undefined;
}

function base64UrlEnd(text: string, at: number): number {
  let end = at;
  while (isWordAt(text, end) || text.charCodeAt(end) === 0x2d) end += 1;
  return end;
}
