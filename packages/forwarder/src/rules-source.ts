// The rules in force, and where they come from: a file, watched; else the control plane, whose last document is kept in the
// spool folder, so that a restart without it changes nothing; else the defaults. A document that cannot be put in force
// changes nothing either: what held goes on to hold, and `error` says why.
//
// `current` is replaced whole. Who handles a batch reads it once, so that no batch is treated by two sets of rules.
import { readFile, stat } from 'node:fs/promises';
import {
  checkRules,
  defaultRules,
  Fold,
  parseRules,
  RuleSet,
  type RulesDocument,
  RulesError,
  weakeningsOf,
} from '@echoplane/rules';
import { type Clock, type Logger, OperatingError } from '@echoplane/runtime';
import { readIfPresent, replaceFile, type SpoolFiles } from './spool/spool-files.ts';

/** The document of the control plane, in the spool folder. */
const SAVED_FILE = 'rules.json';
const POLL_MS = 2_000;

/** Rules ready for use. */
export interface RulesInForce {
  readonly document: RulesDocument;
  readonly ruleSet: RuleSet;
  readonly fold: Fold;
}

export interface RulesSourceOptions {
  /** Path of the rules file; with it the control plane's documents are refused. */
  file?: string | undefined;
  files: SpoolFiles;
  /** Whether the control plane's rules may let through what redaction takes out by default. */
  cloudMayWeaken?: boolean;
  clock: Clock;
  log: Logger;
}

/** Opens the source with the rules as they stand. Throws OperatingError when they cannot be put in force. */
export async function openRulesSource(options: RulesSourceOptions): Promise<RulesSource> {
  const { file, files } = options;
  if (file !== undefined) {
    const text = await readRulesFile(file);
    return new RulesSource(options, inForce(parsed(text, file, 'Correct it and start again.')), text);
  }
  const saved = await readIfPresent(files, SAVED_FILE);
  if (saved === null) return new RulesSource(options, inForce(defaultRules()), null);
  // Never the defaults in its place: the lost rules may be what keeps a secret in.
  const advice = 'Remove it to start with the default rules until the control plane sends its own.';
  const path = `${files.dir}/${SAVED_FILE}`;
  const document = parsed(saved, path, advice);
  checkStrength(document, options, path, advice);
  return new RulesSource(options, inForce(document), null);
}

export class RulesSource {
  readonly name = 'rules';
  readonly #options: RulesSourceOptions;
  readonly #listeners = new Set<(rules: RulesInForce) => void>();
  #current: RulesInForce;
  #error: string | null = null;
  /** What the file held when its rules came into force. */
  #fileText: string | null;
  /** Of the file as it was last read, so that it is read again only when it has changed. */
  #fileStamp = '';
  #offers: Promise<unknown> = Promise.resolve();

  constructor(options: RulesSourceOptions, current: RulesInForce, fileText: string | null) {
    this.#options = options;
    this.#current = current;
    this.#fileText = fileText;
  }

  get current(): RulesInForce {
    return this.#current;
  }
  get version(): string {
    return this.#current.document.version;
  }
  /** Why newer rules were not taken; null when none were refused since the last that were taken. */
  get error(): string | null {
    return this.#error;
  }

