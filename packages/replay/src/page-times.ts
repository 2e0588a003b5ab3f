// Times as pages write them for people, in the middle of a text: `Nov. 21, 2026, 8:52 p.m.`, `21 November 2026 at 20:52`,
// `11/21/26 20:52:05`, a date alone, a time of day alone, `2 minutes ago`; and as links carry them, percent-encoded. Two texts of
// one page are made alike where their times stand alike. Pure.
import { AGE_IN_TEXT, isAgeOf, isSameAge } from './ages.ts';
import type { Comparing } from './comparing.ts';
import type { Exchange } from './run-clock.ts';
import { DAY_US, HOUR_US, readTime, SECOND_US, type WrittenTime } from './times.ts';

interface PageTime {
  start: number;
  end: number;
  text: string;
  /** Without a date: µs since midnight. */
  isClock: boolean;
  /** As it may be read, by the order of its parts: which of `3/4/26` is the month, nobody knows. None: it says how long ago. */
  readings: ReadonlyMap<string, WrittenTime>;
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const MONTH =
  '(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\\.?';
const DAY = '\\d{1,2}(?:st|nd|rd|th)?';
const HALF = '(?:[ap]\\.m\\.|[ap]m\\b|[AP]M\\b)';
const CLOCK = `\\d{1,2}:\\d\\d(?::\\d\\d(?:\\.\\d{1,9})?)?(?:\\s?${HALF})?|\\d{1,2}\\s?${HALF}|noon|midnight`;
/** What is read elsewhere, with its date and zone. */
const OTHER =
  '\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:[\\d:.]+(?:Z|[+-]\\d\\d:?\\d\\d)?|[A-Z][a-z]{2}, \\d{1,2}[ -][A-Z][a-z]{2}[ -]\\d{4} [\\d:]+ [A-Z+]\\S*';
/** In the query of a link. */
const CODED =
  '\\d{4}-\\d\\d-\\d\\d(?:T|\\+|%20)\\d\\d%3A\\d\\d(?:%3A\\d\\d(?:\\.\\d{1,9})?)?(?:Z|(?:%2B|-)\\d\\d(?:%3A)?\\d\\d)?';
const PAGE_TIME = new RegExp(
  `(?<age>${AGE_IN_TEXT})|(?<other>${OTHER})|(?<coded>${CODED})|` +
    `(?<![\\w-])(?:(?<month>${MONTH}) (?<day>${DAY}),? (?<year>\\d{4})|(?<day2>${DAY}) (?<month2>${MONTH}),? (?<year2>\\d{4}))` +
    `(?:(?:,? (?:at )?)(?<clock>${CLOCK}))?|` +
    `(?<![\\w:./-])(?<date>\\d{4}-\\d\\d-\\d\\d)(?![\\w-])|` +
    `(?<![\\w/.-])(?<slashed>\\d{1,2}(?<mark>[/.])\\d{1,2}\\k<mark>(?:\\d{4}|(?<=/)\\d\\d))(?:,? (?<clock2>${CLOCK}))?(?![\\w/]|\\.\\d)|` +
    `(?<![\\w:./-])(?<alone>\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?)(?![\\w:-])|` +
    `(?<=[>"])(?<short>\\d\\d:\\d\\d)(?=[<"])`,
  'g',
);
const MAX_CHARS = 8_192;
/** Offsets of zones are whole quarters of an hour. */
const ZONE_US = HOUR_US / 4;
const MINUTE_US = 60 * SECOND_US;

/**
 * The live text with each time that stands to the live exchange as its recorded one stood to the recorded exchange written as that
 * one was; null where there is none.
 */
export function withPageTimesOf(comparing: Comparing, recorded: string, live: string): string | null {
  const { own } = comparing;
  if (!own || recorded.length > MAX_CHARS || live.length > MAX_CHARS || !/\d/.test(recorded)) return null;
  const was = pageTimes(recorded);
  const is = was.length === 0 ? [] : pageTimes(live);
  if (was.length !== is.length) return null;
  let written = '';
  let at = 0;
  for (const [i, recordedTime] of was.entries()) {
    const liveTime = is[i]!;
    if (recordedTime.text === liveTime.text) continue;
    const isRight = stands(comparing, own, recordedTime, liveTime) || isAgeBeside(own, was, is, i);
    if (!isRight) continue;
    written += live.slice(at, liveTime.start) + recordedTime.text;
    at = liveTime.end;
  }
  return at === 0 ? null : written + live.slice(at);
}

/** Whether what is said of an age is that of the time which stands beside it, then and now. */
function isAgeBeside(own: Exchange, was: readonly PageTime[], is: readonly PageTime[], i: number): boolean {
  if (was[i]!.readings.size > 0 || is[i]!.readings.size > 0) return false;
  return was.some((beside, n) =>
    [...beside.readings].some(([order, time]) => {
      const live = is[n]!.readings.get(order);
      if (!live || beside.isClock || time.precisionUs > MINUTE_US) return false;
      return (
        isAgeOf(was[i]!.text, time.us, own.fromUs, own.toUs) &&
        isAgeOf(is[i]!.text, live.us, own.liveFromUs, own.liveToUs)
      );
    }),
  );
}

function stands(comparing: Comparing, own: Exchange, was: PageTime, is: PageTime): boolean {
  const { clock } = comparing.values;
  if (was.readings.size === 0 || is.readings.size === 0)
    return was.readings.size === is.readings.size && isSameAge(comparing, was.text, is.text);
  return [...was.readings].some(([order, time]) => {
    const live = is.readings.get(order);
    if (live?.form !== time.form) return false;
    const zone = zoneUs(was, time, own);
    const recorded = placed(was, time, own.fromUs, own.toUs, zone);
    // Hours of opening stand in a page as well.
    const isShort = was.isClock && time.precisionUs === MINUTE_US;
    if (isShort && !clock.isInRun({ ...recorded, us: recorded.us + MINUTE_US })) return false;
    return clock.stands(recorded, placed(is, live, own.liveFromUs, own.liveToUs, zone), own);
  });
}

/** The offset at which a time is of its own request; else it is taken as UTC. */
function zoneUs(was: PageTime, time: WrittenTime, own: Exchange): number {
  if (time.form === 'date' || /[Z±]/.test(time.form)) return 0;
  const { us, precisionUs } = placed(was, time, own.fromUs, own.toUs, 0);
  const offset = Math.round((own.fromUs - us) / ZONE_US) * ZONE_US;
  const shifted = us + offset;
  const isOwn = shifted + precisionUs > own.fromUs - SECOND_US && shifted < own.toUs + SECOND_US;
  return isOwn ? offset : 0;
}

/** A time of day is of the latest day on which it is not after its exchange. */
function placed(
  { isClock }: PageTime,
  time: WrittenTime,
  fromUs: number,
  toUs: number,
  zone: number,
): WrittenTime {
  if (!isClock) return { ...time, us: time.us + zone };
  const us = Math.floor(fromUs / DAY_US) * DAY_US + time.us + zone;
  const days = Math.ceil((us - toUs - MINUTE_US) / DAY_US);
  return { ...time, us: us - days * DAY_US };
}

function pageTimes(text: string): PageTime[] {
  const times: PageTime[] = [];
  for (const match of text.matchAll(PAGE_TIME)) {
    const { age, other, alone, short } = match.groups!;
    if (other !== undefined) continue;
    const isClock = (alone ?? short) !== undefined;
    const readings = age === undefined ? readingsOf(match.groups!) : new Map();
    if (age !== undefined || readings.size > 0)
      times.push({
        start: match.index,
        end: match.index + match[0].length,
        text: match[0],
        isClock,
        readings,
      });
  }
  return times;
}

/** What a time may be; nothing of a thirteenth month. */
function readingsOf(groups: Readonly<Record<string, string | undefined>>): Map<string, WrittenTime> {
  const { coded, alone, short, date, slashed } = groups;
  const found: [order: string, WrittenTime | null][] =
    (alone ?? short) !== undefined
      ? [['', ofClock((alone ?? short)!)]]
      : coded !== undefined
        ? [['', readTime(decodeURIComponent(coded.replace('+', ' ')))]]
        : date !== undefined
          ? [['', ofDay(Date.parse(`${date}T00:00:00Z`) * 1e3)]]
          : slashed !== undefined
            ? ofNumbers(slashed, groups.clock2)
            : [['', ofWords(groups)]];
  return new Map(
    found.filter((one): one is [string, WrittenTime] => one[1] !== null && Number.isFinite(one[1].us)),
  );
}

/** `11/21/26`, `21.11.2026`, with a time of day behind it or not. */
function ofNumbers(text: string, clock: string | undefined): [order: string, WrittenTime][] {
  const [first, second, written] = text.split(/[/.]/).map(Number) as [number, number, number];
  const year = written < 100 ? 2000 + written : written;
  const orders: [order: string, month: number, day: number][] = [
    ['month', first, second],
    ['day', second, first],
  ];
  return orders
    .filter(([, month, day]) => month <= 12 && day <= 31)
    .map(([order, month, day]) => [order, ofMoment(Date.UTC(year, month - 1, day) * 1e3, clock, 'numbers')]);
}

function ofWords(groups: Readonly<Record<string, string | undefined>>): WrittenTime {
  const { month, month2, day, day2, year, year2, clock } = groups;
  const monthAt = MONTHS.indexOf((month ?? month2)!.slice(0, 3).toLowerCase());
  const midnight = Date.UTC(Number(year ?? year2), monthAt, Number.parseInt((day ?? day2)!, 10)) * 1e3;
  return ofMoment(midnight, clock, 'named');
}

function ofMoment(midnight: number, clock: string | undefined, name: string): WrittenTime {
  if (clock === undefined) return ofDay(midnight);
  const time = ofClock(clock);
  return { ...time, us: midnight + time.us, form: `${name} ${time.form}` };
}

function ofDay(us: number): WrittenTime {
  return { us, precisionUs: DAY_US, form: 'date', fraction: null };
}

/** `8:52 p.m.`, `9 p.m.`, `noon`, `20:52`, `20:52:05.12`: µs since midnight. */
function ofClock(text: string): WrittenTime {
  if (text === 'noon' || text === 'midnight')
    return { us: text === 'noon' ? DAY_US / 2 : 0, precisionUs: MINUTE_US, form: 'half', fraction: null };
  const [, hour, minute, second, fraction, half] =
    /^(\d+)(?::(\d+))?(?::(\d+)(?:\.(\d+))?)?\s?([apAP])?/.exec(text)!;
  const hours = half === undefined ? Number(hour) : (Number(hour) % 12) + (/p/i.test(half) ? 12 : 0);
  const seconds = Number(second ?? 0) + Number(`0.${fraction ?? 0}`);
  return {
    us: hours * HOUR_US + Number(minute ?? 0) * MINUTE_US + Math.round(seconds * SECOND_US),
    precisionUs: second === undefined ? MINUTE_US : SECOND_US / 10 ** (fraction?.length ?? 0),
    form: `${half === undefined ? 'day' : 'half'}${second === undefined ? '' : ' seconds'}`,
    fraction: null,
  };
}
