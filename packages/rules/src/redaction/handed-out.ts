// Credentials that an answer hands out under no name that says so: to a log-in, `{"key": "9944b09199c62bcf…"}`, and alone, to a
// request for a token. They come back in headers and fields, where they are known for what they are, and one value has one token wherever
// it stands. It must not know other answers: outside of these hex digits are ids and digests.
import type { RRPair } from '@echoplane/traffic';
import { readText, writeText } from './body-text.ts';
import type { Inspection } from './inspection.ts';
import { TOKEN_PREFIX } from './token-shape.ts';

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
/** An element of an array, without a name. */
const ELEMENT = /([[,]\s*)"([0-9a-f]{32,128})"(?=\s*[,\]])/gi;
const RULE = 'answer:log-in';

/** The last segment of a path. */
const LAST_SEGMENT = /\/([^/?#]+)\/?(?:[?#]|$)/;
/** One word that nobody would write: an answer that is nothing but the token that it was asked for. */
const BARE_TOKEN = /^(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[\w.:+/=~-]{16,1024}$/;

/** Replaces an answer that is nothing but what its path names: `GET /csrf-token`. */
function redactBareToken({ request, response }: RRPair, inspection: Inspection): void {
  const name = request && LAST_SEGMENT.exec(request.url)?.[1];
  if (!name || !response || response.status >= 300 || response.body.size > MAX_CHARS) return;
  const text = readText(response.body);
  if (text === null || !BARE_TOKEN.test(text) || text.includes(TOKEN_PREFIX)) return;
  if (inspection.fields.kindOf(name) !== 'credential') return;
  inspection.notes.enter('response.body');
  writeText(response.body, inspection.secret(text, 'credential', 0, 'answer:token'));
  inspection.notes.leave();
}

/** Replaces them in an answer whose request carried a password, or whose path says that they are made there. */
export function redactHandedOut(pair: RRPair, inspection: Inspection): void {
  if (inspection.isOff('credential')) return;
  redactBareToken(pair, inspection);
  const { request, response } = pair;
  if (!request || !response || request.method !== 'POST' || request.body.size > MAX_CHARS) return;
  if (response.status >= 300 || response.body.size > MAX_CHARS) return;
  const asked = readText(request.body);
  const isLogIn = asked !== null && MAY_BE_PASSWORD.test(asked) && hasPassword(asked, inspection);
  if (!isLogIn && !MAKES_PROOF.test(request.url)) return;
  const text = readText(response.body);
  if (text === null || !/^\s*\{/.test(text)) return;
  inspection.notes.enter('response.body');
  let redacted = text.replace(NAMED_VALUE, (all, name: string, colon: string, value: string) => {
    const isProof = value.includes('-') ? NAMES_PROOF.test(name) : true;
    if (NAMES_THING.test(name) || !isProof) return all;
    inspection.notes.enter(`.${name}`);
    const token = inspection.mint('credential', value, RULE);
    inspection.notes.leave();
    return `"${name}"${colon}${token}"`;
  });
  redacted = redactElements(redacted, inspection);
  inspection.notes.leave();
  if (redacted !== text) writeText(response.body, redacted);
}

/** `[7, "2f669738…", null]`: who logged in, and with what he proves that. */
function redactElements(text: string, inspection: Inspection): string {
  if (text.search(ELEMENT) < 0) return text;
  const alone = new Set<string>();
  try {
    JSON.parse(text, (_key, value: unknown) => {
      const words = Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
      if (words.length === 1 && (value as unknown[]).length > 1) alone.add(words[0] as string);
      return value;
    });
  } catch {
    return text;
  }
  return text.replace(ELEMENT, (all, before: string, value: string) => {
    if (!alone.has(value)) return all;
    inspection.notes.enter('[]');
    const token = inspection.mint('credential', value, RULE);
    inspection.notes.leave();
    return `${before}"${token}"`;
  });
}

function hasPassword(text: string, { fields }: Inspection): boolean {
  for (const [, member, field] of text.matchAll(FIELD_NAME))
    if (fields.kindOf((member ?? field)!) === 'password') return true;
  return false;
}
