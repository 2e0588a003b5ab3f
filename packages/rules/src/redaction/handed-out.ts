// Credentials that the answer to a log-in hands out under a name that does not say so: `{"key": "9944b09199c62bcf…"}`. They come
// back in headers, where they are known for what they are, and one value has one token wherever it stands. It must not know
// other answers: outside of a log-in hex digits are ids and digests.
import type { RRPair } from '@echoplane/traffic';
import { readText, writeText } from './body-text.ts';
import type { Inspection } from './inspection.ts';

/** Longer requests are no log-ins, and longer answers to them pages. */
const MAX_CHARS = 16_384;
const MAY_BE_PASSWORD = /pass|pwd/i;
/** The names of a JSON document's or a form's fields. */
const FIELD_NAME = /"([\w.-]{1,64})"\s*:|(?:^|&)([\w.-]{1,64})=/g;
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const NAMED_VALUE = new RegExp(`"([\\w.-]{1,64})"(\\s*:\\s*")([0-9a-f]{32,128}|${UUID})"`, 'gi');
/** What names things and their contents, and not who may use them. */
const NAMES_THING =
  /id$|ref$|href$|url$|hash$|digest$|sum$|fingerprint$|etag$|rev$|revision$|version$|salt$|nonce$|state$|avatar$/i;
/** An id of the form of a UUID is an id unless its name says otherwise. */
const NAMES_PROOF = /key$|^auth$|ticket$|bearer$/i;
/** Where credentials are made by who proves himself in a header: `POST /users/ada/tokens`. */
const MAKES_PROOF = /\/(?:[\w.-]*[_-])?(?:tokens?|api-?keys?)\/?(?:\?|$)/i;
const RULE = 'answer:log-in';

/** Replaces them in an answer whose request carried a password, or whose path says that they are made there. */
export function redactHandedOut({ request, response }: RRPair, inspection: Inspection): void {
  if (!request || !response || request.method !== 'POST' || request.body.size > MAX_CHARS) return;
  if (inspection.isOff('credential') || response.status >= 300 || response.body.size > MAX_CHARS) return;
  const asked = readText(request.body);
  const isLogIn = asked !== null && MAY_BE_PASSWORD.test(asked) && hasPassword(asked, inspection);
  if (!isLogIn && !MAKES_PROOF.test(request.url)) return;
  const text = readText(response.body);
  if (text === null || !/^\s*\{/.test(text)) return;
  inspection.notes.enter('response.body');
  const redacted = text.replace(NAMED_VALUE, (all, name: string, colon: string, value: string) => {
    const isProof = value.includes('-') ? NAMES_PROOF.test(name) : true;
    if (NAMES_THING.test(name) || !isProof) return all;
    inspection.notes.enter(`.${name}`);
    const token = inspection.mint('credential', value, RULE);
    inspection.notes.leave();
    return `"${name}"${colon}${token}"`;
  });
  inspection.notes.leave();
  if (redacted !== text) writeText(response.body, redacted);
}

function hasPassword(text: string, { fields }: Inspection): boolean {
  for (const [, member, field] of text.matchAll(FIELD_NAME))
    if (fields.kindOf((member ?? field)!) === 'password') return true;
  return false;
}
