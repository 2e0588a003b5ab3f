import { describe, expect, test } from 'vitest';
import {
  imageOf,
  isInWindow,
  isNewer,
  planUpgrade,
  repositoryOf,
  STAGE_DEADLINE_MS,
  type Upgrade,
  type UpgradeFacts,
} from './upgrade-plan.ts';

const NOW = Date.UTC(2030, 0, 2, 3);
const DIGEST = `sha256:${'a'.repeat(64)}`;
const IMAGE = 'registry.test:5000/echoplane:1.0.0';
const NEW_IMAGE = `registry.test:5000/echoplane@${DIGEST}`;
const release = { channel: 'stable' as const, version: '1.1.0', image: DIGEST, notBefore: 0 };
const install = { image: IMAGE, updates: 'stable' as const, maintenanceWindow: null, dashboardAccess: true };
const facts = (more: Partial<UpgradeFacts> = {}): UpgradeFacts => ({
  ...{
    install,
    releases: [release],
    version: '1.0.0',
    managedBy: null,
    upgrade: null,
    isHealthy: false,
    nowMs: NOW,
  },
  ...more,
});
const at = (stage: Upgrade['stage'], more: Partial<Upgrade> = {}): Upgrade => ({
  ...{ version: '1.1.0', image: NEW_IMAGE, base: IMAGE, previous: IMAGE, stage, since: NOW },
  ...more,
});
const remembered = (more: Partial<UpgradeFacts>) => {
  const step = planUpgrade(facts(more));
  return step.do === 'remember' ? step.upgrade : step.do;
};

describe('planUpgrade()', () => {
  test('begins with the forwarder, by digest of our own repository', () => {
    expect(remembered({})).toEqual(at('forwarder'));
  });
  test('goes on stage by stage while each is healthy', () => {
    expect(remembered({ upgrade: at('forwarder'), isHealthy: true })).toMatchObject({ stage: 'inspector' });
    expect(remembered({ upgrade: at('inspector'), isHealthy: true })).toMatchObject({ stage: 'operator' });
    expect(remembered({ upgrade: at('operator'), isHealthy: true })).toMatchObject({ stage: 'done' });
    const without = { ...install, dashboardAccess: false };
    expect(remembered({ upgrade: at('forwarder'), isHealthy: true, install: without })).toMatchObject({
      stage: 'operator',
    });
  });
  test('waits for health, and takes everything back after the deadline', () => {
    expect(remembered({ upgrade: at('forwarder') })).toBe('nothing');
    const late = at('inspector', { since: NOW - STAGE_DEADLINE_MS });
    expect(remembered({ upgrade: late })).toMatchObject({
      stage: 'failed',
      reason: expect.stringContaining('inspector'),
    });
  });
  test('does not try again what failed, but the next release', () => {
    expect(remembered({ upgrade: at('failed') })).toBe('nothing');
    const next = { ...release, version: '1.2.0', image: `sha256:${'b'.repeat(64)}` };
    expect(remembered({ upgrade: at('failed'), releases: [next] })).toMatchObject({
      stage: 'forwarder',
      version: '1.2.0',
    });
  });
  test('a chart upgrade ends what was under way', () => {
    expect(remembered({ upgrade: at('inspector', { base: 'other' }) })).toBeNull();
  });
  test('only tells when updates are off or a tool keeps the installation', () => {
    const off = { ...install, updates: 'off' as const };
    expect(planUpgrade(facts({ install: off }))).toMatchObject({
      do: 'tell',
      message: expect.stringContaining('helm upgrade'),
    });
    expect(planUpgrade(facts({ managedBy: 'Flux' }))).toMatchObject({
      do: 'tell',
      message: expect.stringContaining('Flux'),
    });
  });
  test('waits for notBefore, for the window, and takes no older or foreign channel', () => {
    expect(remembered({ releases: [{ ...release, notBefore: NOW * 1_000 + 1 }] })).toBe('nothing');
    const closed = { ...install, maintenanceWindow: { days: ['Mon' as const], from: '02:00', hours: 2 } };
    expect(remembered({ install: closed })).toBe('nothing');
    expect(remembered({ version: '1.1.0' })).toBe('nothing');
    expect(remembered({ releases: [{ ...release, channel: 'fast' }] })).toBe('nothing');
  });
});

test('imageOf() gives the new image up to the stage, and the old one to all after a failure', () => {
  const images = (upgrade: Upgrade | null) =>
    (['forwarder', 'inspector', 'operator'] as const).map(
      (one) => imageOf(one, install, upgrade) === NEW_IMAGE,
    );
  expect(images(null)).toEqual([false, false, false]);
  expect(images(at('forwarder'))).toEqual([true, false, false]);
  expect(images(at('inspector'))).toEqual([true, true, false]);
  expect(images(at('done'))).toEqual([true, true, true]);
  expect(images(at('failed'))).toEqual([false, false, false]);
});

test.each([
  ['2030-01-02T01:59:00Z', false],
  ['2030-01-02T02:00:00Z', true],
  ['2030-01-02T05:59:00Z', true],
  ['2030-01-02T06:00:00Z', false],
])('a window of Wednesday 02:00, 4 h, at %s: %s', (at, open) => {
  expect(isInWindow({ days: ['Wed'], from: '02:00', hours: 4 }, Date.parse(at))).toBe(open);
});
test('a window that begins before midnight reaches into the next day', () => {
  const window = { days: ['Tue' as const], from: '22:00', hours: 6 };
  expect(isInWindow(window, Date.parse('2030-01-02T03:00:00Z'))).toBe(true);
  expect(isInWindow(window, Date.parse('2030-01-03T03:00:00Z'))).toBe(false);
});
test.each([
  ['1.1.0', '1.0.9', true],
  ['1.10.0', '1.9.0', true],
  ['1.0.0', '1.0.0', false],
  ['1.0.0', '1.0.0-rc.1', true],
  ['1.0.0-rc.1', '1.0.0', false],
  ['1.0.0-rc.10', '1.0.0-rc.9', true],
])('isNewer(%s, %s): %s', (a, b, newer) => {
  expect(isNewer(a, b)).toBe(newer);
});
test.each([
  ['a/b:1', 'a/b'],
  ['host:5000/b', 'host:5000/b'],
  ['host:5000/b:1', 'host:5000/b'],
  [`host:5000/b@${DIGEST}`, 'host:5000/b'],
])('repositoryOf(%s): %s', (image, repository) => {
  expect(repositoryOf(image)).toBe(repository);
});
