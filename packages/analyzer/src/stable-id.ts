// Ids that are the same whenever the same recording is analyzed: users' edits name tokens and flows by them. Pure.
import { hash } from 'node:crypto';

/** `prefix` and twelve hex digits of what the parts say. */
export function stableId(prefix: string, ...parts: string[]): string {
  return prefix + hash('sha256', parts.join('\n'), 'hex').slice(0, 12);
}