  /** Calls `listener` with the rules whenever others come into force; gives what ends that. */
  onChange(listener: (rules: RulesInForce) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Puts a document of the control plane in force, null being the defaults, and keeps it over restarts. One at a time, in the
   * order offered. Throws OperatingError when it is refused; `error` says so until another is taken.
   */
  offer(raw: unknown): Promise<{ version: string }> {
    const taken = this.#offers.then(() => this.#take(raw));
    this.#offers = taken.catch(() => {});
    return taken;
  }

  /** Watches the file until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { file, clock } = this.#options;
    if (file === undefined) return;
    while (!signal.aborted) {
      await clock.sleep(POLL_MS, signal);
      if (!signal.aborted) await this.poll();
    }
  }

  /** Looks whether the file has changed, and takes up what it says. */
  async poll(): Promise<void> {
    const { file, log } = this.#options;
    if (file === undefined) return;
    try {
      const { mtimeMs, size, ino } = await stat(file).catch((err) => {
        this.#fileStamp = '';
        throw err;
      });
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (stamp === this.#fileStamp) return;
      this.#fileStamp = '';
      const text = await readRulesFile(file);
      this.#fileStamp = stamp;
      if (text === this.#fileText) this.#error = null;
      else this.#putInForce(inForce(parsed(text, file, KEPT)));
      this.#fileText = text;
    } catch (err) {
      this.#refuse(asRefusal(err, file), log);
    }
  }

  async #take(raw: unknown): Promise<{ version: string }> {
    const { file, files, log } = this.#options;
    if (file !== undefined) {
      const message = `This forwarder takes its rules from the file ${file}; unset ECHOPLANE_RULES_FILE to let the control plane set them.`;
      throw new OperatingError('rules_from_file', message);
    }
    let next: RulesInForce;
    try {
      const document = checked(raw);
      checkStrength(document, this.#options, 'The rules of the control plane', KEPT);
      next = inForce(document);
      await replaceFile(files, SAVED_FILE, JSON.stringify(next.document));
    } catch (err) {
      const refusal = asRefusal(err, 'the rules of the control plane');
      this.#refuse(refusal, log);
      throw refusal;
    }
    this.#putInForce(next);
    return { version: next.document.version };
  }

  #putInForce(next: RulesInForce): void {
    const { document, ruleSet } = next;
    const isSameFold = JSON.stringify(document.fold) === JSON.stringify(this.#current.document.fold);
    // The memory of a fold whose rules did not change is worth keeping: without it everything is new again.
    this.#current = { document, ruleSet, fold: isSameFold ? this.#current.fold : next.fold };
    this.#error = null;
    this.#options.log.info({ version: document.version }, 'other rules are in force');
    for (const listener of this.#listeners) listener(this.#current);
  }

  #refuse(refusal: OperatingError, log: Logger): void {
    if (this.#error === refusal.message) return;
    this.#error = refusal.message;
    log.warn(
      { code: refusal.code, reason: refusal.message, version: this.version },
      'new rules were not taken',
    );
  }
}

const KEPT = 'The rules before it hold until it is corrected.';

function inForce(document: RulesDocument): RulesInForce {
  return { document, ruleSet: RuleSet.compile(document.filter), fold: new Fold(document.fold) };
}

/** Throws OperatingError when rules from outside would weaken redaction and may not. */
function checkStrength(
  { redaction }: RulesDocument,
  { cloudMayWeaken = false }: RulesSourceOptions,
  what: string,
  advice: string,
): void {
  const weakenings = weakeningsOf(redaction);
  if (cloudMayWeaken || weakenings.length === 0) return;
  const sentence = `${what} would weaken redaction: ${weakenings.join('; ')}. ${advice} This forwarder lets the control plane only add to redaction; ECHOPLANE_CLOUD_MAY_WEAKEN=true changes that.`;
  throw new OperatingError('rules_weaken_redaction', sentence);
}

function checked(raw: unknown): RulesDocument {
  try {
    return raw === null ? defaultRules() : checkRules(raw);
  } catch (cause) {
    throw notValid(cause, 'The rules of the control plane', KEPT);
  }
}

function parsed(text: string, file: string, advice: string): RulesDocument {
  try {
    return parseRules(text);
  } catch (cause) {
    throw notValid(cause, file, advice);
  }
}

function notValid(cause: unknown, what: string, advice: string): unknown {
  if (!(cause instanceof RulesError)) return cause;
  return new OperatingError(cause.code, `${what} cannot be put in force. ${advice}\n${cause.message}`, {
    cause,
  });
}

async function readRulesFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw asRefusal(cause, file);
  }
}

function asRefusal(err: unknown, what: string): OperatingError {
  if (err instanceof OperatingError) return err;
  const { code = 'error' } = err as NodeJS.ErrnoException;
  return new OperatingError(
    'rules_not_readable',
    `${what} cannot be read or kept (${code}); check that it is there and who may use it.`,
    {
      cause: err,
    },
  );
}
