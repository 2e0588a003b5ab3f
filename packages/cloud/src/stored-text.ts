// What others send, made fit for Postgres: a text holds no NUL and no half of a surrogate pair, an index entry at most
// 2,700 bytes. Nothing a service or a hop sends may stop the batch it comes in.

/** For indexed columns, in UTF-16 units of at most three bytes. */
const MAX_NAME = 800;

/** A text that Postgres can hold. */
export const storedText = (value: string) => value.replaceAll('\0', '\uFFFD').toWellFormed();

/** A text for an indexed column. */
export const storedName = (value: string) => storedText(value.slice(0, MAX_NAME));

/** JSON that a jsonb can hold: its keys and texts are stored texts. */
export function storedJson(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (typeof part === 'string') return storedText(part);
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([key, item]) => [storedText(key), item]));
  });
}
