// What holds of every manifest, whatever it is and wherever it is injected: nothing is done twice, everything can be taken
// back, nothing of the user's is lost.
import { isDeepStrictEqual } from 'node:util';
import {
  CONTAINERS,
  INVERSE_ANNOTATION,
  type KubeObject,
  type Pod,
  type PodSpec,
} from '@echoplane/resources';
import { applyPatch } from 'rfc6902';
import { describe, expect, test } from 'vitest';
import { injectManifest, type ManifestFacts, uninjectManifest } from './inject-manifest.ts';
import { injectPod, uninjectPod } from './inject-pod.ts';
import { isEqual, isFields, keyField } from './json-patch.ts';
import { FACTS, MANIFESTS, type Manifest } from './manifests.fixture.ts';
import { templateOf } from './pod-templates.ts';
import { resolveWorkload } from './resolve-workload.ts';

const PLACES: [string, Partial<ManifestFacts>][] = [
  ['privileged', {}],
  ['restricted', { podSecurity: 'restricted' }],
  ['a mesh', { namespaceMarks: { 'istio-injection': 'enabled', 'linkerd.io/inject': 'enabled' } }],
  ['old kubelets', { nativeSidecars: false }],
  ['a private registry', { imagePullSecrets: [{ name: 'ours' }, { name: 'both' }] }],
];

const NO_REPLAY = { wiring: null, replayId: null, isolate: false };

const podOf = (object: KubeObject) =>
  object.kind === 'Pod' ? (object as unknown as Pod) : templateOf(object)!;

test('there are more than 300 manifests', () => {
  expect(MANIFESTS.length).toBeGreaterThan(300);
  expect(new Set(MANIFESTS.map(({ name }) => name)).size).toBe(MANIFESTS.length);
});

describe.each(PLACES)('in %s', (_, more) => {
  const facts = { ...FACTS, ...more };
  /** Those that can be injected there, with what came of it. */
  const injected = MANIFESTS.map(({ object, ...rest }) => ({
    ...rest,
    before: object,
    frozen: JSON.stringify(object),
    ...injectManifest(object, facts),
  }));
  const done = injected.filter(({ refused }) => refused === null);

  test('most are injected, and what is refused is as it was, with a reason', () => {
    expect(done.length).toBeGreaterThan(MANIFESTS.length / 2);
    for (const { object, before, refused, notes, name } of injected) {
      if (refused === null) continue;
      expect(object, name).toBe(before);
      expect(
        notes.map(({ type }) => type),
        name,
      ).toContain('Warning');
    }
  });

  test('the input is never changed', () => {
    for (const { before, frozen, name } of injected) expect(JSON.stringify(before), name).toBe(frozen);
  });

  test('inject∘inject = inject', () => {
    for (const { object, name } of done) {
      const again = injectManifest(object, facts);
      expect(again.refused, name).toBeNull();
      same(again.object, object, name);
      if (object.kind === 'Pod') continue;
      const pod = { apiVersion: 'v1', kind: 'Pod', ...podOf(object) } as Pod;
      const webhook = injectPod(pod, { ...facts, ...NO_REPLAY });
      expect(webhook.refused, name).toBeNull();
      same(webhook.object, pod, name);
    }
  });

  test('uninject∘inject = original', () => {
    for (const { object, before, name } of done) same(uninjectManifest(object), before, name);
  });

  test('the inverse is a patch that any tool can apply', () => {
    for (const { object, before, name } of done) {
      const copy = structuredClone(object);
      if (copy.kind !== 'Pod') applyInverse(podOf(copy));
      applyInverse(copy);
      same(copy, before, name);
    }
  });

  test('uninject keeps unrelated edits made in between', () => {
    for (const { object, before, name } of done) same(uninjectManifest(edited(object)), edited(before), name);
  });

  test('nothing of the user’s is lost, and all keeps its order', () => {
    for (const { object, before, name } of done) expect(lost(before, object), name).toEqual([]);
  });

  test('ours come first, in their order', () => {
    for (const { object, name } of done) {
      const { initContainers = [], containers } = podOf(object).spec;
      const ours = Object.values<string>(CONTAINERS);
      const names = initContainers.map((one) => one.name);
      const own = names.filter((one) => ours.includes(one));
      expect(names.slice(0, own.length), name).toEqual(own);
      const expected = facts.nativeSidecars ? [CONTAINERS.sidecar] : [];
      expect(
        own.filter((one) => one !== CONTAINERS.init),
        name,
      ).toEqual(expected);
      expect(ours.includes(containers[0]!.name), name).toBe(false);
    }
  });

  test('every name, mount and port of a container is there once', () => {
    for (const { object, name } of done) {
      const { initContainers = [], containers, volumes = [] } = podOf(object).spec;
      const all = [...initContainers, ...containers];
      const lists = [
        all.map((one) => one.name),
        volumes.map((one) => one.name),
        ...all.map(({ env = [] }) => env.map((one) => one.name)),
        ...all.map(({ volumeMounts = [] }) => volumeMounts.map((one) => one.mountPath)),
        ...all.map(({ ports = [] }) => ports.map((one) => `${one.containerPort}/${one.protocol ?? 'TCP'}`)),
      ];
      for (const list of lists) expect(list, name).toEqual([...new Set(list)]);
      const mounted = new Set(all.flatMap(({ volumeMounts = [] }) => volumeMounts.map((one) => one.name)));
      const declared = new Set(volumes.map((one) => one.name));
      expect(
        [...mounted].filter((one) => !declared.has(one)),
        name,
      ).toEqual([]);
    }
  });

  test('a template that is resolved is resolved for good, and without the annotation as it was', () => {
    for (const { object: before, name } of MANIFESTS.filter(isWorkload)) {
      const once = resolveWorkload(before, facts);
      if (once.refused !== null) continue;
      same(resolveWorkload(once.object, facts).object, once.object, name);
      const { annotations, ...metadata } = once.object.metadata;
      const plain = resolveWorkload({ ...once.object, metadata }, facts);
      same(templateOf(plain.object), templateOf(before), name);
      expect(annotations).toBeDefined();
    }
  });
});

