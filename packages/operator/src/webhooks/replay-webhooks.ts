// /replays writes the defaults of a TrafficReplay out; /validate-replays refuses what can be refused at once. Both fail
// closed: a replay that nobody checked must not begin.
import { WEBHOOK_PATHS } from '@echoplane/resources';
import { defaultReplay, validateReplay } from '../replay/index.ts';
import type { AdmissionRequest, Decision } from './admission-review.ts';
import type { Webhook } from './webhook-server.ts';

export const REPLAY_WEBHOOKS: readonly Webhook[] = [
  {
    path: WEBHOOK_PATHS.replays,
    failOpen: false,
    decide: ({ object, operation }) =>
      operation === 'CREATE' ? { allowed: true, object: defaultReplay(object) } : { allowed: true },
  },
  { path: WEBHOOK_PATHS.validateReplays, failOpen: false, decide: judge },
];

function judge({ object, oldObject, operation }: AdmissionRequest): Decision {
  if (operation !== 'CREATE' && operation !== 'UPDATE') return { allowed: true };
  const problems = validateReplay(object, oldObject ?? null);
  if (problems.length === 0) return { allowed: true };
  return { allowed: false, message: problems.map(({ path, message }) => `${path} ${message}`).join('; ') };
}
