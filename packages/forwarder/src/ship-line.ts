// Ships closed segments to the object store, in order: every frame indexed, object whole in the store, control plane
// told, then out of the spool. A segment without pairs is only removed. It must not know streams or frames.
import { createReadStream } from 'node:fs';
import { backoffMs, type ObjectStore } from '@echoplane/runtime';
import { CALL_TIMEOUT_MS, isFinalRefusal } from './control-plane.ts';
import { type IndexLine, type LineOptions, RETRY } from './index-line.ts';
import type { Spool } from './spool.ts';
import { readManifest, type SpoolSegment } from './spool-files.ts';

export interface ShipLineOptions extends LineOptions {
  store: ObjectStore;
  indexLine: IndexLine;
  spool: Spool;
}

export class ShipLine {
  readonly #options: ShipLineOptions;
  readonly #due: SpoolSegment[] = [];
  #shipped = 0;
  #failures = 0;

  constructor(options: ShipLineOptions) {
    this.#options = options;
  }

  push(segment: SpoolSegment): void {
    this.#due.push(segment);
    this.#options.bell.ring();
  }

  get isIdle(): boolean {
    return this.#due.length === 0;
  }
  get lagSegments(): number {
    return this.#due.length;
  }
  get shipped(): number {
    return this.#shipped;
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { bell, indexLine } = this.#options;
    while (!signal.aborted) {
      const segment = this.#due[0];
      if (!segment || indexLine.awaits(segment)) {
        await bell.wait();
      } else if (await this.#attempt(segment, signal)) {
        this.#due.shift();
        bell.ring();
      }
    }
  }

  async #attempt(segment: SpoolSegment, signal: AbortSignal): Promise<boolean> {
    const { log, clock, spool } = this.#options;
    try {
      if (segment.pairs > 0) await this.#ship(segment, signal);
    } catch (err) {
      if (signal.aborted) return false;
      this.#failures++;
      if (this.#failures === 1)
        log.warn({ err, segment: segment.id }, 'a segment cannot be shipped; trying again');
      await clock.sleep(backoffMs(this.#failures, RETRY, Math.random()), signal);
      return false;
    }
    this.#failures = 0;
    await spool.retire(segment);
    return true;
  }

  async #ship(segment: SpoolSegment, signal: AbortSignal): Promise<void> {
    const { store, client, log } = this.#options;
    const manifest = await readManifest(segment.path);
    const { sizeBytes } = await store.put(manifest.key, createReadStream(segment.path));
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
    try {
      await client.call('ingestSegment', { body: { key: manifest.key, sizeBytes, manifest } }, limited);
    } catch (err) {
      if (!isFinalRefusal(err)) throw err;
      log.error({ err, segment: segment.id }, 'the control plane refused a segment that is in the store');
    }
    this.#shipped++;
    log.info({ segment: segment.id, pairs: segment.pairs, sizeBytes }, 'a segment was shipped');
  }
}
