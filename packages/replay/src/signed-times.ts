// Texts that a service signs with the second in which it did so, `{payload}:1xVL8R:{signature}`: of one second two equal texts are
// one, of two seconds they are two. The payload is compared as it is, the time by the clock of its exchange. Pure.
import type { Comparing } from './comparing.ts';
import type { Exchange } from './run-clock.ts';
import { SECOND_US } from './times.ts';

const SIGNED = /^(.*):([0-9A-Za-z]{6}):([\w-]{20,100})$/s;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Another clock may be ahead of that of the recorder. */
const SLACK_US = 2 * SECOND_US;

/** Whether both are one payload, signed while they were asked for. */
export function isSignedAnew({ own, values }: Comparing, recorded: unknown, live: unknown): boolean {
  if (!own || typeof recorded !== 'string' || typeof live !== 'string') return false;
  const [was, is] = [SIGNED.exec(recorded), SIGNED.exec(live)];
  if (!was || !is || was[2] === is[2] || was[3] === is[3]) return false;
  if (values.apply(was[1]!) !== is[1]) return false;
  return isDuring(was[2]!, own.fromUs, own.toUs) && isDuring(is[2]!, own.liveFromUs, own.liveToUs);
}

function isDuring(time: string, fromUs: Exchange['fromUs'], toUs: Exchange['toUs']): boolean {
  const us = [...time].reduce((sum, digit) => sum * DIGITS.length + DIGITS.indexOf(digit), 0) * SECOND_US;
  return us >= fromUs - SLACK_US && us <= toUs + SLACK_US;
}
