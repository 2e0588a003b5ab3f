// Events to tell: never waits, never rejects, and says the same of the same thing once in ten minutes. When too many are
// waiting the newest are dropped: what they are about is found again.
import { type KubeClient, recordEvent } from '@echoplane/kube';
import { FIELD_MANAGER } from '@echoplane/resources';
import type { Clock, Logger } from '@echoplane/runtime';
import type { EventRecorder } from './context.ts';

const QUIET_US = 600_000_000;
const MAX_REMEMBERED = 10_000;
const MAX_WAITING = 500;

export function createEvents(client: KubeClient, clock: Clock, log: Logger): EventRecorder {
  /** When each was told, oldest first. */
  const told = new Map<string, number>();
  let waiting = 0;
  let tail: Promise<void> = Promise.resolve();
  return {
    record(about, { type, reason, message }) {
      const { namespace = '', name, uid = '' } = about.metadata;
      const key = JSON.stringify([about.kind, namespace, name, uid, reason, message]);
      const nowUs = clock.nowUs();
      const last = told.get(key);
      if ((last !== undefined && nowUs - last < QUIET_US) || waiting >= MAX_WAITING) return;
      told.delete(key);
      told.set(key, nowUs);
      if (told.size > MAX_REMEMBERED) told.delete(told.keys().next().value!);
      waiting++;
      const { apiVersion, kind } = about;
      const metadata = { name, ...(namespace ? { namespace } : {}), ...(uid ? { uid } : {}) };
      const event = {
        regarding: { apiVersion, kind, metadata },
        type,
        reason,
        message,
        component: FIELD_MANAGER,
      };
      // One after the other: telling must not crowd out doing.
      tail = tail
        .then(() =>
          recordEvent(client, event, (err) => log.warn({ err, reason }, 'an event was not recorded')),
        )
        .finally(() => {
          waiting--;
        });
    },
  };
}
