// How long the service says it took: `took: 12`, `Page: 46ms`, `cache;dur=3.1`. Another number in every answer, and no other
// numbers are such: each is at most as long as its own exchange was. Pure.
import type { Comparing } from './comparing.ts';
import type { Exchange } from './run-clock.ts';

/** µs of each unit. */
const UNITS: Readonly<Record<string, number>> = { ns: 1e-3, us: 1, µs: 1, μs: 1, ms: 1e3, s: 1e6 };
const DURATION = /(?<![\w.])(\d+(?:\.\d+)?)(\s?)(ns|us|µs|μs|ms|s)(?![\w.])/g;
/** Of `Server-Timing`, in ms. */
const TIMING = /(?<=[;\s]dur=)(\d+(?:\.\d+)?)()()/g;
/** Keys of numbers that say how long something took, with their unit when they have one. */
const NAMED =
  /(took|elapsed|duration|latency|runtime|(?:response|exec\w*|process\w*|query|search|server)_?time)_?(ns|us|ms|millis|s|secs?|seconds)?$/i;
/** What a measurement has its number under: `{ "db:responseTime": [{ "observedValue": 4.2 }] }`. */
const MEASURED = /(?:"\])?(?:\[\d+\])?\.(?:observed_?)?value$/i;
/** Without a unit these may be anything's: a whole number is a film's. */
const ANYTHINGS = /^(?:duration|latency|runtime)$/i;
/** Clocks are read before and after, and numbers are rounded up. */
const SLACK_US = 1_500;

/** The recorded text with the live durations in it, where both are an exchange's own; the same text when there is none. */
export function withLiveDurations({ own }: Comparing, recorded: string, live: string): string {
  if (!own) return recorded;
  return [DURATION, TIMING].reduce((text, pattern) => {
    const found = [...live.matchAll(pattern)];
    if (found.length === 0 || [...text.matchAll(pattern)].length !== found.length) return text;
    let at = 0;
    return text.replace(pattern, (was: string, amount: string, _space: string, unit: string) => {
      const [is, liveAmount, , liveUnit] = found[at++] as unknown as [string, string, string, string];
      const isOwn = isWithin(amount, unit, spanUs(own)) && isWithin(liveAmount, liveUnit, liveSpanUs(own));
      return isOwn ? is : was;
    });
  }, recorded);
}

/** Whether both numbers, by their key, say how long their own exchanges took. */
export function isOwnDuration({ own }: Comparing, path: string, recorded: number, live: number): boolean {
  const named = NAMED.exec(path.replace(MEASURED, ''));
  if (!own || !named || recorded < 0 || live < 0) return false;
  if (named[2] === undefined && ANYTHINGS.test(named[1]!) && Number.isInteger(recorded)) return false;
  const unitUs = unitOf(named[2]?.toLowerCase());
  return recorded * unitUs <= spanUs(own) + SLACK_US && live * unitUs <= liveSpanUs(own) + SLACK_US;
}

/** Whether a number, learned to say how long its exchange took, says so of the live one; `unitUs`: µs of one. */
export function isTimeTaken({ own }: Comparing, live: number, unitUs: number): boolean {
  return live > 0 && (own === null || live * unitUs <= liveSpanUs(own) + SLACK_US);
}

function isWithin(amount: string, unit: string, spanUs: number): boolean {
  return Number(amount) * (UNITS[unit] ?? UNITS.ms!) <= spanUs + SLACK_US;
}

/** Most say milliseconds when they say nothing. */
function unitOf(word: string | undefined): number {
  if (word === undefined || word === 'millis') return UNITS.ms!;
  return UNITS[word] ?? UNITS.s!;
}

function spanUs({ fromUs, toUs }: Exchange): number {
  return toUs - fromUs;
}

function liveSpanUs({ liveFromUs, liveToUs }: Exchange): number {
  return liveToUs - liveFromUs;
}
