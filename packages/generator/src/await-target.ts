// Waits at the start for a target that refuses connections: the service under test may still be coming up.

import type { Clock, Logger } from '@echoplane/runtime';
import { OperatingError } from '@echoplane/runtime';
import type { GeneratorConfig } from './config.ts';
import { type DialOptions, openSocket } from './dial.ts';

const DIAL_PAUSE_MS = 200;

/** Resolves when the target takes a connection or the signal aborts. Throws OperatingError after the deadline. */
export async function awaitTarget(
  { targetUrl, startTimeoutMs }: GeneratorConfig,
  {
    clock,
    log,
    ...dialling
  }: Pick<DialOptions, 'tls' | 'timeoutMs' | 'signal'> & { clock: Clock; log: Logger },
): Promise<void> {
  const { signal } = dialling;
  const giveUpUs = clock.nowUs() + startTimeoutMs * 1000;
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      const options = { ...dialling, target: targetUrl };
      (await openSocket(options, { ALPNProtocols: ['h2', 'http/1.1'] })).destroy();
      return;
    } catch (cause) {
      if (signal.aborted) return;
      if (clock.nowUs() >= giveUpUs) throw unreachable({ targetUrl, startTimeoutMs }, cause as Error);
      if (attempt === 1)
        log.info({ event: 'waiting', target: targetUrl.host }, 'the target does not answer yet');
    }
    await clock.sleep(DIAL_PAUSE_MS, signal);
  }
}

function unreachable(
  { targetUrl, startTimeoutMs }: Pick<GeneratorConfig, 'targetUrl' | 'startTimeoutMs'>,
  cause: Error,
): OperatingError {
  const what = `The service under test at ${targetUrl.scheme}://${targetUrl.host} cannot be reached`;
  const why = `it was tried for ${startTimeoutMs} ms, the last time: ${cause.message}`;
  const message = `${what}; ${why}. Start it or correct its address (--target, ECHOPLANE_TARGET_URL).`;
  return new OperatingError('target_unreachable', message, { cause });
}
