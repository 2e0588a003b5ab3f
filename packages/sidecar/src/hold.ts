// `sidecar hold`: keeps the app of a replayed pod from starting before the responder takes connections, so that its first calls
// are answered by mocks. It has its own deadline and exits 0 whatever happens: no pod stays pending because of a replay.
import { connect } from 'node:net';
import {
  type Clock,
  createLogger,
  type Environment,
  field,
  loadConfig,
  systemClock,
} from '@echoplane/runtime';
import { z } from 'zod';

const ATTEMPT_MS = 1_000;
const PAUSE_MS = 250;

export const holdConfig = z.object({
  responderHost: field.text().describe('host of the responder'),
  responderPort: field.integer(1, 65_535).describe('port of the responder, 1 to 65535'),
  holdSeconds: field
    .integer(0, 3_600)
    .default(60)
    .describe('seconds until the app starts all the same, 0 to 3600'),
});

/** Resolves with the exit code, always 0, when the responder accepts or the time is over. */
export async function hold(env: Environment, clock: Clock = systemClock()): Promise<number> {
  const log = createLogger('sidecar-hold');
  try {
    const { responderHost: host, responderPort: port, holdSeconds } = loadConfig(holdConfig, env);
    const deadlineUs = clock.nowUs() + holdSeconds * 1_000_000;
    let accepts = await isAccepting(host, port);
    while (!accepts && clock.nowUs() < deadlineUs) {
      await clock.sleep(PAUSE_MS);
      accepts = await isAccepting(host, port);
    }
    if (accepts) log.info({ host, port }, 'the responder is there');
    else log.warn({ host, port, holdSeconds }, 'the responder is not there, the app starts all the same');
  } catch (err) {
    log.warn({ err }, 'nothing is waited for');
  }
  return 0;
}

function isAccepting(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: ATTEMPT_MS });
    const settle = (accepts: boolean) => {
      socket.destroy();
      resolve(accepts);
    };
    socket
      .on('connect', () => settle(true))
      // After the events that wait already: it may have accepted while we were kept from running.
      .on('timeout', () => setImmediate(() => settle(false)))
      .on('error', () => settle(false));
  });
}