test('removing the annotation of a manifest that was injected offline takes that injection back too', () => {
  for (const { object: before, name } of MANIFESTS.filter(isWorkload)) {
    const { object, refused } = injectManifest(before, FACTS);
    if (refused !== null) continue;
    const plain = resolveWorkload({ ...object, metadata: { name: 'a' } }, FACTS);
    same(templateOf(plain.object), templateOf(before), name);
  }
});

test('a pod injected by one version is injected anew by another, and taken back to the same', () => {
  for (const { object, name } of MANIFESTS.filter((one) => !isWorkload(one))) {
    const facts = { ...FACTS, ...NO_REPLAY };
    const pod = object as unknown as Pod;
    const old = injectPod(pod, { ...facts, image: 'registry.example.com/echoplane:0.9' });
    if (old.refused !== null) continue;
    const again = injectPod(old.object, facts);
    same(again.object, injectPod(pod, facts).object, name);
    same(uninjectPod(again.object), pod, name);
  }
});

/** As `toEqual`, which takes ten times as long when all is well. */
function same(actual: unknown, expected: unknown, name: string): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual, name).toStrictEqual(expected);
}

function isWorkload({ object }: Manifest): boolean {
  return object.kind !== 'Pod';
}

function applyInverse(object: { metadata?: { annotations?: Record<string, string> } }): void {
  const patch = JSON.parse(object.metadata!.annotations![INVERSE_ANNOTATION]!);
  expect(applyPatch(object, patch).filter((problem) => problem !== null)).toEqual([]);
}

/** What people do to a manifest: at the front of lists too, so that every index moves. */
function edited(object: KubeObject): KubeObject {
  const copy = structuredClone(object);
  const pod = podOf(copy);
  const spec: PodSpec = pod.spec;
  copy.metadata.labels = { ...copy.metadata.labels, edited: 'yes' };
  pod.metadata = { ...pod.metadata, labels: { ...pod.metadata?.labels, version: '2' } };
  const app = spec.containers.find(({ name }) => name === 'app')!;
  app.image = 'registry.example.com/app:3';
  app.args = ['--more'];
  app.env = [{ name: 'FIRST', value: '0' }, ...(app.env ?? [])];
  if (app.livenessProbe) app.livenessProbe.periodSeconds = 99;
  spec.containers.unshift({ name: 'new', image: 'registry.example.com/new:1' });
  spec.initContainers = [
    { name: 'early', image: 'registry.example.com/early:1' },
    ...(spec.initContainers ?? []),
  ];
  spec.volumes = [{ name: 'new', emptyDir: {} }, ...(spec.volumes ?? [])];
  spec.imagePullSecrets = [{ name: 'new' }, ...(spec.imagePullSecrets ?? [])];
  return copy;
}

/** Paths of what `before` says and `after` does not, but for what injection is there to change. */
function lost(before: unknown, after: unknown, path = ''): string[] {
  if (isEqual(before, after)) return [];
  if (/\/(containerPort|hostPort)$/.test(path)) return [];
  if (path.endsWith('/tcpSocket') && after === undefined) return [];
  if (/\/(exclude(In|Out)boundPorts|skip-(in|out)bound-ports)$/.test(path))
    return String(after).startsWith(String(before)) ? [] : [path];
  if (path.endsWith('JAVA_TOOL_OPTIONS/value')) return String(after).startsWith(`${before} -D`) ? [] : [path];
  if (Array.isArray(before) && Array.isArray(after)) {
    const found = before.map((element, index) => {
      const field = keyField(element);
      if (field === null) return after.findIndex((one) => isEqual(one, element));
      const key = (element as Record<string, unknown>)[field];
      const at = after.findIndex((one) => isFields(one) && one[field] === key);
      return at >= 0 || field !== 'containerPort' ? at : index;
    });
    const inOrder = found.every((at, index) => at >= 0 && (index === 0 || at > found[index - 1]!));
    if (!inOrder) return [path];
    return before.flatMap((element, index) =>
      lost(element, after[found[index]!], `${path}/${nameIn(element)}`),
    );
  }
  if (isFields(before) && isFields(after))
    return Object.keys(before).flatMap((key) => lost(before[key], after[key], `${path}/${key}`));
  return [path];
}

function nameIn(element: unknown): string {
  return String((isFields(element) && element.name) || '');
}
