// What keeps the agent from the control plane, as a state, a sentence that says what to do, and how long to wait. Pure.
import { ApiError } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';

export type LinkState = 'registering' | 'connected' | 'reconnecting' | 'refused' | 'too-old';

export interface Trouble {
  state: LinkState;
  sentence: string;
  /** Wait so long instead of the usual. */
  retryMs?: number;
}

const TOO_OLD_RETRY_MS = 600_000;

/** Of a failed registration. */
export function registrationTrouble(err: unknown): Trouble {
  if (err instanceof ApiError && (err.status === 404 || err.status === 405)) {
    const sentence =
      'The control plane is too old for the agent stream: drill-in before shipping, rules and commands from there do not work; upgrade it.';
    return { state: 'too-old', sentence, retryMs: TOO_OLD_RETRY_MS };
  }
  return linkTrouble(err, 'registering');
}

/** Of a stream that ended or a heartbeat that was not taken. */
export function linkTrouble(err: unknown, state: LinkState): Trouble {
  if (err instanceof ApiError && (err.status === 401 || err.status === 403)) {
    const sentence =
      err.code === 'suspended'
        ? 'The control plane says that this organisation is suspended; ask its owner.'
        : 'The control plane refused ECHOPLANE_AGENT_KEY for the agent stream; make a key with the role agent and use that.';
    return { state: 'refused', sentence };
  }
  if (err instanceof OperatingError) return { state, sentence: err.message };
  if (err === null) return { state, sentence: 'The control plane ended the agent stream.' };
  return { state, sentence: `The control plane does not answer the agent: ${(err as Error).message}.` };
}

/** Whether the control plane does not know the agent (any more), so that it must register again. */
export function isUnknownAgent(err: unknown): boolean {
  return err instanceof ApiError && err.status === 404;
}
