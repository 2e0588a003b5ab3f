// Signed words of the control plane, from the envelope to who acts on them: the key is pinned when it is first met, and
// what another key signed, is not for us, too old or too late goes no further than a counter. It must not know the stream.
import { CLOCK_TOLERANCE_US, type DesiredRelease, type SigningKey, type Words } from '@echoplane/api';
import { type Clock, type Logger, OperatingError } from '@echoplane/runtime';
import type { SpoolFiles } from '../spool/spool-files.ts';
import type { Dispatcher } from './commands.ts';
import { openEnvelope, type Refusal } from './envelope.ts';
import { type Pin, repinSentence, writePin } from './identity.ts';

/** Of what is refused again and again every so many-th is logged. */
const LOG_EVERY = 100;

/** Where rules go; why it did not take some is for it to remember. */
export interface RulesSink {
  offer(document: unknown): unknown;
  /** Of the rules that run. */
  readonly version: string;
  readonly error: string | null;
}

export interface WordIntakeOptions {
  files: SpoolFiles;
  tenant: string;
  agent: string;
  pin: Pin | null;
  rules: RulesSink;
  dispatcher: Dispatcher;
  clock: Clock;
  log: Logger;
}

/** Why words were not acted upon: their envelope, or what is in it. */
export type Miss = Refusal | 'no-key' | 'older-rules' | 'older-releases' | 'no-room' | 'not-journalled';

export class WordIntake {
  readonly #options: WordIntakeOptions;
  readonly #refused = new Map<Miss, number>();
  #pin: Pin | null;
  #isKeyChanged = false;
  #rulesVersion: string | null = null;
  #releases: { list: readonly DesiredRelease[]; signedAt: number } = { list: [], signedAt: 0 };

  constructor(options: WordIntakeOptions) {
    this.#options = options;
    this.#pin = options.pin;
  }

  /** Version of the rules that were last handed on. */
  get rulesVersion(): string | null {
    return this.#rulesVersion;
  }
  /** The release of each channel, as the control plane last said. */
  get releases(): readonly DesiredRelease[] {
    return this.#releases.list;
  }
  /** Words that were not acted upon, by reason. */
  get refused(): Record<string, number> {
    return Object.fromEntries(this.#refused);
  }
  /** The pinned key, and what is wrong when the control plane has another one. */
  get key(): { id: string | null; trouble: string | null } {
    const trouble = this.#isKeyChanged ? repinSentence(this.#options.files) : null;
    return { id: this.#pin?.key.id ?? null, trouble };
  }

  /** Takes note of the key the control plane says it signs with; the first one is pinned. */
  async meet({ id, publicKey }: SigningKey): Promise<void> {
    const { files, log } = this.#options;
    if (!this.#pin) {
      this.#pin = { key: { id, publicKey }, rulesSignedAt: 0 };
      await writePin(files, this.#pin).catch((err: unknown) =>
        log.error({ err }, 'the signing key of the control plane cannot be pinned on the disk'),
      );
    }
    const { key } = this.#pin;
    this.#isKeyChanged = key.id !== id || key.publicKey !== publicKey;
    if (this.#isKeyChanged) log.error({ pinned: key.id, theirs: id }, repinSentence(files));
  }

  /** Whether the text is an envelope that is genuine, for us, in time and taken. */
  async take(text: string): Promise<boolean> {
    const miss = await this.#judge(text);
    if (miss === null) return true;
    const count = (this.#refused.get(miss) ?? 0) + 1;
    this.#refused.set(miss, count);
    if (count % LOG_EVERY === 1)
      this.#options.log.error({ reason: miss, count }, 'words of the control plane were refused');
    return false;
  }

  async #judge(text: string): Promise<Miss | null> {
    const { tenant, agent, clock } = this.#options;
    if (!this.#pin) return 'no-key';
    const opened = openEnvelope(parse(text), { key: this.#pin.key, tenant, agent }, clock.nowUs());
    return 'refused' in opened ? opened.refused : this.#act(opened.words, this.#pin);
  }

  async #act({ command, config, releases, issuedAt, expiresAt }: Words, pin: Pin): Promise<Miss | null> {
    if (!command && !config && !releases) return 'malformed';
    if (releases) {
      if (issuedAt + CLOCK_TOLERANCE_US < this.#releases.signedAt) return 'older-releases';
      this.#releases = { list: releases, signedAt: Math.max(issuedAt, this.#releases.signedAt) };
    }
    if (config) {
      if (issuedAt + CLOCK_TOLERANCE_US < pin.rulesSignedAt) return 'older-rules';
      await this.#offerRules(config, { ...pin, rulesSignedAt: Math.max(issuedAt, pin.rulesSignedAt) });
    }
    if (!command) return null;
    const { dispatcher, clock, log } = this.#options;
    // Counted from here on our own clock: a few seconds of life must not be lost to clocks that are apart.
    const beginBy = clock.nowUs() + expiresAt - issuedAt;
    try {
      const offered = await dispatcher.offer({ ...command, expiresAt, beginBy });
      return offered === 'full' ? 'no-room' : null;
    } catch (err) {
      log.error({ err, command: command.id }, 'a command cannot be journalled and is not taken');
      return 'not-journalled';
    }
  }

  /** Hands on rules of another version than the last ones. */
  async #offerRules({ version, rules }: NonNullable<Words['config']>, pin: Pin): Promise<void> {
    const { files, log } = this.#options;
    this.#pin = pin;
    if (version === this.#rulesVersion) return;
    try {
      await this.#options.rules.offer(rules);
      this.#rulesVersion = version;
      await writePin(files, pin);
    } catch (err) {
      const message = 'the rules of the control plane cannot be taken up';
      if (err instanceof OperatingError) log.warn({ code: err.code, reason: err.message, version }, message);
      else log.error({ err, version }, message);
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
