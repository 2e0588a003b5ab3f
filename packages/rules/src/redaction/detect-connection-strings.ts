// Passwords in connection strings: `Server=db;Uid=app;Pwd=…;`, `host=db user=app password=…`, `AccountName=…;AccountKey=…`.
// A name before `=` is not enough, scripts are full of it: another part of a connection string must stand nearby.
import type { Finding } from './finding.ts';

const SECRET_NAME = /(?:^|[^A-Za-z])(?:password|pwd|accountkey|sharedaccesskey|sharedaccesssignature)$/i;
/** The last two letters of the names, before anything is cut out of the text: scripts assign all the time. */
const ENDINGS = new Set(['rd', 'wd', 'ey', 're'].map((end) => end.charCodeAt(0) * 256 + end.charCodeAt(1)));
const NEIGHBOUR =
  /(?:^|[\s;"'&?])(?:server|host|hostname|data source|initial catalog|endpoint|defaultendpointsprotocol|accountname|sharedaccesskeyname|user id|uid|user|dbname|database|port)\s?=/i;
const MAX_NAME = 24;
const LEFT = 200;
const RIGHT = 120;
const MAX_VALUE = 256;
const PLACEHOLDER = /^(?:\$|\{|<|\*+$|rdx_)/;

/** The value after the `=` at this place, if it is the secret part of a connection string. */
export function connectionSecretAt(text: string, equals: number): Finding | undefined {
  if (!ENDINGS.has((text.charCodeAt(equals - 2) | 0x20) * 256 + (text.charCodeAt(equals - 1) | 0x20)))
    return undefined;
  if (!SECRET_NAME.test(text.slice(Math.max(0, equals - MAX_NAME), equals))) return undefined;
  const start = equals + 1;
  const length = text.slice(start, start + MAX_VALUE).search(/[\s;"'<>&,\\]|$/);
  if (length === 0) return undefined;
  const value = text.slice(start, start + length);
  const end = start + length;
  const near =
    NEIGHBOUR.test(text.slice(Math.max(0, equals - LEFT), equals)) ||
    NEIGHBOUR.test(text.slice(end, end + RIGHT));
  if (!near || PLACEHOLDER.test(value)) return undefined;
  return { start, end, kind: 'password' };
}
