// Header lists, of requests and responses, trailers too: what a header's name makes of its value. Cookies one by one,
// attributes of Set-Cookie stay; headers that hold urls like urls; everything else by its shape. Lists change in place.
import type { HeaderList } from '@echoplane/traffic';
import type { RedactionRules, SecretKind } from '../rules-document.ts';
import { redactAuthorization } from './carrier-authorization.ts';
import { redactComponent } from './carrier-form.ts';
import { redactUrl } from './carrier-url.ts';
import type { Inspection } from './inspection.ts';
import { KeyNames } from './key-names.ts';
import { ownCopy } from './own-copy.ts';
import { Splice } from './splice.ts';

/** Names and clean values that are remembered; past the bound all are forgotten. */
const MAX_NAMES = 2_048;
const MAX_CLEAN_VALUES = 4_096;
const MAX_CLEAN_LENGTH = 256;
const MAX_NAME_LENGTH = 200;
const MIN_NAME_LENGTH = 5;
/** Values that differed in a row: from then on only every eighth is remembered, most never come again. */
const MAX_MISSES = 16;
const MISS_MASK = 7;

type Treatment = 'stays' | 'authorization' | 'cookie' | 'set-cookie' | 'url' | 'text' | SecretKind;
interface Role {
  name: string;
  /** As it is written down: names may be data. */
  written: string;
  treatment: Treatment;
  /** Nothing but its shape is asked of a value. */
  isByShape: boolean;
  /** The value that was found to hold nothing last, and how many others have come since. */
  clean: string;
  misses: number;
}

/** Dates, lengths, versions, traces, challenges, hosts: needed as they are, unless somebody put a known shape there. */
const STAYS = new Set(
  (
    'date expires last-modified if-modified-since if-unmodified-since age etag if-none-match if-match content-length ' +
    'content-encoding transfer-encoding accept-encoding accept-language accept-ranges connection keep-alive vary te ' +
    'upgrade cache-control pragma traceparent x-b3-traceid x-b3-spanid x-b3-parentspanid x-b3-sampled b3 ' +
    'x-amzn-trace-id uber-trace-id x-cloud-trace-context www-authenticate proxy-authenticate sec-websocket-key ' +
    'sec-websocket-accept sec-websocket-version sec-websocket-extensions strict-transport-security content-md5 ' +
    'grpc-encoding grpc-accept-encoding grpc-status grpc-timeout host :authority'
  ).split(' '),
);
const URLS = new Set(
  'location content-location referer referrer x-original-url x-rewrite-url x-forwarded-uri x-original-uri'.split(
    ' ',
  ),
);

/** Also those of a service itself: `X-Shop-Auth`. */
const AUTHORIZATION = /^(?:proxy-)?authorization$|^x-(?:[\w-]+-)?auth$/;

export interface HeaderOptions {
  /** Names, in lower case, of headers and of cookies that stay. */
  keptHeaders?: ReadonlySet<string>;
  keptCookies?: ReadonlySet<string>;
}

export interface BodyFacts {
  contentType: string;
  grpcEncoding: string;
}

export class HeaderCarrier {
  readonly #inspection: Inspection;
  readonly #names: KeyNames;
  readonly #cookies: KeyNames;
  readonly #except: ReadonlySet<string>;
  readonly #roles = new Map<string, Role>();
  readonly #clean = new Set<string>();

  constructor(inspection: Inspection, rules: RedactionRules) {
    this.#inspection = inspection;
    this.#names = new KeyNames('header', rules);
    this.#cookies = new KeyNames('cookie', rules);
    this.#except = new Set(rules.keysExcept.map((name) => name.toLowerCase()));
  }

  /** Redacts a list in place; what it says of the body, as it was sent. */
  redact(headers: HeaderList, options: HeaderOptions = {}): BodyFacts {
    const facts: BodyFacts = { contentType: '', grpcEncoding: 'identity' };
    for (let index = 0; index < headers.length; index++) {
      const header = headers[index]!;
      const [name, value] = header;
      const role = this.#roles.get(name) ?? this.#learn(name);
      if (role.name === 'content-type') facts.contentType = value;
      else if (role.name === 'grpc-encoding') facts.grpcEncoding = value;
      if (role.written !== name) headers[index] = [role.written, value];
      if (value === '' || (role.isByShape && this.#isClean(role, value))) continue;
      if (options.keptHeaders?.has(role.name)) continue;
      const redacted = this.#value(role, value, options);
      if (redacted !== value) headers[index] = [role.written, redacted];
      else if (role.isByShape) this.#remember(role, value);
    }
    return facts;
  }

  #isClean(role: Role, value: string): boolean {
    if (value === role.clean) {
      role.misses = 0;
      return true;
    }
    if (role.treatment !== 'text') return false;
    return this.#inspection.isPlain(value, 0, value.length) || this.#clean.has(value);
  }

  #value({ name, treatment }: Role, value: string, options: HeaderOptions): string {
    const { notes } = this.#inspection;
    if (treatment === 'cookie') return this.#cookiePairs(value, options);
    if (treatment === 'set-cookie') return this.#setCookie(value, options);
    notes.enter(`.header.${name}`);
    const redacted = this.#plainValue(treatment, value);
    notes.leave();
    return redacted;
  }

