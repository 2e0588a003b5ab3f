// Why a pod of ours does not get going, in the words of its container, and whether it ever will. Pure.
import type { Obj } from '@echoplane/kube';

/** What keeps a pod from starting. */
export interface PodTrouble {
  why: string;
  /** Waiting would not help. */
  isHopeless: boolean;
}

/** A container that is begun anew and ends again says the same each time. */
const MAX_RESTARTS = 2;
const MAX_WORDS_CHARS = 500;
/** Reasons of a waiting container that only a change of the pod would end; the first failed pull may be a moment's. */
const HOPELESS = new Set([
  ...['ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError'],
  ...['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'],
]);
const ORDINARY = new Set(['ContainerCreating', 'PodInitializing']);

/** Null for a pod that is starting as pods do. */
export function podTrouble({ metadata, status }: Obj): PodTrouble | null {
  const container = status?.containerStatuses?.[0];
  if (!container) return unscheduled(metadata.name, status);
  const { waiting } = container.state ?? {};
  const ended = container.state?.terminated ?? container.lastState?.terminated;
  const restarts: number = container.restartCount ?? 0;
  if (ended && !container.ready) {
    const how = `ended with ${ended.reason ?? 'Error'} (exit code ${ended.exitCode ?? 'unknown'})`;
    const again = restarts > 0 ? `, and was begun anew ${restarts} times` : '';
    const words = lastWords(ended.message);
    return { why: `${metadata.name} ${how}${again}${words}`, isHopeless: restarts >= MAX_RESTARTS };
  }
  if (!waiting || ORDINARY.has(waiting.reason)) return null;
  const said = lastWords(waiting.message);
  return { why: `${metadata.name}: ${waiting.reason}${said}`, isHopeless: HOPELESS.has(waiting.reason) };
}

/** A node may come: it is said, and waited for. */
function unscheduled(name: string, status: Obj['status']): PodTrouble | null {
  const condition = (status?.conditions ?? []).find(
    (one: { type: string; status: string }) => one.type === 'PodScheduled' && one.status === 'False',
  );
  return condition
    ? { why: `${name} is not scheduled${lastWords(condition.message)}`, isHopeless: false }
    : null;
}

function lastWords(text: unknown): string {
  const words = String(text ?? '')
    .replace(/\s+/g, ' ')
    .trim();
  return words === '' ? '' : `: ${words.slice(-MAX_WORDS_CHARS)}`;
}
