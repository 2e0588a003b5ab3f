// Settings as people write them: what is taken, what is refused and how that is said.
import { describe, expect, test } from 'vitest';
import { parseDuration } from './parse-duration.ts';
import { parseCaptureConfig, parseTrafficReplay } from './parse-objects.ts';
import { SETTING_NAMES, Settings } from './settings.ts';
import { hasSettings, parseResolved, parseSettings, renderResolved } from './settings-parse.ts';
import { selectorMatches } from './settings-selector.ts';

const PREFIX = 'sidecar.echoplane.dev/';
const annotated = (settings: Record<string, string>) =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [PREFIX + name, value]));
const parsed = (settings: Record<string, string>, defaults = {}) => {
  const outcome = parseSettings(annotated(settings), defaults);
  if ('problems' in outcome) throw new Error(JSON.stringify(outcome.problems));
  return outcome;
};

test('every setting has a sentence', () => {
  for (const name of SETTING_NAMES) expect(Settings.shape[name].description, name).toMatch(/\w/);
});

test('values get their types, and own ones win over defaults', () => {
  const { settings } = parsed(
    { inject: 'true', 'ignore-inbound-ports': '22, 23', 'body-limit': '1Mi', sample: '0.5' },
    { sample: '0.1', 'tls-out': 'true' },
  );
  expect(settings).toMatchObject({
    ...{ inject: true, mode: 'transparent', 'ignore-inbound-ports': [22, 23], 'body-limit': 1 << 20 },
    ...{ sample: 0.5, 'tls-out': true, 'memory-limit': '256Mi' },
  });
});

describe('refused, with the field, the value and what is allowed', () => {
  test.each([
    ['inject', 'yes', 'true or false'],
    ['mode', 'sideways', 'transparent, reverse, forward or dual'],
    ['in-port', '80', 'a port from 1024 to 65535'],
    ['out-port', '4145', 'a port other than'],
    ['out-port', '4143', 'another port than in-port'],
    ['target-port', '0', 'a port from 1 to 65535'],
    ['ignore-dst-cidrs', '10.0.0.0/33', 'addresses or CIDRs'],
    ['ignore-dst-hosts', 'a b', 'host names'],
    ['opaque-ports', 'http', 'ports from 1 to 65535'],
    ['body-limit', '5Mi', 'from 0 to 4Mi'],
    ['sample', '1.5', 'a share from 0 to 1'],
    ['memory-request', '1Gi', 'at most memory-limit, 256Mi'],
    ['cpu-limit', 'lots', 'a quantity'],
    ['tls-in-secret', '../x', 'the name of a Secret'],
    ['tls-trust', 'magic', 'env, java or mount'],
    ['injekt', 'true', 'sidecar.echoplane.dev/inject, which is the nearest'],
    ['something-else-altogether', '1', 'one of these names'],
  ])('%s: %s', (name, value, allowed) => {
    const outcome = parseSettings(annotated({ [name]: value }));
    expect('problems' in outcome && outcome.problems).toEqual([
      { field: PREFIX + name, value, allowed: expect.stringContaining(allowed) },
    ]);
  });

  test('all problems at once', () => {
    const outcome = parseSettings(annotated({ mode: 'x', sample: 'y', z: '' }));
    expect('problems' in outcome && outcome.problems).toHaveLength(3);
  });
});

test('our own annotations are no settings', () => {
  const own = annotated({ resolved: '{}', status: '{}', inverse: '[]' });
  expect([hasSettings(own), 'settings' in parseSettings(own)]).toEqual([false, true]);
  expect(hasSettings(annotated({ inject: 'false' }))).toBe(true);
});

test('what is resolved is read back, holds no default, and does not depend on the order it was given in', () => {
  const workload = { kind: 'Deployment', name: 'shop' };
  const { given } = parsed({ sample: '0.5', inject: 'true', mode: 'transparent', 'tls-out': 'true' });
  const text = renderResolved(workload, given);
  expect(JSON.parse(text)).toEqual({ workload, settings: { 'tls-out': 'true', sample: '0.5' } });
  expect(renderResolved(workload, parsed({ 'tls-out': 'true', sample: '0.5' }).given)).toBe(text);
  expect(parseResolved(text)).toMatchObject({
    workload,
    settings: { inject: true, sample: 0.5, 'tls-out': true },
  });
});

