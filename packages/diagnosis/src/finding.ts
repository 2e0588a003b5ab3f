// Findings in short.
import type { Finding } from '@echoplane/api';

/** As long as the contract takes it. */
const MAX_TEXT = 2_000;

function finding(check: string, state: Finding['state'], message: string, remedy: string | null): Finding {
  return { check, state, message: message.slice(0, MAX_TEXT), remedy };
}

export const ok = (check: string, message: string): Finding => finding(check, 'ok', message, null);
export const warning = (check: string, message: string, remedy: string): Finding =>
  finding(check, 'warning', message, remedy);
export const problem = (check: string, message: string, remedy: string): Finding =>
  finding(check, 'problem', message, remedy);
/** It could not be looked at. */
export const unknown = (check: string, message: string, remedy: string): Finding =>
  finding(check, 'unknown', message, remedy);

/** The first of many, and how many more there are. */
export function someOf(names: readonly string[], limit = 10): string {
  const rest = names.length - limit;
  return `${names.slice(0, limit).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
