import { createAuthority, loadAuthority } from '@echoplane/runtime';
import { expect, test } from 'vitest';
import { Leaves } from './tls-leaves.ts';

const load = async () => {
  const { certPem, keyPem } = await createAuthority({ commonName: 'Test', days: 1 });
  return loadAuthority(certPem, keyPem);
};

test('a name has one context, which its tickets are good for, until the CA is another', async () => {
  const leaves = new Leaves(await load());
  const context = await leaves.contextFor('a.test');
  expect(await leaves.contextFor('A.test')).toBe(context);
  expect(await leaves.contextFor('b.test')).not.toBe(context);
  leaves.use(await load());
  expect(await leaves.contextFor('a.test')).not.toBe(context);
});

test('without a CA, and for a name that is none, there is nothing to show', async () => {
  const leaves = new Leaves(null);
  expect([leaves.hasAuthority, await leaves.contextFor('a.test')]).toEqual([false, null]);
  leaves.use(await load());
  expect(leaves.hasAuthority).toBe(true);
  expect(await leaves.contextFor('a'.repeat(254))).toBeNull();
  expect(await leaves.contextFor('::1')).not.toBeNull();
});

test('the 500 names used last have a context', async () => {
  const authority = await load();
  const leaf = await authority.leaf('any.test');
  const leaves = new Leaves({ ...authority, leaf: async () => ({ ...leaf }), certPem: '' });
  // Every answer of this authority is another leaf, so nothing is found again and the oldest goes.
  const contexts = new Set<unknown>();
  for (let i = 0; i < 501; i++) contexts.add(await leaves.contextFor(`${i}.test`));
  expect(contexts.size).toBe(501);
  expect(leaves.size).toBe(500);
});
