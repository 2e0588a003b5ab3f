// The readable text of a stored body and back: whether it is kept as text, as JSON or under content codings is decided
// here, so that what was read is written the way it came. `size` stays the size on the wire.
import { isUtf8 } from 'node:buffer';
import { type Body, encoded, hasGzipNotes, knownCodings } from '@echoplane/traffic';

/** The parts of a body, or of a stream's message, that hold its bytes. */
export type Content = Pick<Body, 'text' | 'json' | 'base64' | 'ref' | 'decoded'> & { encoding?: string };

/** The text of a body; null when it holds bytes that were not, or cannot be, decoded. */
export function readText(content: Content): string | null {
  if (content.text !== undefined) return content.text;
  if (content.json !== undefined) return JSON.stringify(content.json);
  if (content.decoded !== undefined && codingsOf(content).length > 0) return content.decoded;
  return null;
}

/** Puts another text in the place of the one that was read. */
export function writeText(content: Content, text: string): void {
  if (content.text !== undefined) content.text = text;
  else if (content.json !== undefined) writeJson(content, text);
  else {
    const bytes = Buffer.from(content.base64 ?? '', 'base64');
    content.base64 = encoded(Buffer.from(text, 'utf8'), codingsOf(content), bytes).toString('base64');
    content.decoded = text;
  }
}

/** The bytes of a body without content codings. */
export function readBytes({ text, json, base64 }: Content): Buffer {
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return Buffer.from(text ?? (json === undefined ? '' : JSON.stringify(json)), 'utf8');
}

/** Puts other bytes in the place of all that was kept. */
export function writeBytes(content: Content, bytes: Buffer): void {
  withhold(content);
  if (isUtf8(bytes)) content.text = bytes.toString('utf8');
  else content.base64 = bytes.toString('base64');
}

/** Compressed bytes may carry more than what they unfold to; true when they had to be made anew. */
export function dropNotes(content: Content): boolean {
  if (content.decoded === undefined || content.base64 === undefined) return false;
  const isNested = codingsOf(content).length > 1;
  if (!isNested && !hasGzipNotes(Buffer.from(content.base64, 'base64'))) return false;
  writeText(content, content.decoded);
  return true;
}

/** Takes everything away but sizes. */
export function withhold(content: Content): void {
  delete content.text;
  delete content.json;
  delete content.base64;
  delete content.ref;
  delete content.decoded;
}

/** Whether anything of the body was kept. */
export function isKept({ text, json, base64, ref }: Content): boolean {
  return ref !== undefined || json !== undefined || (base64 ?? text ?? '') !== '';
}

/**
 * Bytes that are text after all, but for a character that was cut in two at their end. Other charsets are seen through
 * Latin-1, which gives every byte back.
 */
export function textOfBytes(bytes: Buffer): { text: string; charset: 'utf8' | 'latin1' } {
  for (let less = 0; less < 4 && less < bytes.length; less++) {
    const whole = bytes.subarray(0, bytes.length - less);
    if (isUtf8(whole)) return { text: whole.toString('utf8'), charset: 'utf8' };
  }
  return { text: bytes.toString('latin1'), charset: 'latin1' };
}

function codingsOf({ encoding = 'identity' }: Content): string[] {
  return knownCodings(encoding);
}

/** `json` only while `JSON.stringify` gives the very text. */
function writeJson(content: Content, text: string): void {
  let json: Body['json'];
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  if (json !== undefined && JSON.stringify(json) === text) content.json = json;
  else {
    delete content.json;
    content.text = text;
  }
}
