// The name of one run of a session, where sessions run more than once: `s3/u7/r12`, session s3 by virtual user 7 in round 12.
// Results carry it, so that what one run was given is not expected of another. Pure.

/** What stands behind the session's own name. */
export function runName(user: number, round: number): string {
  return `/u${user}/r${round}`;
}

/** The round of a run of `session` by its name; null when the name is no such one: the session ran once. */
export function roundOf(name: string, session: string): string | null {
  if (!name.startsWith(session)) return null;
  return /^\/u\d+\/(r\d+)$/.exec(name.slice(session.length))?.[1] ?? null;
}
