// A run's summary made to fit where a pod can leave one (Kubernetes keeps 4,096 bytes of a termination message): the smallest
// counts of credentials are added up, then reasons are cut. Pure; every sum stays what it was.
import type { GeneratorRun } from '@echoplane/traffic';

/** Bytes of a summary's JSON, with room for what reads it. */
export const MAX_SUMMARY_BYTES = 4_000;
/** Stands for all places that are not named. */
const OTHER = 'other';
const MAX_REASONS = 10;
const MAX_REASON_CHARS = 200;

/** The run without its histograms when that fits, else with as many places of credentials as do. */
export function compactRun(whole: GeneratorRun, maxBytes = MAX_SUMMARY_BYTES): GeneratorRun {
  const { histograms: _, ...all } = whole;
  if (sizeOf(all) <= maxBytes) return all;
  const { notSentWhy: __, ...run } = all;
  if (sizeOf(run) <= maxBytes) return run;
  const voidReasons = run.voidReasons
    .slice(0, MAX_REASONS)
    .map((reason) => reason.slice(0, MAX_REASON_CHARS));
  const { credentials, ...rest } = { ...run, voidReasons, notSent: largest(run.notSent, MAX_REASONS) };
  if (!credentials) return rest;
  const places = Math.max(...Object.values(credentials).map((counts) => Object.keys(counts).length));
  for (let kept = places; kept > 0; kept = Math.floor(kept * 0.9)) {
    const fromVault = largest(credentials.fromVault, kept);
    const cut = { ...rest, credentials: { fromVault, missing: largest(credentials.missing, kept) } };
    if (sizeOf(cut) <= maxBytes) return cut;
  }
  const none = { fromVault: largest(credentials.fromVault, 0), missing: largest(credentials.missing, 0) };
  return { ...rest, credentials: none };
}

function largest(counts: Readonly<Record<string, number>>, kept: number): Record<string, number> {
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
  if (sorted.length <= kept) return { ...counts };
  const cut = Object.fromEntries(sorted.slice(0, kept));
  const rest = sorted.slice(kept).reduce((sum, [, value]) => sum + value, 0);
  return { ...cut, [OTHER]: (cut[OTHER] ?? 0) + rest };
}

function sizeOf(run: GeneratorRun): number {
  return Buffer.byteLength(JSON.stringify(run)) + 1;
}
