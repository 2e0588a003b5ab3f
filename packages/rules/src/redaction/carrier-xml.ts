// XML and HTML: texts and attributes by the names of their elements and attributes, and by shape; markup stays byte for
// byte. Tolerant: tags need not close. Scripts are judged as programs.
import type { SecretKind } from '../rules-document.ts';
import { redactText } from './carrier-text.ts';
import type { Inspection } from './inspection.ts';
import { Splice } from './splice.ts';

const ATTRIBUTE = /([\w:.-]+)(\s*=\s*)("[^"]*"?|'[^']*'?|[^\s"'>]+)/g;
/** Attributes that give an element another name: of forms, of settings. */
const NAMING = /\s(?:name|key|id|property)\s*=\s*["']?([\w:.-]+)/i;
const NAMED_VALUES = new Set(['value', 'content']);
const MAX_NAME = 128;

/** The document with sensitive texts and attributes replaced; the same string when there is none. */
export function redactXml(text: string, inspection: Inspection, depth: number): string {
  const pass = new XmlPass(text, inspection, depth);
  // What stands in markup without being a text or an attribute has at least its shape.
  return inspection.shapes(pass.run());
}

class XmlPass {
  readonly #text: string;
  readonly #inspection: Inspection;
  readonly #depth: number;
  readonly #splice: Splice;
  /** Element whose text comes next. */
  #element = '';
  #kind: SecretKind | null = null;

  constructor(text: string, inspection: Inspection, depth: number) {
    this.#text = text;
    this.#inspection = inspection;
    this.#depth = depth;
    this.#splice = new Splice(text);
  }

  run(): string {
    const text = this.#text;
    for (let at = 0; at < text.length; ) {
      const open = text.indexOf('<', at);
      this.#content(at, open < 0 ? text.length : open);
      if (open < 0) break;
      at = this.#markup(open);
    }
    return this.#splice.done();
  }

  #markup(open: number): number {
    const text = this.#text;
    if (text.startsWith('<!--', open)) return this.#verbatim(open + 4, '-->', null);
    if (text.startsWith('<![CDATA[', open)) return this.#verbatim(open + 9, ']]>', this.#kind);
    const end = endOfTag(text, open);
    if (text[open + 1] === '/') {
      this.#element = '';
      this.#kind = null;
      return end + 1;
    }
    const tag = text.slice(open, end);
    const name = /^<([\w:.-]+)/.exec(tag)?.[1] ?? '';
    const given = NAMING.exec(tag)?.[1];
    const naming = given === undefined ? null : this.#kindOf(given);
    this.#attributes(open + 1 + name.length, tag.slice(1 + name.length), naming);
    this.#element = name.slice(0, MAX_NAME);
    this.#kind = tag.endsWith('/') ? null : (this.#kindOf(name) ?? naming);
    return end + 1;
  }

  #kindOf(name: string): SecretKind | null {
    return this.#inspection.fields.kindOf(name.slice(name.lastIndexOf(':') + 1));
  }

  #verbatim(start: number, closing: string, kind: SecretKind | null): number {
    const found = this.#text.indexOf(closing, start);
    const end = found < 0 ? this.#text.length : found;
    this.#replace(start, end, `.${this.#element}`, (value) =>
      this.#inspection.value(value, kind, this.#depth),
    );
    return end + closing.length;
  }

  #content(start: number, end: number): void {
    if (end - start < 1) return;
    const written = this.#text.slice(start, end);
    const value = written.trim();
    if (value === '') return;
    const from = start + written.indexOf(value);
    this.#replace(from, from + value.length, this.#element === '' ? '' : `.${this.#element}`, (content) => {
      if (/^(?:script|style)$/i.test(this.#element))
        return redactText(content, this.#inspection, this.#depth, { quotedOnly: true });
      return this.#judged(content, this.#kind);
    });
  }

  #attributes(offset: number, attributes: string, naming: SecretKind | null): void {
    if (!attributes.includes('=')) return;
    for (const match of attributes.matchAll(ATTRIBUTE)) {
      const [, name = '', equals = '', quoted = ''] = match;
      const isQuoted = /^["']/.test(quoted);
      const value = isQuoted ? quoted.slice(1).replace(/["']$/, '') : quoted;
      const start = offset + match.index + name.length + equals.length + (isQuoted ? 1 : 0);
      const kind = this.#kindOf(name) ?? (NAMED_VALUES.has(name.toLowerCase()) ? naming : null);
      this.#replace(start, start + value.length, `.${this.#element}@${name}`, (written) =>
        this.#judged(written, kind),
      );
    }
  }

  #judged(written: string, kind: SecretKind | null): string {
    if (!written.includes('&')) return this.#inspection.value(written, kind, this.#depth);
    const value = withoutEntities(written);
    const redacted = this.#inspection.value(value, kind, this.#depth);
    return redacted === value ? written : withEntities(redacted);
  }

  #replace(start: number, end: number, step: string, redact: (written: string) => string): void {
    if (end <= start) return;
    const written = this.#text.slice(start, end);
    this.#inspection.notes.enter(step);
    const redacted = redact(written);
    this.#inspection.notes.leave();
    if (redacted !== written) this.#splice.put(start, end, redacted);
  }
}

/** The `>` of a tag, over quoted attributes; the end of the text when it was cut. */
function endOfTag(text: string, open: number): number {
  let quote = '';
  for (let at = open + 1; at < text.length; at++) {
    const char = text[at]!;
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if (char === '>') return at;
    else if ((char === '"' || char === "'") && text[at - 1] === '=') quote = char;
  }
  return text.length;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", commat: '@' };
const CHARACTERS: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function withoutEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,8}));/gi, (all, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name as string] ?? all;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

function withEntities(text: string): string {
  return text.replace(/[&<>"]/g, (char) => CHARACTERS[char]!);
}
