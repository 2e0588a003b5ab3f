import { describe, expect, test } from 'vitest';
import { judgeLag } from './component-checks.ts';

const lag = { frames: 3, segments: 1, awayMs: 0, failingSegments: 0, lostSegments: 0 };
const spool = { trouble: null };
const told = (more: Partial<typeof lag>, trouble: string | null = null) =>
  judgeLag({ lag: { ...lag, ...more }, spool: { ...spool, trouble } }, 'echoplane').map(
    ({ state, message }) => `${state}: ${message}`,
  );

describe('judgeLag()', () => {
  test.each<[string, Partial<typeof lag>, string | null, string[]]>([
    ['a little', {}, null, ['ok: The forwarder keeps up: 3 frames and 1 segments wait.']],
    ['a minute away, still', { awayMs: 60_000 }, null, [expect.stringMatching(/^ok/)]],
    ['longer', { awayMs: 61_000 }, null, [expect.stringMatching(/^problem: .*for 61 s; recordings wait/)]],
    ['twenty segments', { segments: 20 }, null, [expect.stringMatching(/^ok/)]],
    ['more', { segments: 21 }, null, ['warning: 21 segments wait to be stored, 0 of them failed.']],
    [
      'one that failed',
      { failingSegments: 1 },
      null,
      ['warning: 1 segments wait to be stored, 1 of them failed.'],
    ],
    ['what was given up', { lostSegments: 2 }, null, ['warning: 2 segments were given up.']],
    ['a spool in trouble', {}, 'disk full', ['problem: Its spool is in trouble: disk full']],
    [
      'all at once',
      { awayMs: 120_000, segments: 30, lostSegments: 1 },
      'disk full',
      ['problem', 'problem', 'warning', 'warning'].map((state) => expect.stringMatching(`^${state}: `)),
    ],
  ])('%s', (_, more, trouble, wanted) => {
    expect(told(more, trouble)).toEqual(wanted);
  });

  test('takes what the cluster face says, which is less', () => {
    expect(judgeLag({ lag: { frames: 0, segments: 0, awayMs: 0 }, spool }, 'echoplane')).toMatchObject([
      { state: 'ok', remedy: null },
    ]);
  });

  test('says what to do of all that is not well, in the namespace of the installation', () => {
    const findings = judgeLag({ lag: { ...lag, awayMs: 120_000, segments: 30 }, spool }, 'elsewhere');
    for (const { remedy } of findings)
      expect(remedy).toContain('kubectl -n elsewhere logs echoplane-forwarder-0');
  });
});
