// How long a service has been running, `uptime: 4211`: the time at which it was started, said the other way round. That time is one
// time in every answer of a run, so each of them must name it, and a first one may name any before the first request. Pure.
import type { Comparing } from './comparing.ts';
import { SECOND_US, type WrittenTime } from './times.ts';

/** Keys of such numbers, with their unit when they have one. */
const NAMED = /(?:^|[._])(?:\w+_)?up_?time_?(?:in_?)?(ms|millis(?:econds)?|s|secs?|seconds)?$/;
const MS_US = 1_000;
/** Clocks are read before and after, and two of them differ so much. */
const SKEW_US = 50_000;

/** From when to when a service may have been started; µs since the epoch. */
interface Start {
  fromUs: number;
  toUs: number;
}

/** Whether both numbers, by their key, say for how long the service has run, and both name the start that others named. */
export function isUptime(comparing: Comparing, path: string, recorded: number, live: number): boolean {
  const named = NAMED.exec(snakeCase(path));
  if (!comparing.own || !named || recorded < 0 || live < 0) return false;
  const unit = named[1];
  const units = unit === undefined ? [SECOND_US, MS_US] : [unit.startsWith('m') ? MS_US : SECOND_US];
  // Each unit is tried, so that a later answer finds what it may have been.
  return units.filter((unitUs) => areOfOneStart(comparing, { path, recorded, live, unitUs })).length > 0;
}

interface Uptimes {
  path: string;
  recorded: number;
  live: number;
  unitUs: number;
}

function areOfOneStart(comparing: Comparing, { path, recorded, live, unitUs }: Uptimes): boolean {
  const { own, values, test } = comparing;
  const { fromUs, toUs, liveFromUs, liveToUs } = own!;
  const was = startOf(recorded, unitUs, { fromUs, toUs });
  const is = startOf(live, unitUs, { fromUs: liveFromUs, toUs: liveToUs });
  // What began behind the first request is none of the service's life.
  if (
    values.clock.isInRun(timeAt(was.fromUs)) ||
    !values.clock.stands(timeAt(was.fromUs), timeAt(is.fromUs), own!)
  )
    return false;
  const space = { flow: `started ${test.endpoint} ${path} ${unitUs}` };
  const known = comparing.observed(space, 'recorded') ?? values.flow(space.flow, 'recorded');
  const knownLive = comparing.observed(space, 'live') ?? values.flow(space.flow, 'live');
  if (known !== undefined && knownLive !== undefined) return meets(was, known) && meets(is, knownLive);
  comparing.observe(space, 'recorded', textOf(was));
  comparing.observe(space, 'live', textOf(is));
  return true;
}

/** Units are counted when they are full, or rounded. */
function startOf(amount: number, unitUs: number, asked: Start): Start {
  const roundedUs = Number.isInteger(amount) ? unitUs : 0;
  return {
    fromUs: asked.fromUs - amount * unitUs - roundedUs - SKEW_US,
    toUs: asked.toUs - amount * unitUs + roundedUs / 2 + SKEW_US,
  };
}

function meets({ fromUs, toUs }: Start, known: string): boolean {
  const [knownFromUs, knownToUs] = known.split('-').map(Number) as [number, number];
  return fromUs <= knownToUs && toUs >= knownFromUs;
}

function textOf({ fromUs, toUs }: Start): string {
  return `${Math.round(fromUs)}-${Math.round(toUs)}`;
}

function snakeCase(path: string): string {
  return path.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}

function timeAt(us: number): WrittenTime {
  return { us, precisionUs: SECOND_US, form: 'uptime', fraction: null };
}