  #plainValue(treatment: Treatment, value: string): string {
    switch (treatment) {
      case 'stays':
        return this.#inspection.plainShapes(value);
      case 'authorization':
        return redactAuthorization(value, this.#inspection);
      case 'url':
        return redactUrl(value, this.#inspection, 0);
      case 'text':
        return this.#inspection.value(value, null, 0);
      default:
        return this.#inspection.secret(value, treatment as SecretKind, 0);
    }
  }

  #cookiePairs(value: string, { keptCookies }: HeaderOptions): string {
    const splice = new Splice(value);
    for (let start = 0; start < value.length; ) {
      let end = value.indexOf(';', start);
      if (end < 0) end = value.length;
      this.#cookie(value, start, end, splice, keptCookies);
      start = end + 1;
    }
    return splice.done();
  }

  #setCookie(value: string, { keptCookies }: HeaderOptions): string {
    const end = value.indexOf(';');
    const splice = new Splice(value);
    this.#cookie(value, 0, end < 0 ? value.length : end, splice, keptCookies);
    if (end >= 0) {
      const attributes = value.slice(end);
      const redacted = this.#inspection.value(attributes, null, 0);
      if (redacted !== attributes) splice.put(end, value.length, redacted);
    }
    return splice.done();
  }

  #cookie(text: string, from: number, to: number, splice: Splice, kept?: ReadonlySet<string>): void {
    const equals = text.indexOf('=', from);
    const hasName = equals >= from && equals < to;
    const name = hasName ? text.slice(from, equals).trim() : '';
    if (kept?.has(name)) return;
    let start = hasName ? equals + 1 : from;
    let end = to;
    while (start < end && ' "'.includes(text[start]!)) start++;
    while (end > start && ' "'.includes(text[end - 1]!)) end--;
    const named = name.length < MIN_NAME_LENGTH ? name : this.#inspection.keyText(name);
    if (named !== name) splice.put(from, equals, named);
    if (start === end) return;
    const written = text.slice(start, end);
    const { notes } = this.#inspection;
    notes.enter(`.cookie.${named}`);
    const redacted = redactComponent(written, this.#cookies.kindOf(name), this.#inspection, 0);
    notes.leave();
    if (redacted !== written) splice.put(start, end, redacted);
  }

  #learn(name: string): Role {
    const lower = name.toLowerCase();
    const written = this.#inspection.keyText(name);
    const shown = written === name ? lower.slice(0, MAX_NAME_LENGTH) : written;
    const treatment = this.#treatmentOf(lower);
    const isByShape = treatment === 'text' || treatment === 'stays' || treatment === 'url';
    const role = { name: shown, written, treatment, isByShape, clean: '', misses: 0 };
    if (this.#roles.size >= MAX_NAMES) this.#roles.clear();
    if (name.length <= MAX_NAME_LENGTH) this.#roles.set(ownCopy(name), role);
    return role;
  }

  #treatmentOf(name: string): Treatment {
    if (this.#except.has(name)) return 'text';
    if (AUTHORIZATION.test(name)) return 'authorization';
    if (name === 'cookie' || name === 'set-cookie') return name;
    if (STAYS.has(name)) return 'stays';
    if (URLS.has(name) || name === ':path') return 'url';
    return this.#names.kindOf(name) ?? 'text';
  }

  #remember(role: Role, value: string): void {
    if (value.length > MAX_CLEAN_LENGTH) return;
    role.misses++;
    if (role.misses > MAX_MISSES && (role.misses & MISS_MASK) !== 0) return;
    role.clean = ownCopy(value);
    if (role.treatment !== 'text') return;
    if (this.#clean.size >= MAX_CLEAN_VALUES) this.#clean.clear();
    this.#clean.add(role.clean);
  }
}
