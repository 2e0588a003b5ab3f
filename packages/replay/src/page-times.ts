// Times as pages write them for people, in the middle of a text: `Nov. 21, 2026, 8:52 p.m.`, `21 November 2026 at 20:52`, a date
// alone, a time of day alone. Two texts of one page are made alike where their times stand alike. Pure.
import type { Comparing } from './comparing.ts';
import type { Exchange } from './run-clock.ts';
import { DAY_US, HOUR_US, SECOND_US, type WrittenTime } from './times.ts';

interface PageTime {
  start: number;
  end: number;
  text: string;
  /** Without a date: µs since midnight. */
  isClock: boolean;
  time: WrittenTime;
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
const PAGE_TIME = new RegExp(
  `(?<other>${OTHER})|` +
    `(?<![\\w-])(?:(?<month>${MONTH}) (?<day>${DAY}),? (?<year>\\d{4})|(?<day2>${DAY}) (?<month2>${MONTH}),? (?<year2>\\d{4}))` +
    `(?:(?:,? (?:at )?)(?<clock>${CLOCK}))?|` +
    `(?<![\\w:./-])(?<date>\\d{4}-\\d\\d-\\d\\d)(?![\\w-])|` +
    `(?<![\\w:./-])(?<alone>\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?)(?![\\w:-])`,
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
    if (recordedTime.text === liveTime.text || !stands(comparing, own, recordedTime, liveTime)) continue;
    written += live.slice(at, liveTime.start) + recordedTime.text;
    at = liveTime.end;
  }
  return at === 0 ? null : written + live.slice(at);
}

function stands({ values }: Comparing, own: Exchange, was: PageTime, is: PageTime): boolean {
  if (was.time.form !== is.time.form) return false;
  const zone = zoneUs(was, own);
  return values.clock.stands(
    placed(was, own.fromUs, own.toUs, zone),
    placed(is, own.liveFromUs, own.liveToUs, zone),
    own,
  );
}

/** The offset at which a time is of its own request; else it is taken as UTC. */
function zoneUs(was: PageTime, own: Exchange): number {
  if (was.time.form === 'date') return 0;
  const { us, precisionUs } = placed(was, own.fromUs, own.toUs, 0);
  const offset = Math.round((own.fromUs - us) / ZONE_US) * ZONE_US;
  const shifted = us + offset;
  const isOwn = shifted + precisionUs > own.fromUs - SECOND_US && shifted < own.toUs + SECOND_US;
  return isOwn ? offset : 0;
}

/** A time of day is of the latest day on which it is not after its exchange. */
function placed({ isClock, time }: PageTime, fromUs: number, toUs: number, zone: number): WrittenTime {
  if (!isClock) return { ...time, us: time.us + zone };
  const us = Math.floor(fromUs / DAY_US) * DAY_US + time.us + zone;
  const days = Math.ceil((us - toUs - MINUTE_US) / DAY_US);
  return { ...time, us: us - days * DAY_US };
}

function pageTimes(text: string): PageTime[] {
  const times: PageTime[] = [];
  for (const match of text.matchAll(PAGE_TIME)) {
    const { other, month, month2, day, day2, year, year2, clock, date, alone } = match.groups!;
    if (other !== undefined) continue;
    const at = { start: match.index, end: match.index + match[0].length, text: match[0], isClock: false };
    const named = month ?? month2;
    if (alone !== undefined) times.push({ ...at, isClock: true, time: ofClock(alone) });
    else if (date !== undefined) times.push({ ...at, time: ofDay(Date.parse(`${date}T00:00:00Z`) * 1e3) });
    else {
      const monthAt = MONTHS.indexOf(named!.slice(0, 3).toLowerCase());
      const midnight = Date.UTC(Number(year ?? year2), monthAt, Number.parseInt((day ?? day2)!, 10)) * 1e3;
      if (clock === undefined) times.push({ ...at, time: ofDay(midnight) });
      else {
        const time = ofClock(clock);
        times.push({ ...at, time: { ...time, us: midnight + time.us, form: `named ${time.form}` } });
      }
    }
  }
  return times.filter(({ time }) => Number.isFinite(time.us));
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
