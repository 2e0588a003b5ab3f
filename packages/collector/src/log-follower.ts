// Follows the log of one container through the API server: opened again when it ends (rotation, restart, a break), until the
// container is gone. A container's lines are bounded in all; what comes after that is counted and told. It must not know how
// containers are found.

import { isNotFound, type KubeClient } from '@echoplane/kube';
import { backoffMs, type Clock } from '@echoplane/runtime';
import { LogLines } from './log-lines.ts';
import type { Seen } from './observation-queue.ts';

const MAX_CONTAINER_BYTES = 2 << 20;
const BACKOFF = { firstMs: 500, maxMs: 10_000 };

export interface ContainerName {
  namespace: string;
  pod: string;
  container: string;
}

export interface FollowOptions {
  client: KubeClient;
  clock: Clock;
  put(seen: Seen): void;
  /** Lines before it are not asked for, RFC 3339. */
  since: string;
  maxBytes?: number;
}

/** Follows until the signal aborts or the pod is gone; `isOver` says that the pod will write no more. Never rejects. */
export async function followLog(
  of: ContainerName,
  options: FollowOptions,
  { signal, isOver }: { signal: AbortSignal; isOver: () => boolean },
): Promise<void> {
  const log = new BoundedLog(of, options);
  for (let attempt = 1; !signal.aborted; attempt++) {
    // Asked before the stream: what a pod wrote before it ended is in the stream that begins after.
    const wasOver = isOver();
    try {
      if ((await log.readStream(signal)) > 0) attempt = 1;
      if (wasOver) break;
    } catch (err) {
      // A container that does not run yet is a bad request; whatever it is, it is asked for again.
      if (isNotFound(err)) break;
      if (wasOver && attempt > 3) break;
    }
    await options.clock.sleep(backoffMs(attempt, BACKOFF, Math.random()), signal);
  }
  log.tellLeftOut();
}

class BoundedLog {
  readonly #of: ContainerName;
  readonly #options: FollowOptions;
  readonly #lines = new LogLines();
  #bytes = 0;
  #leftOut = { lines: 0, bytes: 0 };

  constructor(of: ContainerName, options: FollowOptions) {
    this.#of = of;
    this.#options = options;
  }

  /** Reads one stream to its end; how many new lines it held. */
  async readStream(signal: AbortSignal): Promise<number> {
    const { client, since } = this.#options;
    const { namespace, pod, container } = this.#of;
    const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log`;
    const sinceTime = this.#lines.newestSecond ?? since;
    const query = { container, follow: 'true', timestamps: 'true', sinceTime };
    this.#lines.reopen();
    const stream = await client.stream(path, { query, signal });
    let count = 0;
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        for (const line of this.#lines.feed(chunk)) {
          count++;
          this.#take(line);
        }
      }
    } finally {
      stream.destroy();
    }
    return count;
  }

  /** How much is missing at the end of what was kept. */
  tellLeftOut(): void {
    const { lines, bytes } = this.#leftOut;
    if (lines > 0)
      this.#note('log-left-out', `${lines} more lines (${bytes} bytes) of this log were left out`);
  }

  #take({ ts, text, cutBytes }: { ts: number; text: string; cutBytes: number }): void {
    const { put, maxBytes = MAX_CONTAINER_BYTES } = this.#options;
    const sizeBytes = Buffer.byteLength(text);
    if (this.#leftOut.lines > 0 || this.#bytes + sizeBytes > maxBytes) {
      if (this.#leftOut.lines === 0)
        this.#note('log-full', `the log is kept up to ${maxBytes} bytes; from here on its lines are counted`);
      this.#leftOut.lines++;
      this.#leftOut.bytes += sizeBytes + cutBytes;
      return;
    }
    this.#bytes += sizeBytes;
    put({ kind: 'log', ts, ...this.#of, line: text, ...(cutBytes > 0 ? { cutBytes } : {}) });
  }

  #note(code: string, message: string): void {
    const { put, clock } = this.#options;
    put({ kind: 'note', ts: clock.nowUs(), code, message, ...this.#of });
  }
}
