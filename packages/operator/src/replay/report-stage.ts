// From the generators' results to the report: hand them to the control plane once, wait for its analysis, and end. Pure.
import type { FactSet, Step } from './facts.ts';
import { runOf } from './generator-results.ts';
import type { TrafficReplay } from './replay-object.ts';

const POLL_MS = 2_000;

export function reportStep(
  replay: TrafficReplay,
  { opened, generators }: Pick<FactSet, 'opened' | 'generators'>,
): Step {
  const { status } = replay;
  if (!opened)
    return fail('ReplayNotFound', `The control plane does not know the replay ${status.replay} any more.`);
  const { phase, message } = opened;
  if (phase === 'running') return { do: 'finish', run: runOf(replay, generators) };
  if (phase === 'analyzing') return { do: 'wait', ms: POLL_MS };
  if (phase === 'failed')
    return fail('AnalysisFailed', `There is no report: ${message ?? 'the analysis failed'}.`);
  if (phase === 'cancelled')
    return {
      do: 'end',
      ending: { phase: 'Cancelled', reason: 'Cancelled', message: 'It was cancelled in the control plane.' },
    };
  if (!status.report) return { do: 'fetch-report' };
  // The words of the report came with it.
  return { do: 'stage-done', message: status.message ?? `The report is ${status.verdict}.` };
}

function fail(reason: string, message: string): Step {
  return { do: 'end', ending: { phase: 'Failed', reason, message } };
}
