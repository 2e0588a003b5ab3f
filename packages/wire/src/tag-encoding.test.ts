import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeCaptured } from './capture-messages.ts';
import { encodeTag } from './tag-encoding.ts';

test('a tag is encoded as the schema does it', () => {
  const value = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(value, value, (name, text) => {
      expect([...encodeTag(name, text)]).toEqual([...encodeCaptured({ tags: { [name]: text } })]);
    }),
  );
});
