// The next step of a replay, from its object and the facts alone. What needs no facts comes first (finalizer, deletion,
// cancel, deadlines, suspend), so that a control plane or workload that cannot be asked never keeps a replay from ending.
//
//   accept ─▶ snapshot ─▶ mocks ─▶ target ─▶ generate ─▶ report ─▶ (outcome) cleanup ─▶ terminal ─▶ TTL
//     any stage: failed, timed out, cancelled, deleted ─▶ (outcome) cleanup
import { FINALIZER } from '@echoplane/resources';
import { decideCleanup } from './cleanup.ts';
import type { FactName, FactSet, Setting, Step } from './facts.ts';
import { durationMs, isTerminal, type TrafficReplay } from './replay-object.ts';
import { CLEANUP_FACTS, type Stage, stagesOf } from './stages.ts';
import { stageBegun, stageFinished } from './status.ts';

/** Either the step itself, or what has to be known to find it. */
export type Outline = { step: Step } | { needs: readonly FactName[]; decide(facts: FactSet): Step };

const IDLE: Step = { do: 'wait', ms: Number.POSITIVE_INFINITY };

export function outline(replay: TrafficReplay, setting: Setting): Outline {
  const { metadata, spec, status } = replay;
  const isDeleted = metadata.deletionTimestamp !== undefined;
  const hasFinalizer = metadata.finalizers?.includes(FINALIZER) ?? false;
  if (isDeleted && !hasFinalizer) return { step: IDLE };
  if (isTerminal(replay)) return afterEnd(replay, setting, hasFinalizer);
  // Before anything is made there must be somebody who takes it away.
  if (!hasFinalizer) return { step: { do: 'finalizer', present: true } };
  if (status.outcome) return cleaning(replay, setting);
  const { nowMs } = setting;
  if (isDeleted) return end('Cancelled', 'Deleted', 'The TrafficReplay was deleted.');
  if (spec.cancel) return end('Cancelled', 'Cancelled', 'It was cancelled by spec.cancel.');
  if (replay.invalid !== null)
    return end('Failed', 'InvalidSpec', `${replay.invalid}; correct it and create the TrafficReplay anew.`);
  const stages = stagesOf(spec);
  const stage = stages.find(({ name }) => !status.stages.find((one) => one.name === name)?.finish);
  // The last word of the last stage: what came of it.
  if (!stage) return end('Succeeded', 'Finished', status.message ?? 'Every stage is done.');
  return late(replay, stage, nowMs) ?? present(replay, stage, setting);
}

function end(phase: 'Succeeded' | 'Failed' | 'Cancelled', reason: string, message: string): Outline {
  return { step: { do: 'end', ending: { phase, reason, message } } };
}

/** The deadline of the stage, and that of the whole replay unless it stays until it is cancelled. */
function late({ spec, status }: TrafficReplay, stage: Stage, nowMs: number): Outline | null {
  const own = status.stages.find(({ name }) => name === stage.name);
  const began = status.stages[0];
  if (stage.isOpenEnded) return null;
  if (began && nowMs >= Date.parse(began.start) + durationMs(spec.timeout))
    return end(
      'Failed',
      'TimedOut',
      `It was not done within ${spec.timeout}, in stage ${stage.name}${lastWord(status)}; raise spec.timeout if it needs longer.`,
    );
  if (own && nowMs >= Date.parse(own.deadline))
    return end(
      'Failed',
      'StageTimedOut',
      `Stage ${stage.name} did not end before its deadline, ${own.deadline}${lastWord(status)}.`,
    );
  return null;
}

function lastWord({ message }: { message?: string | undefined }): string {
  return message ? ` (${message})` : '';
}

function present(replay: TrafficReplay, stage: Stage, setting: Setting): Outline {
  const { spec, status } = replay;
  if (!status.stages.some(({ name }) => name === stage.name)) {
    // A stage that has begun goes on; the next one waits.
    if (spec.suspend) return { step: suspended(replay) };
    const deadlineMs = Math.min(stage.deadlineMs(spec), durationMs(spec.timeout));
    const begun = stageBegun(status, { ...stage, deadlineMs }, setting.nowMs);
    return { step: { do: 'status', change: { ...begun, message: stage.doing } } };
  }
  return {
    needs: stage.needs,
    decide: (facts) => {
      const step = stage.step(replay, facts, setting);
      if (step.do === 'stage-done') return done(replay, stage, step.message, setting);
      return step.do === 'wait' ? waiting(replay, stage, step) : step;
    },
  };
}

function suspended({ status }: TrafficReplay): Step {
  const message = 'suspended; set spec.suspend to false to go on';
  if (status.message === message) return IDLE;
  return { do: 'status', change: { phase: status.phase ?? 'Pending', message } };
}

function done({ status }: TrafficReplay, stage: Stage, message: string, { nowMs }: Setting): Step {
  const condition = stage.condition;
  const conditions = condition ? [{ ...condition, status: 'True' as const, message }] : [];
  return { do: 'status', change: { ...stageFinished(status, stage.name, nowMs), conditions, message } };
}

/** A wait that has a reason says so in the stage's condition, once. */
function waiting({ status }: TrafficReplay, { condition }: Stage, step: Step & { do: 'wait' }): Step {
  const { why } = step;
  if (!why || !condition) return step;
  const known = status.conditions.find(({ type }) => type === condition.type);
  if (known?.reason === why.reason && known.message === why.message) return step;
  const conditions = [{ ...why, type: condition.type, status: 'False' as const }];
  return { do: 'status', change: { conditions, message: why.message } };
}

function cleaning(replay: TrafficReplay, setting: Setting): Outline {
  return { needs: CLEANUP_FACTS, decide: (facts) => decideCleanup(replay, facts, setting) };
}

function afterEnd(replay: TrafficReplay, setting: Setting, hasFinalizer: boolean): Outline {
  const { metadata, spec, status } = replay;
  const isRestored = status.inventory.every(({ restored }) => restored);
  if (hasFinalizer && isRestored) return { step: { do: 'finalizer', present: false } };
  if (metadata.deletionTimestamp) return cleaning(replay, setting);
  if (spec.ttlAfterFinished === undefined) return { step: IDLE };
  const complete = status.conditions.find(({ type }) => type === 'Complete');
  const leftMs =
    Date.parse(complete?.lastTransitionTime ?? '') + durationMs(spec.ttlAfterFinished) - setting.nowMs;
  return { step: leftMs > 0 ? { do: 'wait', ms: leftMs } : { do: 'delete' } };
}
