// Multipart bodies (RFC 2046, RFC 7578): every part by its own content type, fields by their names. Boundaries, part
// headers and line ends stay. A body that is no text as a whole comes as characters that are its bytes, and with what takes
// the place of parts that are files.
import { isUtf8 } from 'node:buffer';
import { encodeLike, hasControls, openBase64 } from '@echoplane/traffic';
import type { Inspection } from './inspection.ts';
import { Splice } from './splice.ts';

/** How the content of one part is redacted by its content type. */
export type RedactPart = (text: string, contentType: string, depth: number) => string;

const MAX_PARTS = 1_000;
const MAX_PART_HEAD = 8_192;
const HEAD_END = /\r?\n\r?\n/g;

export interface MultipartOptions {
  contentType: string;
  redactPart: RedactPart;
  kept?: ReadonlySet<string>;
  /** The text holds bytes as characters; gives the bytes in the place of a part that is no text. */
  standIn?: (file: Buffer) => Buffer;
}

/** The body with its parts redacted; null when no boundary is found or parts are too many to look at. */
export function redactMultipart(
  text: string,
  inspection: Inspection,
  depth: number,
  options: MultipartOptions,
): string | null {
  const delimiter = delimiterOf(text, options.contentType);
  if (delimiter === null) return null;
  const splice = new Splice(text);
  let start = text.indexOf(delimiter);
  if (start > 0) redactStretch(text, 0, start, { splice, inspection, depth });
  for (let parts = 0; start >= 0 && start < text.length; parts++) {
    if (parts > MAX_PARTS) return null;
    const from = start + delimiter.length;
    const next = text.indexOf(delimiter, from);
    const to = next < 0 ? text.length : next;
    if (text.startsWith('--', from)) redactStretch(text, from + 2, to, { splice, inspection, depth });
    else redactPart(text, from, to, { splice, inspection, depth, options });
    start = next;
  }
  return splice.done();
}

interface PartPass {
  splice: Splice;
  inspection: Inspection;
  depth: number;
  options: MultipartOptions;
}

function delimiterOf(text: string, contentType: string): string | null {
  const named = /boundary="?([^";,]{1,100})/i.exec(contentType)?.[1]?.trim();
  if (named !== undefined && text.includes(`--${named}`)) return `--${named}`;
  return /^(--[^\r\n]{1,100}?)\r?\n/.exec(text)?.[1] ?? null;
}

/** What stands outside parts is text. */
function redactStretch(
  text: string,
  start: number,
  end: number,
  { splice, inspection, depth }: Omit<PartPass, 'options'>,
): void {
  if (end <= start) return;
  const written = text.slice(start, end);
  const redacted = inspection.value(written, null, depth);
  if (redacted !== written) splice.put(start, end, redacted);
}

function redactPart(text: string, from: number, to: number, pass: PartPass): void {
  const { splice, inspection, options } = pass;
  HEAD_END.lastIndex = from;
  const gap = HEAD_END.exec(text);
  if (gap === null || gap.index > to || gap.index - from > MAX_PART_HEAD) {
    redactStretch(text, from, to, pass);
    return;
  }
  redactStretch(text, from, gap.index, pass);
  const head = text.slice(from, gap.index);
  const start = gap.index + gap[0].length;
  const end = to === text.length ? to : start + text.slice(start, to).replace(/\r?\n$/, '').length;
  if (end <= start) return;
  const name = /\bname="?([^";\r\n]*)/i.exec(head)?.[1] ?? '';
  if (options.kept?.has(name)) return;
  const written = text.slice(start, end);
  const step = name === '' ? 'part' : inspection.keyText(name);
  inspection.notes.enter(`.${step}`);
  const redacted = options.standIn
    ? contentOfBytes(written, head, name, { ...pass, standIn: options.standIn })
    : content(written, head, name, pass);
  inspection.notes.leave();
  if (redacted !== written) splice.put(start, end, redacted);
}

function contentOfBytes(
  written: string,
  head: string,
  name: string,
  pass: PartPass & { standIn: (file: Buffer) => Buffer },
): string {
  const bytes = Buffer.from(written, 'latin1');
  const text = isUtf8(bytes) ? bytes.toString('utf8') : null;
  if (text !== null && !hasControls(text))
    return Buffer.from(content(text, head, name, pass), 'utf8').toString('latin1');
  if (pass.inspection.fields.kindOf(name) !== null) return content(written, head, name, pass);
  pass.inspection.notes.place('unredactable', 'stand-in');
  return pass.standIn(bytes).toString('latin1');
}

function content(
  written: string,
  head: string,
  name: string,
  { inspection, depth, options }: PartPass,
): string {
  const kind = inspection.fields.kindOf(name);
  if (kind !== null) return inspection.secret(written, kind, depth);
  const type = /^content-type: *(.+?)\r?$/im.exec(head)?.[1] ?? '';
  if (!/^content-transfer-encoding: *base64/im.test(head))
    return options.redactPart(written, type, depth + 1);
  const opened = openBase64(written.replace(/\s/g, ''));
  if (opened === null) return inspection.mint('secret', written, 'undecodable-part');
  const redacted = options.redactPart(opened.text, type, depth + 1);
  return redacted === opened.text && !opened.hasNotes ? written : encodeLike(redacted, opened);
}
