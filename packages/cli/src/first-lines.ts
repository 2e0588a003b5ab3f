// Lists for the terminal: the first of them, and where the others are to be seen. A list of hundreds would push the verdict
// out of sight.

/** The first `limit` lines; when there are more, one that says how many and `where` they are. */
export function firstLines(lines: readonly string[], limit: number, where: string): string[] {
  if (lines.length <= limit) return [...lines];
  return [...lines.slice(0, limit), `  … and ${lines.length - limit} more: ${where}`];
}
