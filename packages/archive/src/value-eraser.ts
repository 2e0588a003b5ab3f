// Takes a value out of what was recorded: every form in which it may stand there (as it is, percent-encoded, escaped in
// JSON, in base64 at any alignment), in texts, keys and numbers of JSON, so that JSON stays JSON. It knows no files.
import { OperatingError } from '@echoplane/runtime';

/** What stands where the value stood; the shape of a redaction token, so that no detector takes it for something. */
export const ERASED = 'rdx_erased0';
/** Shorter pieces of base64 occur by chance: a piece must say at least 36 bits. */
const MIN_BASE64_PIECE = 6;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export class ValueEraser {
  readonly #forms: readonly { form: string; by: string }[];
  readonly #inJson: readonly string[];

  /** `values`: what is looked for, such as a value and the tokens that stand for it; each of 4 characters at least. */
  constructor(values: readonly string[]) {
    if (values.some((value) => ERASED.includes(value))) {
      const sentence = `The value is a part of ${ERASED}, which stands for what was erased, so it would never be gone; erase a longer one.`;
      throw new OperatingError('value_too_common', sentence);
    }
    const forms = new Map<string, string>();
    for (const value of values) {
      for (const form of writtenForms(value)) forms.set(form, ERASED);
      for (const form of base64Forms(value)) if (!forms.has(form)) forms.set(form, 'A'.repeat(form.length));
    }
    // Long ones first: a short one may be a part of them.
    this.#forms = [...forms]
      .map(([form, by]) => ({ form, by }))
      .sort((a, b) => b.form.length - a.form.length);
    this.#inJson = [...new Set([...forms.keys()].flatMap((form) => [form, ...jsonForms(form)]))];
  }

  /** Whether a text of JSON may hold the value; false is certain. */
  mayHold(json: string): boolean {
    return this.#inJson.some((form) => json.includes(form));
  }

  /** The text without the value. An id of a record stays when a piece of it looks like the value by chance. */
  text(text: string): string {
    if (UUID.test(text)) return this.#isForm(text) ? ERASED : text;
    let clean = text;
    for (const { form, by } of this.#forms) if (clean.includes(form)) clean = clean.replaceAll(form, by);
    return clean;
  }

  /** JSON without the value; the same object when it was not there. A number that is the value becomes 0. */
  json(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.#isForm(String(value)) ? 0 : value;
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) {
      const items = value.map((item) => this.json(item));
      return items.some((item, i) => item !== value[i]) ? items : value;
    }
    const entries = Object.entries(value);
    const clean = entries.map(([key, item]) => [this.text(key), this.json(item)] as const);
    const isSame = clean.every(([key, item], i) => key === entries[i]![0] && item === entries[i]![1]);
    return isSame ? value : Object.fromEntries(clean);
  }

  #isForm(text: string): boolean {
    return this.#forms.some(({ form }) => form === text);
  }

  /** A line of NDJSON without the value; the same text when it was not there. */
  line(line: string): string {
    if (!this.mayHold(line)) return line;
    const parsed: unknown = JSON.parse(line);
    const clean = this.json(parsed);
    return clean === parsed ? line : JSON.stringify(clean);
  }
}

/** A value as texts write it. */
function writtenForms(value: string): string[] {
  const percent = encodeURIComponent(value);
  const strict = percent.replace(/[!'()*]/g, hexOf);
  const encoded = [percent, strict, strict.replaceAll('%20', '+')];
  const lower = encoded.map((form) => form.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()));
  return [...new Set([value, ...encoded, ...lower, ...jsonForms(value)])];
}

/** A text inside a string of JSON, as encoders differ: `/` and what is not ASCII may be escaped. */
function jsonForms(text: string): string[] {
  const plain = JSON.stringify(text).slice(1, -1);
  const forms = new Set([plain, plain.replaceAll('/', '\\/')]);
  for (const form of [...forms]) {
    const ascii = form.replace(/[^\0-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
    forms.add(ascii).add(ascii.replace(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`));
  }
  return [...forms];
}

const hexOf = (c: string) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`;

/** The characters that stand for the value inside base64, at each of the three places where its bytes may begin. */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value);
  const pieces = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '');
    // What the neighbours' bits share is not the value's own.
    const from = Math.ceil((shift * 8) / 6);
    return text.slice(from, Math.floor(((shift + bytes.length) * 8) / 6));
  });
  return pieces
    .filter((piece) => piece.length >= MIN_BASE64_PIECE)
    .flatMap((piece) => [piece, piece.replaceAll('+', '-').replaceAll('/', '_')]);
}
