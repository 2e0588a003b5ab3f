import { expect, test } from 'vitest';
import { defaultRules, RedactionRules } from './rules-document.ts';
import { weakeningsOf } from './weakening.ts';

const extract = { type: 'header', of: 'request', name: 'x-a' };

test.each([
  ['the defaults', {}, []],
  [
    'more names, patterns and chains',
    {
      keys: ['pin'],
      patterns: [{ name: 'p', pattern: 'a+' }],
      chains: [{ name: 'c', extract, action: 'mask' }],
    },
    [],
  ],
  ['nothing at all', { enabled: false }, ['redaction switched off']],
  ['a detector less', { detectorsOff: ['email', 'phone'] }, ['detectorsOff (email, phone)']],
  ['a name less', { keysExcept: ['token'] }, ['keysExcept (token)']],
  [
    'a chain that keeps',
    { chains: [{ name: 'let-through', extract, action: 'keep' }] },
    ['chains that keep (let-through)'],
  ],
])('weakeningsOf() of %s', (_, rules, weakenings) => {
  expect(weakeningsOf(RedactionRules.parse(rules))).toEqual(weakenings);
});

test('every setting of redaction was thought of', () => {
  const names = ['enabled', 'keys', 'keysExcept', 'detectorsOff', 'patterns', 'chains', 'keepLength'];
  expect(Object.keys(defaultRules().redaction).sort()).toEqual(names.sort());
});
