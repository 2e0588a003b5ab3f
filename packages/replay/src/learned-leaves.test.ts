import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';

test.each(['token', 'hex', 'uuid', 'text', 'mixed'] as const)(
  'what is learned as %s may be another one, and not nothing',
  (kind) => {
    const volatile = [{ path: 'cookie.sid', kind, why: '' }];
    const sets = (sid: string) => ({
      ...json({ ok: true }),
      headers: [['Set-Cookie', `sid=${sid}; Path=/`]] as [string, string][],
    });
    const found = (live: string) =>
      differences(
        { ...sets('2|1:0|10:1795393022|8:username|44:eyJ1c2VyIjo|9f86d081884c7d65'), volatile },
        sets(live),
        new LiveValues(new Map()),
      );
    expect(found('2|1:0|10:1795393999|8:username|44:eyJ1c2VyIjp|a3c1e08812fc9d04')).toEqual([]);
    expect(found('')).toEqual(['cookie.sid value']);
  },
);
