// What hostile texts cost at full size: a megabyte of each would take minutes if work were not bounded by passes over it.
import { expect, test } from 'vitest';
import { HOSTILE_PIECES, hostileTexts, redactedAsAnything } from './hostile-texts.fixture.ts';
import { scan } from './scan.ts';

const MEGABYTE = 1 << 20;

test.each(hostileTexts(MEGABYTE))(
  'a megabyte of %s costs a few passes over it',
  (_name, text) => {
    for (const out of redactedAsAnything(text)) expect(typeof out).toBe('string');
  },
  60_000,
);

test.each(HOSTILE_PIECES)(
  'a megabyte of %s has nothing in it and no detector reads it over and over',
  (piece) => {
    expect(scan(piece.repeat(Math.ceil(MEGABYTE / piece.length)))).toHaveLength(0);
  },
  60_000,
);
