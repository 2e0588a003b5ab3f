// install.json, read anew when it changes: the ConfigMap is a mount, so an upgrade of the chart changes it under us. A file
// that cannot be used any more leaves the last good one in force, and that is said.
import { readFile } from 'node:fs/promises';
import { InstallConfig } from '@echoplane/resources';
import { type Clock, type Logger, OperatingError } from '@echoplane/runtime';
import { z } from 'zod';

const POLL_MS = 5_000;

export class InstallFile {
  readonly #path: string;
  #text: string;
  #current: InstallConfig;
  readonly #listeners: (() => void)[] = [];
  /** Why the file as it is now is not in force. */
  trouble: string | null = null;

  private constructor(path: string, text: string, current: InstallConfig) {
    this.#path = path;
    this.#text = text;
    this.#current = current;
  }

  /** Throws OperatingError with every problem of the file. */
  static async open(path: string): Promise<InstallFile> {
    const text = await readFile(path, 'utf8').catch((cause) => {
      const sentence = `ECHOPLANE_INSTALL_FILE ${path} cannot be read: ${(cause as Error).message}; the chart mounts it.`;
      throw new OperatingError('install_file_missing', sentence, { cause });
    });
    return new InstallFile(path, text, parseInstall(path, text));
  }

  get current(): InstallConfig {
    return this.#current;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async run(clock: Clock, log: Logger, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(POLL_MS, signal);
      await this.#look(log);
    }
  }

  async #look(log: Logger): Promise<void> {
    try {
      const text = await readFile(this.#path, 'utf8');
      if (text === this.#text) return;
      this.#current = parseInstall(this.#path, text);
      this.#text = text;
      this.trouble = null;
      log.info('install.json changed');
      for (const listener of this.#listeners) listener();
    } catch (err) {
      const { message } = err as Error;
      if (message !== this.trouble)
        log.warn({ err }, 'install.json cannot be used; the one before stays in force');
      this.trouble = message;
    }
  }
}

/** Throws OperatingError with every problem. */
function parseInstall(path: string, text: string): InstallConfig {
  try {
    return InstallConfig.parse(JSON.parse(text));
  } catch (cause) {
    const problems =
      cause instanceof z.ZodError
        ? cause.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
        : (cause as Error).message;
    const sentence = `${path} is no usable install.json: ${problems}. Mend the chart's values.`;
    throw new OperatingError('install_file_bad', sentence, { cause });
  }
}
