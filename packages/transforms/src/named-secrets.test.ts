import { expect, test } from 'vitest';
import { parseTransforms } from './document.ts';
import { namedSecrets } from './named-secrets.ts';

const embedded = (name: string) => `$\{{secret:${name}}}`;
const chain = (id: string, value: string, active = true) => ({
  ...{ id, active, at: 'generator-request', extract: { name: 'body' } },
  functions: [{ name: 'constant', value }],
});

test('every secret is named once, those of chains that are switched off are not', () => {
  const document = parseTransforms({
    v: 1,
    chains: [
      chain('a', `${embedded('shop/key')} and ${embedded('bank/pin')}`),
      chain('b', embedded('shop/key')),
      chain('c', embedded('old/key'), false),
    ],
    variables: [{ name: 'v', at: 'start', functions: [{ name: 'constant', value: embedded('var/key') }] }],
  });
  expect(namedSecrets(document)).toEqual(['bank/pin', 'shop/key', 'var/key']);
  expect(namedSecrets(parseTransforms([]))).toEqual([]);
});
