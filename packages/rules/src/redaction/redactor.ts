// Redacts RRPairs before anything of them is written or sent: users' chains first, then what names, structure and shape say,
// carrier by carrier. The same value gets the same token wherever it stands; a redacted pair is not changed again. Holds
// no pair and no clock; used by one caller at a time.
import type { RRPair } from '@echoplane/traffic';
import type { RedactionRules } from '../rules-document.ts';
import { BodyCarrier } from './carrier-body.ts';
import { HeaderCarrier } from './carrier-headers.ts';
import { redactSqlBinds } from './carrier-sql.ts';
import { redactUrl } from './carrier-url.ts';
import { Chains, type KeptOf } from './chains.ts';
import type { FoundCredential, Sighting } from './finding.ts';
import { redactHandedOut } from './handed-out.ts';
import { Inspection } from './inspection.ts';
import { KeyNames } from './key-names.ts';
import { Notes } from './notes.ts';
import { Patterns } from './patterns.ts';
import { uploadOf } from './stood-in-digests.ts';
import { TokenMinter } from './token-minter.ts';

export interface RedactorOptions {
  rules: RedactionRules;
  /** Of the rules document; names what a pair was redacted by. */
  version: string;
  /** 32 bytes that the customer holds: tokens are HMACs under it. */
  key: Uint8Array;
  /** Hears of every replaced value: kind and place. */
  seen?: (sighting: Sighting) => void;
  /** Gets the credentials of requests to the service, for the vault. */
  sealed?: (credential: FoundCredential) => void;
  /** Gets every token with the value it stands for: who redacts live traffic can give the value back. */
  minted?: (token: string, value: string) => void;
  /** Makes the test of a chain's `when`; without it rules with a `when` are refused. */
  compile?: (expression: string) => (pair: RRPair) => boolean;
}

export class Redactor {
  readonly version: string;
  readonly #isEnabled: boolean;
  readonly #notes: Notes;
  readonly #inspection: Inspection;
  readonly #headers: HeaderCarrier;
  readonly #bodies: BodyCarrier;
  readonly #chains: Chains;

