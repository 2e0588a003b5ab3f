// Putting back, as tables: the newest change first, only what is ours, and an end whatever happens.
import type { Obj } from '@echoplane/kube';
import { REPLAY_LABEL, RUN_ANNOTATION } from '@echoplane/resources';
import { describe, expect, test } from 'vitest';
import { CLEANUP_MS, DELETION_MS } from './cleanup.ts';
import { objectKey } from './facts.ts';
import { at, NOW, next, replayWith, setting, UID } from './replay-facts.fixture.ts';
import { templateDigest } from './target-state.ts';

const plain = { metadata: { labels: { app: 'cart' } }, spec: { containers: [] } };
const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'echoplane',
  name: 'l',
  action: 'created',
  restored: false,
};
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  namespace: 'echoplane',
  name: 's',
  action: 'created',
  restored: false,
};
const cart = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'cart',
  uid: 'c',
  action: 'changed',
  before: templateDigest(plain),
  restored: false,
};
const inventory = [lease, secret, cart];

const ours = (changes: object = {}) =>
  ({ metadata: { name: 's', uid: 'su', labels: { [REPLAY_LABEL]: UID }, ...changes } }) as unknown as Obj;
const held = { metadata: { name: 'l', uid: 'lu' }, spec: { holderIdentity: UID } } as unknown as Obj;
const wired = (run: string, changes: object = {}) =>
  ({
    metadata: { name: 'cart', uid: 'c', ...changes },
    spec: { template: { ...plain, metadata: { ...plain.metadata, annotations: { [RUN_ANNOTATION]: run } } } },
  }) as unknown as Obj;
const all = {
  [objectKey(lease as never)]: held,
  [objectKey(secret as never)]: ours(),
  [objectKey(cart as never)]: wired(UID),
};

/** The first condition; those of every end follow it. */
const firstIs = (condition: object) => expect.arrayContaining([expect.objectContaining(condition)]);

const outcome = { phase: 'Failed', reason: 'Why', message: 'because' };
const began = (ms = 0) => [{ name: 'cleanup', start: at(ms), deadline: at(ms + CLEANUP_MS) }];
const cleaning = (status: object = {}, more: object = {}) =>
  replayWith({ ...more, status: { outcome, verdict: 'failed', inventory, stages: began(), ...status } });

