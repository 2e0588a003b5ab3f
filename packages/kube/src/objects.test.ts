import { expect, test } from 'vitest';
import type { Obj } from './contract.ts';
import { decodeError, isConflict, isExpired, isNotFound } from './kube-error.ts';
import {
  collectionPathOf,
  controllerOf,
  keyOf,
  keyOfRef,
  ownedBy,
  ownerReference,
  pathOf,
  refOf,
} from './objects.ts';
import { RESOURCES } from './resources.ts';

test('paths are those of the API, with every part escaped', () => {
  expect(pathOf(RESOURCES.pods, { namespace: 'a', name: 'b' })).toBe('/api/v1/namespaces/a/pods/b');
  expect(pathOf(RESOURCES.deployments, { namespace: 'a', name: 'b' })).toBe(
    '/apis/apps/v1/namespaces/a/deployments/b',
  );
  expect(pathOf(RESOURCES.nodes, { name: '../b' })).toBe('/api/v1/nodes/..%2Fb');
  expect(pathOf(RESOURCES.nodes, { namespace: 'ignored', name: 'b' })).toBe('/api/v1/nodes/b');
  expect(collectionPathOf(RESOURCES.trafficReplays)).toBe('/apis/echoplane.dev/v1/trafficreplays');
  expect(() => pathOf(RESOURCES.pods, { name: 'b' })).toThrow('needs a namespace');
  expect(() => pathOf(RESOURCES.nodes, { name: '' })).toThrow('needs a name');
});

test('a key and its reference are each other', () => {
  for (const ref of [{ name: 'a' }, { namespace: 'n', name: 'a' }]) {
    expect(refOf(keyOfRef(ref))).toEqual(ref);
    expect(keyOf({ metadata: ref })).toBe(keyOfRef(ref));
  }
});

test('owners are told apart by uid, not by name', () => {
  const owner: Obj = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'r', uid: 'u1' } };
  const child: Obj = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', ownerReferences: [ownerReference(owner)] },
  };
  expect(ownedBy(child, owner)).toBe(true);
  expect(ownedBy(child, 'u1')).toBe(true);
  expect(ownedBy(child, { metadata: { uid: 'u2' } })).toBe(false);
  expect(ownedBy(child, { metadata: {} })).toBe(false);
  expect(controllerOf(child)?.name).toBe('r');
  expect(controllerOf(owner)).toBeUndefined();
  expect(() => ownerReference({ ...owner, metadata: { name: 'r' } })).toThrow('no uid');
});

test('an answer that is no success is decoded, also when something else than the API server gave it', () => {
  const status = { kind: 'Status', code: 409, reason: 'Conflict', message: 'changed' };
  const conflict = decodeError(409, JSON.stringify(status), 'PUT /x');
  expect(conflict).toMatchObject({ status: 409, reason: 'Conflict', message: 'changed' });
  expect([isConflict(conflict), isNotFound(conflict), isExpired(conflict)]).toEqual([true, false, false]);
  const proxy = decodeError(502, '<h1>Bad Gateway</h1>', 'GET /x');
  expect(proxy).toMatchObject({
    status: 502,
    reason: '',
    message: 'GET /x was answered 502: <h1>Bad Gateway</h1>',
  });
  expect(isExpired(decodeError(410, '', 'GET /x'))).toBe(true);
});
