// The shell around the lifecycle: read the TrafficReplay, gather what its stage needs, decide, do one thing, and again, until
// there is something to wait for. Nothing is remembered from one step to the next, so it can be killed at any line.
import { type Obj, type Outcome, RESOURCES, type Reconciler, refOf } from '@echoplane/kube';
import { act } from './act.ts';
import { outline } from './decide.ts';
import type { Setting, StatusChange, Step } from './facts.ts';
import { gather } from './gather.ts';
import type { ReplayContext } from './replay-context.ts';
import { readTrafficReplay, referenceTo, type TrafficReplay } from './replay-object.ts';
import { currentStage } from './stages.ts';
import { applyChange, ended, notesBetween } from './status.ts';

/** A replay has some thirty steps; more in one go would be a decision that goes in circles. */
const MAX_STEPS = 60;
const CIRCLE_MS = 5_000;

/** Runs TrafficReplays; keys are `namespace/name`. */
export function replayReconciler(context: ReplayContext): Reconciler {
  return {
    name: 'replays',
    async reconcile(key, signal): Promise<Outcome> {
      for (let steps = 0; steps < MAX_STEPS && !signal.aborted; steps++) {
        const object = await context.client.get(RESOURCES.trafficReplays, refOf(key));
        if (!object) return { again: 'no' };
        const step = await once(context, object, signal);
        if (step.do === 'wait')
          return step.ms === Number.POSITIVE_INFINITY ? { again: 'no' } : { again: 'after', ms: step.ms };
      }
      return { again: 'after', ms: CIRCLE_MS };
    },
  };
}

/** Decides and does one step. */
async function once(context: ReplayContext, object: Obj, signal: AbortSignal): Promise<Step> {
  const replay = readTrafficReplay(object);
  try {
    const step = await decide(context, replay, signal);
    await perform(context, { object, replay }, step, signal);
    return step;
  } catch (err) {
    const { status } = err as { status?: number };
    // Somebody wrote in between: not worth telling, it is read again.
    if (status !== 409 && !signal.aborted) {
      const message = (err as Error).message.slice(0, 800);
      context.events.record(referenceTo(replay), { type: 'Warning', reason: 'Retrying', message });
    }
    throw err;
  }
}

async function decide(context: ReplayContext, replay: TrafficReplay, signal: AbortSignal): Promise<Step> {
  const { install, config, clock } = context;
  const setting: Setting = { install, namespace: config.namespace, nowMs: Math.floor(clock.nowUs() / 1_000) };
  const plan = outline(replay, setting);
  if ('step' in plan) return plan.step;
  return plan.decide(await gather(context, replay, plan.needs, signal));
}

async function perform(
  context: ReplayContext,
  stored: { object: Obj; replay: TrafficReplay },
  step: Step,
  signal: AbortSignal,
): Promise<void> {
  switch (step.do) {
    case 'wait':
    case 'stage-done':
      return;
    case 'status':
      return writeStatus(context, stored, step.change);
    case 'end': {
      const of = currentStage(stored.replay)?.condition?.type ?? null;
      return writeStatus(context, stored, ended(step.ending, of));
    }
    case 'close':
      await act(context, stored.replay, step, signal);
      return writeStatus(context, stored, step.change);
    default: {
      const told = await act(context, stored.replay, step, signal);
      if (told) await writeStatus(context, stored, told as StatusChange);
    }
  }
}

/** Bound to the object as it was read: two writers never mix. */
async function writeStatus(
  { client, clock, events, log }: ReplayContext,
  { object, replay }: { object: Obj; replay: TrafficReplay },
  change: StatusChange,
): Promise<void> {
  const nowMs = Math.floor(clock.nowUs() / 1_000);
  const status = applyChange(replay.status, change, { nowMs, generation: object.metadata.generation ?? 0 });
  await client.replace(RESOURCES.trafficReplays, { ...object, status }, { subresource: 'status' });
  for (const note of notesBetween(replay.status, status)) events.record(referenceTo(replay), note);
  if (status.phase !== replay.status.phase)
    log.info(
      {
        event: 'replay-phase',
        replay: `${replay.metadata.namespace}/${replay.metadata.name}`,
        phase: status.phase,
      },
      'a replay is in a new phase',
    );
}
