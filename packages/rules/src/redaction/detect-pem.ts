// PEM and OpenPGP blocks, in one line with escaped line ends or in many. Private ones are findings; certificates and public
// keys are stepped over, so that nobody takes their base64 for a secret.
import { classAt, DIGIT, LETTER } from './char-class.ts';
import type { Finding } from './finding.ts';
import { TOKEN_PREFIX } from './token-shape.ts';

const BEGIN = '-----BEGIN ';
const END = '-----END ';
const MAX_LABEL = 60;
/** Characters of a key at least: documentation that names the lines has none between them. */
const MIN_BODY = 32;

/** A block: its end, and the finding if it is private and has a body. */
export interface PemBlock {
  end: number;
  finding: Finding | undefined;
}

/** The block whose BEGIN line starts here. Without an END line it ends where a key cannot go on. */
export function pemAt(text: string, at: number): PemBlock | undefined {
  if (!text.startsWith(BEGIN, at)) return undefined;
  const label = text.slice(at + BEGIN.length, at + BEGIN.length + MAX_LABEL);
  const dashes = label.indexOf('-----');
  if (dashes < 0) return undefined;
  const body = at + BEGIN.length + dashes + 5;
  let end = body;
  let solid = 0;
  while (isBody(text, end)) {
    if (text.charCodeAt(end) === 0x2d && text.startsWith('-----', end)) break;
    if ((classAt(text, end) & (DIGIT | LETTER)) !== 0) solid += 1;
    end += 1;
  }
  const token = /^(?:\s|\\[nr])*rdx_/.test(text.slice(body, body + TOKEN_PREFIX.length + 8));
  if (text.startsWith(END, end)) {
    const close = text.slice(end + END.length, end + END.length + MAX_LABEL).indexOf('-----');
    if (close >= 0) end += END.length + close + 5;
  }
  const secret = /PRIVATE KEY/.test(label.slice(0, dashes)) && solid >= MIN_BODY && !token;
  return { end, finding: secret ? { start: at, end, kind: 'private-key' } : undefined };
}

/** Base64, line ends (escaped ones too) and the header lines of encrypted keys. */
function isBody(text: string, at: number): boolean {
  if (classAt(text, at) !== 0) return true;
  const code = text.charCodeAt(at);
  // = \ : , white space ( )
  return (
    code === 0x3d ||
    code === 0x5c ||
    code === 0x3a ||
    code === 0x2c ||
    code === 0x20 ||
    (code >= 9 && code <= 13) ||
    code === 0x28 ||
    code === 0x29
  );
}