  /** Throws a RuleError that names the rule which cannot be used. */
  constructor({ rules, version, key, seen, sealed, minted, compile }: RedactorOptions) {
    this.version = version;
    this.#isEnabled = rules.enabled;
    this.#notes = new Notes({ seen, sealed, minted });
    this.#inspection = new Inspection({
      notes: this.#notes,
      minter: new TokenMinter(key, { keepLength: rules.keepLength }),
      off: new Set(rules.detectorsOff),
      patterns: new Patterns(rules.patterns),
      fields: new KeyNames('field', rules),
      claims: new KeyNames('claim', rules),
    });
    this.#headers = new HeaderCarrier(this.#inspection, rules);
    this.#bodies = new BodyCarrier(this.#inspection);
    this.#chains = new Chains(rules.chains, this.#inspection, compile);
  }

  /** Redacts a pair in place; bodies that cannot be understood are taken away and named in `gaps`. */
  pair(pair: RRPair): void {
    if (!this.#isEnabled) return;
    this.#notes.open(pair);
    const kept = this.#chains.apply(pair);
    const isOfClients = pair.direction === 'IN';
    const shown = this.#inspection.shownSecrets;
    this.#inspection.side = isOfClients ? 'request' : null;
    if (pair.request) this.#request(pair, pair.request, kept?.request);
    this.#notes.sealing(false);
    this.#inspection.side = isOfClients ? 'answer' : null;
    if (pair.response) this.#response(pair, pair.response, kept?.response);
    if (isOfClients && !kept?.response) redactHandedOut(pair, this.#inspection);
    if (this.#inspection.shownSecrets > shown) this.#requestAgain(pair, kept?.request);
    this.#inspection.side = null;
    if (pair.messages) this.#streamMessages(pair, pair.messages);
    this.#hosts(pair);
    this.#tags(pair.tags);
    this.#inspection.digests.rename(pair);
    this.#notes.close();
  }

  /** A text that stands alone, of a log or an answer; empty when it is not understood. */
  text(value: string, contentType: string): string {
    if (!this.#isEnabled) return value;
    this.#notes.open(null);
    this.#notes.sealing(false);
    this.#notes.enter('text');
    return this.#bodies.typed(value, contentType, 0) ?? '';
  }

  /** Values bound to an SQL statement, by the names of their columns where these are known; a new list. */
  sqlBinds(columns: readonly (string | null)[], values: readonly (string | null)[]): (string | null)[] {
    if (!this.#isEnabled) return [...values];
    this.#notes.open(null);
    this.#notes.sealing(false);
    this.#notes.enter('binds');
    return redactSqlBinds(columns, values, this.#inspection);
  }

  #request(pair: RRPair, request: NonNullable<RRPair['request']>, kept?: KeptOf): void {
    const notes = this.#notes;
    notes.sealing(pair.direction === 'IN');
    notes.enter('request');
    request.method = this.#inspection.keyText(request.method);
    notes.enter('.url');
    request.url = redactUrl(request.url, this.#inspection, 0, {
      ...(kept ? { keptQuery: kept.query, keptSegments: kept.segments } : {}),
    });
    notes.leave();
    notes.endOfRecord();
    this.#message(pair, request, 'requestTruncatedBytes', kept);
    notes.leave();
  }

  /** A request may carry what its own answer shows first: `GET /hooks/e3cdb0d5…`. */
  #requestAgain(pair: RRPair, kept?: KeptOf): void {
    if (!pair.request) return;
    this.#inspection.side = 'request';
    this.#request(pair, pair.request, kept);
    this.#notes.sealing(false);
  }

  #response(pair: RRPair, response: NonNullable<RRPair['response']>, kept?: KeptOf): void {
    this.#notes.enter('response');
    if (response.reason !== undefined) response.reason = this.#inspection.value(response.reason, null, 0);
    this.#message(pair, response, 'responseTruncatedBytes', kept);
    this.#notes.leave();
  }

  #message(
    pair: RRPair,
    message: NonNullable<RRPair['request'] | RRPair['response']>,
    cut: 'requestTruncatedBytes' | 'responseTruncatedBytes',
    kept?: KeptOf,
  ): void {
    const { headers, trailers, body } = message;
    const options = kept ? { keptHeaders: kept.headers, keptCookies: kept.cookies } : {};
    const facts = this.#headers.redact(headers, options);
    if (trailers) this.#headers.redact(trailers, options);
    this.#notes.endOfRecord();
    if (kept?.body) return;
    const { contentType, grpcEncoding } = facts;
    const isGrpc = pair.protocol === 'grpc';
    const isCut = pair.gaps?.[cut] !== undefined;
    this.#notes.enter('.body');
    const upload = 'url' in message ? { addsTo: uploadOf(message) } : undefined;
    if (!this.#bodies.redact(body, { contentType, grpcEncoding, isGrpc, isCut, kept, upload }))
      markUnredactable(pair);
    this.#notes.leave();
    this.#notes.endOfRecord();
  }

  #streamMessages(pair: RRPair, messages: NonNullable<RRPair['messages']>): void {
    for (const [index, message] of messages.entries()) {
      this.#notes.enter(`messages[${index}]`);
      if (message.kind === 'close') this.#closing(message);
      else if (message.base64 !== undefined) {
        delete message.base64;
        this.#notes.place('unredactable', 'message');
        if (message.kind !== 'ping' && message.kind !== 'pong') markUnredactable(pair);
      } else {
        const isCut = isCutText(message.text, message.size);
        if (!this.#bodies.redact(message, { contentType: '', isGrpc: false, grpcEncoding: '', isCut }))
          markUnredactable(pair);
      }
      this.#notes.leave();
    }
  }

  /** A close frame is a code of two bytes, and a reason. */
  #closing(message: NonNullable<RRPair['messages']>[number]): void {
    const bytes = Buffer.from(message.base64 ?? '', 'base64');
    if (bytes.length <= 2) return;
    const reason = bytes.subarray(2).toString('utf8');
    const redacted = this.#inspection.value(reason, null, 0);
    if (redacted !== reason)
      message.base64 = Buffer.concat([bytes.subarray(0, 2), Buffer.from(redacted, 'utf8')]).toString(
        'base64',
      );
  }

  /** Names that clients chose. */
  #hosts({ client, server, tls }: RRPair): void {
    for (const address of [client, server])
      if (address.host !== null) address.host = this.#inspection.plainShapes(address.host);
    if (tls?.sni) tls.sni = this.#inspection.plainShapes(tls.sni);
  }

  #tags(tags: RRPair['tags']): void {
    for (const name of Object.keys(tags)) {
      this.#notes.enter(`tags.${name}`);
      tags[name] = this.#inspection.value(tags[name]!, null, 0);
      this.#notes.leave();
    }
  }
}

function isCutText(text: string | undefined, size: number): boolean {
  return text !== undefined && text.length < size && Buffer.byteLength(text) < size;
}

/** What else is missing stays named. */
function markUnredactable(pair: RRPair): void {
  const before = pair.gaps?.reason;
  const reason =
    before === undefined
      ? 'unredactable'
      : before.includes('unredactable')
        ? before
        : `${before}, unredactable`;
  pair.gaps = { ...pair.gaps, reason };
}
