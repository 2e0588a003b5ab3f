// What a pipeline is told by a number. Pure.
import type { Report } from '@echoplane/traffic';

/**
 * Exit codes of commands that end with a report: 0 passed; 1 goals missed; 2 the figures cannot be trusted, or nothing could
 * be asserted; 3 there is no report.
 */
export const EXIT = { passed: 0, missedGoals: 1, void: 2, noReport: 3 } as const;

/** The exit code of a report's verdict. */
export function exitCodeOf({ verdict }: Pick<Report, 'verdict'>): number {
  switch (verdict) {
    case 'passed':
      return EXIT.passed;
    case 'missed-goals':
      return EXIT.missedGoals;
    case 'failed':
    case 'void':
      return EXIT.void;
  }
}
