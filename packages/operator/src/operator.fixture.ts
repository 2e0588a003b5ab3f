// An operator against a real API server, in this process: its install.json in a temporary folder, its webhooks on loopback.
// For tests of test/cluster.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type Logger, Secret, Stopper, silentLogger, systemClock } from '@echoplane/runtime';
import { runOperator } from './app.ts';
import type { OperatorConfig } from './config.ts';

export interface StartedOperator {
  config: OperatorConfig;
  /** The text of its metrics page. */
  metrics(): Promise<string>;
  /** Why it is not ready; empty when it is. */
  trouble(): Promise<string>;
  /** Writes install.json anew. */
  install(more: object): Promise<void>;
  stop(): Promise<void>;
}

/** The API server waits so long for our webhooks, and the client of a test for the API server 30 s. */
const PATIENT_S = 20;
const INSTALL = { clusterName: 'test', cloudUrl: 'http://127.0.0.1:9', image: 'registry.test/echoplane:1' };

/** Starts one; `ports` are free ones of the caller, because the API server must know them first. */
export async function startOperator(options: {
  kubeconfig: string;
  webhookPort: number;
  adminPort: number;
  name?: string;
  install?: object;
  clock?: Clock;
  log?: Logger;
  /** Where a forwarder's face is; else nobody is there. */
  forwarderUrl?: string;
  /** Undefined: as long as the product says, after which objects pass as they are. */
  webhookTimeoutS?: number | undefined;
}): Promise<StartedOperator> {
  const folder = await mkdtemp(join(tmpdir(), 'echoplane-operator-'));
  const installFile = join(folder, 'install.json');
  const install = (more: object) => writeFile(installFile, JSON.stringify({ ...INSTALL, ...more }));
  await install(options.install ?? {});
  const config: OperatorConfig = {
    namespace: 'echoplane',
    podName: options.name ?? 'operator-0',
    host: '127.0.0.1',
    ...{ webhookPort: options.webhookPort, artifactPort: 0, adminPort: options.adminPort },
    installFile,
    apiKey: new Secret('key'),
    kubeconfig: options.kubeconfig,
    webhookUrl: `https://127.0.0.1:${options.webhookPort}`,
    forwarderUrl: options.forwarderUrl ?? 'https://127.0.0.1:9',
    leaseMs: 3_000,
    ...{ logLevel: 'silent', supervised: false },
  };
  const stopping = new AbortController();
  const stopper = new Stopper();
  const log = options.log ?? silentLogger();
  const running = runOperator(config, {
    ...{ environment: {}, log, program: { signal: stopping.signal, stopper } },
    ...(options.clock ? { clock: options.clock } : {}),
    webhookTimeoutS: 'webhookTimeoutS' in options ? options.webhookTimeoutS : PATIENT_S,
  });
  const failed = running.then(
    () => '',
    (err) => String(err),
  );
  const page = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${options.adminPort}${path}`).catch(() => null);
    return answer ? { ok: answer.ok, text: await answer.text() } : { ok: false, text: 'not up' };
  };
  return {
    config,
    install,
    metrics: async () => (await page('/metrics')).text,
    async trouble() {
      const { ok, text } = await page('/readyz');
      return ok ? '' : text;
    },
    async stop() {
      stopping.abort();
      const message = await failed;
      await stopper.stop(log);
      await rm(folder, { recursive: true, force: true });
      if (message) throw new Error(message);
    },
  };
}

/** A clock that runs like the real one and can be set ahead: who sleeps until then wakes. */
export class SetAheadClock implements Clock {
  #aheadUs: number;
  readonly #real = systemClock();
  readonly #sleepers = new Set<() => void>();

  constructor(aheadMs: number) {
    this.#aheadUs = aheadMs * 1_000;
  }
  nowUs(): number {
    return this.#real.nowUs() + this.#aheadUs;
  }
  setAhead(aheadMs: number): void {
    this.#aheadUs = aheadMs * 1_000;
    for (const wake of this.#sleepers) wake();
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const untilUs = this.nowUs() + ms * 1_000;
    while (this.nowUs() < untilUs && !signal?.aborted) {
      const woken = new AbortController();
      const wake = () => woken.abort();
      this.#sleepers.add(wake);
      const any = signal ? AbortSignal.any([signal, woken.signal]) : woken.signal;
      await this.#real.sleep((untilUs - this.nowUs()) / 1_000, any);
      this.#sleepers.delete(wake);
    }
  }
}