test('a setting of a newer version is left out when it is read, and anything else is a problem', () => {
  const workload = { kind: 'Deployment', name: 'shop' };
  expect(parseResolved(JSON.stringify({ workload, settings: { 'made-later': '1' } }))).toHaveProperty(
    'settings',
  );
  for (const text of ['', '{', '{}', '[]', JSON.stringify({ workload, settings: { mode: 'x' } })])
    expect(parseResolved(text)).toHaveProperty('problems');
});

test.each([
  ['30m', 1_800_000],
  ['1h30m', 5_400_000],
  ['90s', 90_000],
  ['', null],
  ['1d', null],
  ['m', null],
])('duration %s', (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each([
  [{}, true],
  [{ matchLabels: { app: 'a' } }, true],
  [{ matchLabels: { app: 'b' } }, false],
  [{ matchExpressions: [{ key: 'app', operator: 'In' as const, values: ['a', 'b'] }] }, true],
  [{ matchExpressions: [{ key: 'app', operator: 'NotIn' as const, values: ['a'] }] }, false],
  [{ matchExpressions: [{ key: 'none', operator: 'NotIn' as const, values: ['a'] }] }, true],
  [{ matchExpressions: [{ key: 'app', operator: 'Exists' as const }] }, true],
  [{ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' as const }] }, false],
])('selector %j', (selector, matches) => expect(selectorMatches(selector, { app: 'a' })).toBe(matches));

const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' };
const replay = (spec: object) => ({ spec: { snapshot: 's', workloads: [{ ref }], ...spec } });

test('a TrafficReplay gets its defaults', () => {
  expect(parseTrafficReplay(replay({}))).toMatchObject({
    spec: {
      mode: 'full',
      timeout: '30m',
      generator: { replicas: 1 },
      workloads: [{ tests: ['*'], routing: 'sidecar' }],
    },
  });
});

test.each([
  [{ workloads: [{}] }, 'spec.workloads[0]', 'exactly one of ref and url'],
  [{ workloads: [{ ref, url: 'http://a:1' }] }, 'spec.workloads[0]', 'exactly one'],
  [{ workloads: [{ url: 'http://a:1' }] }, 'spec.workloads[0].url', 'tests-only'],
  [{ mode: 'tests-only', workloads: [{ url: 'ftp://a' }] }, 'spec.workloads[0].url', 'http://host:port'],
  [
    { workloads: [{ ref, routing: 'hostalias', mocks: ['*'] }] },
    'spec.workloads[0].mocks',
    'names its hosts',
  ],
  [{ workloads: [{ ref }, { ref }] }, 'spec.workloads[1]', 'a second time'],
  [{ workloads: [{ ref, tests: ['nothing'] }] }, 'spec.workloads[0].tests[0]', 'host:port'],
  [{ timeout: 'soon' }, 'spec.timeout', 'is not a duration'],
  [{ mode: 'tests-only', isolate: true }, 'spec.isolate', 'mocks nothing'],
])('a TrafficReplay with %j is refused', (spec, path, message) => {
  const outcome = parseTrafficReplay(replay(spec));
  expect('problems' in outcome && outcome.problems).toContainEqual({
    path,
    message: expect.stringContaining(message),
  });
});

test('a CaptureConfig with a bad setting is refused by its path', () => {
  expect(parseCaptureConfig({ spec: { settings: { sample: '7' } } })).toEqual({
    problems: [{ path: 'spec.settings["sample"]', message: expect.stringContaining('a share from 0 to 1') }],
  });
  expect(parseCaptureConfig({ spec: { selector: {} } })).toEqual({ spec: { selector: {}, settings: {} } });
});