describe('cleanup', () => {
  test('it begins with a deadline, and keeps the phase until the end', () => {
    const step = next(cleaning({ stages: [], phase: 'Running' }), { objects: all });
    expect(step).toMatchObject({
      do: 'status',
      change: { stages: [{ name: 'cleanup', deadline: at(CLEANUP_MS) }] },
    });
    expect(step).not.toHaveProperty('change.phase');
  });

  test('the newest change goes back first', () => {
    expect(next(cleaning(), { objects: all })).toMatchObject({
      do: 'undo',
      item: { name: 'cart' },
      uid: 'c',
    });
    const rest = [lease, secret, { ...cart, restored: true }];
    expect(next(cleaning({ inventory: rest }), { objects: all })).toMatchObject({
      do: 'undo',
      item: { name: 's' },
    });
  });

  const back: [string, object, string][] = [
    ['what is gone', { 'Secret/echoplane/s': null }, 's'],
    [
      'what is another object by the same name',
      { 'Deployment/shop/cart': wired(UID, { uid: 'new' }) },
      'cart',
    ],
    ['what was made by somebody else', { 'Secret/echoplane/s': ours({ labels: {} }) }, 's'],
    ['a template that carries another run', { 'Deployment/shop/cart': wired('other') }, 'cart'],
    [
      'a Lease that another holds',
      { 'Lease/echoplane/l': { ...held, spec: { holderIdentity: 'other' } } },
      'l',
    ],
  ];
  test.each(back)('%s counts as put back', (_, objects, name) => {
    const step = next(cleaning(), { objects: { ...all, ...objects } });
    expect(step).toMatchObject({ do: 'status' });
    const items = (step as never as { change: { inventory: (typeof secret)[] } }).change.inventory;
    expect(items.filter(({ restored }) => restored).map((item) => item.name)).toEqual([name]);
  });

  test('nothing is marked before the facts show it', () => {
    for (let left = inventory; left.length > 0; left = left.slice(0, -1))
      expect(next(cleaning({ inventory: left }), { objects: all }).do).toBe('undo');
  });

  test('what is on its way out is waited for', () => {
    const objects = { 'Secret/echoplane/s': ours({ deletionTimestamp: at(0) }) };
    expect(next(cleaning({ inventory: [secret] }), { objects })).toMatchObject({ do: 'wait' });
  });

  test('it closes with the outcome when all is back', () => {
    const done = inventory.map((item) => ({ ...item, restored: true }));
    const objects = {
      'Deployment/shop/cart': { ...wired('x'), spec: { template: plain } } as unknown as Obj,
    };
    expect(next(cleaning({ inventory: done }), { objects })).toMatchObject({
      do: 'close',
      change: {
        phase: 'Failed',
        conditions: [
          { type: 'CleanedUp', status: 'True', reason: 'Restored' },
          { type: 'Complete', status: 'True', reason: 'Failed' },
          { type: 'Passed', status: 'False', reason: 'Why' },
        ],
      },
    });
  });

  test('a template that somebody else changed in the meantime is told', () => {
    const done = inventory.map((item) => ({ ...item, restored: true }));
    const template = { ...plain, spec: { containers: [{ name: 'new' }] } };
    const objects = {
      'Deployment/shop/cart': { metadata: { name: 'cart', uid: 'c' }, spec: { template } } as unknown as Obj,
    };
    expect(next(cleaning({ inventory: done }), { objects })).toMatchObject({
      change: { conditions: firstIs({ reason: 'ChangedByOthers' }) },
    });
  });

  test('after its deadline it ends, and names what is left', () => {
    const late = { ...setting, nowMs: NOW + CLEANUP_MS };
    const step = next(cleaning(), { objects: all }, late);
    expect(step).toMatchObject({
      do: 'close',
      change: {
        conditions: firstIs({
          type: 'CleanedUp',
          status: 'False',
          reason: 'Leftovers',
          message: expect.stringContaining('Deployment/shop/cart'),
        }),
      },
    });
  });

  test('cleanup: none keeps all but the Lease, and deletion takes all along', () => {
    const spec = { cleanup: 'none' };
    expect(next(cleaning({}, { spec }), { objects: all })).toMatchObject({ do: 'undo', item: { name: 'l' } });
    const kept = [{ ...lease, restored: true }, secret, cart];
    expect(next(cleaning({ inventory: kept }, { spec }), { objects: all })).toMatchObject({
      do: 'close',
      change: { conditions: firstIs({ reason: 'Kept' }) },
    });
    const metadata = { deletionTimestamp: at(0) };
    const terminal = { inventory: kept, phase: 'Failed' };
    expect(next(cleaning(terminal, { spec, metadata }), { objects: all })).toMatchObject({
      do: 'undo',
      item: { name: 'cart' },
    });
  });

  test('a deleted replay goes after a minute, whatever is left', () => {
    const metadata = { deletionTimestamp: at(0) };
    const late = { ...setting, nowMs: NOW + DELETION_MS };
    const step = next(cleaning({ phase: 'Failed' }, { metadata }), { objects: all }, late);
    expect(step).toMatchObject({ do: 'close', change: { conditions: firstIs({ reason: 'Leftovers' }) } });
    const items = (step as never as { change: { inventory: (typeof secret)[] } }).change.inventory;
    expect(items.every(({ restored }) => restored)).toBe(true);
  });

  test.each([
    ['passed', 'True'],
    ['missed-goals', 'False'],
    ['failed', 'False'],
    ['void', 'Unknown'],
    [undefined, 'Unknown'],
  ])('the verdict %s is Passed=%s', (verdict, status) => {
    const step = next(cleaning({ inventory: [], verdict }), { objects: {} });
    expect((step as never as { change: { conditions: object[] } }).change.conditions.at(-1)).toMatchObject({
      type: 'Passed',
      status,
    });
  });
});
