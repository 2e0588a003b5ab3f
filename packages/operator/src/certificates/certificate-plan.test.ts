import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundleOf, leafTrouble, OVERLAP_MS, planAuthority, SETTLE_MS } from './certificate-plan.ts';
import { readCertificate } from './pem-facts.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2030, 0, 1);
const NAMES = ['echoplane-operator.echoplane.svc'];

async function authorityAt(nowMs: number, days = 365): Promise<Record<string, string>> {
  const { certPem, keyPem } = await createAuthority({ commonName: 'test', days, nowMs });
  return { 'tls.crt': certPem, 'tls.key': keyPem };
}
async function leafOf(authority: Record<string, string>, nowMs: number, days = 90) {
  const signer = await loadAuthority(authority['tls.crt']!, authority['tls.key']!);
  const { certPem, keyPem } = await signer.issue({ names: NAMES, days, nowMs });
  return { 'tls.crt': certPem, 'tls.key': keyPem };
}
function kept(texts: Record<string, string>, nowMs: number) {
  const plan = planAuthority(texts, nowMs);
  if (plan.action !== 'keep') throw new Error(`expected to keep it: ${JSON.stringify(plan)}`);
  return plan.authority;
}

let old: Record<string, string>;
let young: Record<string, string>;
beforeAll(async () => {
  [old, young] = await Promise.all([authorityAt(NOW - 300 * DAY_MS), authorityAt(NOW)]);
});

describe('planAuthority()', () => {
  test('keeps a sound one until two thirds of its life', () => {
    expect(planAuthority(young, NOW + 200 * DAY_MS).action).toBe('keep');
    expect(planAuthority(young, NOW + 245 * DAY_MS)).toMatchObject({
      action: 'renew',
      previousPem: young['tls.crt'],
    });
  });
  test('makes one when there is none', () => {
    expect(planAuthority({}, NOW)).toEqual({ action: 'renew', reason: 'there was none', previousPem: null });
  });
  test.each([
    ['a damaged certificate', (texts: Record<string, string>) => ({ ...texts, 'tls.crt': 'garbage' })],
    ['a damaged key', (texts: Record<string, string>) => ({ ...texts, 'tls.key': 'garbage' })],
    ['no key', (texts: Record<string, string>) => ({ 'tls.crt': texts['tls.crt']! })],
  ])('replaces one with %s', (_, damage) => {
    expect(planAuthority(damage(young), NOW).action).toBe('renew');
  });
  test('replaces one whose key is that of another, and what it signed stays trusted', () => {
    const mixed = { ...young, 'tls.key': old['tls.key']! };
    const plan = planAuthority(mixed, NOW);
    expect(plan).toMatchObject({ action: 'renew', previousPem: young['tls.crt'] });
  });
  test('replaces one that expired, which nobody trusts any more', () => {
    expect(planAuthority(young, NOW + 366 * DAY_MS)).toMatchObject({
      reason: 'it expired',
      previousPem: null,
    });
  });
  test('replaces a leaf in the place of an authority', async () => {
    expect(planAuthority(await leafOf(young, NOW), NOW).action).toBe('renew');
  });
  test('trusts the one before for a week, then drops it', () => {
    const rotated = { ...young, 'previous.crt': old['tls.crt']! };
    expect(bundleOf(kept(rotated, NOW))).toBe(young['tls.crt']! + old['tls.crt']!);
    expect(planAuthority(rotated, NOW + OVERLAP_MS).action).toBe('drop-previous');
  });
});

describe('leafTrouble()', () => {
  test('a good leaf has none', async () => {
    expect(leafTrouble(await leafOf(young, NOW), NAMES, kept(young, NOW), NOW)).toBeNull();
  });
  test('names, life and key count', async () => {
    const leaf = await leafOf(young, NOW);
    const authority = kept(young, NOW);
    expect(leafTrouble({}, NAMES, authority, NOW)).toBe('there was none');
    expect(leafTrouble(leaf, ['other'], authority, NOW)).toContain('other');
    expect(leafTrouble({ ...leaf, 'tls.key': young['tls.key'] }, NAMES, authority, NOW)).toContain('key');
    expect(leafTrouble(leaf, NAMES, authority, NOW + 61 * DAY_MS)).toContain('two thirds');
    expect(leafTrouble(leaf, NAMES, authority, NOW + 91 * DAY_MS)).toBe('it expired');
  });
  test('one of the authority before stays until everybody trusts the new one', async () => {
    const leaf = await leafOf(old, NOW - 10 * DAY_MS);
    const authority = kept({ ...young, 'previous.crt': old['tls.crt']! }, NOW);
    expect(leafTrouble(leaf, NAMES, authority, NOW + SETTLE_MS - 1_000)).toBeNull();
    expect(leafTrouble(leaf, NAMES, authority, NOW + SETTLE_MS)).toContain('rotated');
  });
  test('one of a stranger is replaced at once', async () => {
    const leaf = await leafOf(await authorityAt(NOW), NOW);
    expect(leafTrouble(leaf, NAMES, kept(young, NOW), NOW)).toBe('it is of another authority');
  });
});

test('readCertificate() refuses text without a certificate', () => {
  expect(() => readCertificate('')).toThrow('there is no certificate');
});
