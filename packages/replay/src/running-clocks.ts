// Numbers that say how long it has been since one moment, `uptime: 4.163157`: another one in every answer, and of the same moment in
// all of them. The moment stands to this run as the recorded one stood to its own. Pure.

import { bodyJson, leafPattern } from '@echoplane/traffic';
import { operationNamed } from './body-operation.ts';
import type { Comparing, Judgement } from './comparing.ts';

/** Clocks that run apart, and what is rounded. */
export const CLOCK_SKEW_US = 5_000;

/** Between two instants; µs since the epoch. */
export interface Moment {
  leastUs: number;
  mostUs: number;
}

/** The moment since which it has been so many units of so many µs, in an answer that was made between two instants. */
export function momentBefore(amount: number, unitUs: number, fromUs: number, toUs: number): Moment {
  const [, fraction = ''] = /\.(\d+)$/.exec(String(amount)) ?? [];
  // Cut or rounded.
  const stepUs = unitUs / 10 ** fraction.length + CLOCK_SKEW_US;
  return { leastUs: fromUs - amount * unitUs - stepUs, mostUs: toUs - amount * unitUs + stepUs };
}

/** A number where such durations stand. */
export function judgeSince(
  comparing: Comparing,
  path: string,
  [recorded, live]: [number, number],
  unitUs: number,
): Judgement {
  const { own, test, values } = comparing;
  if (Math.sign(recorded) * Math.sign(live) < 0) return 'differs';
  if (!own) return { kind: 'measure' };
  const now = momentBefore(live, unitUs, own.liveFromUs, own.liveToUs);
  const key = `since ${test.request.method} ${test.endpoint}${operationNamed(bodyJson(test.request.body))} ${leafPattern(path)}`;
  const known = comparing.observed('seen', key) ?? values.seen(key)?.live;
  if (known !== undefined) {
    const [leastUs, mostUs] = known.split(' ').map(Number) as [number, number];
    return now.leastUs <= mostUs && leastUs <= now.mostUs ? 'time' : 'differs';
  }
  const was = momentBefore(recorded, unitUs, own.fromUs, own.toUs);
  const written = ({ mostUs }: Moment) => ({
    ...{ us: mostUs, precisionUs: unitUs, form: 'age', fraction: null },
  });
  if (!values.clock.stands(written(was), written(now), own)) return 'differs';
  comparing.observe('seen', key, `${now.leastUs} ${now.mostUs}`);
  return 'time';
}
