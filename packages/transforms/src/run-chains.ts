// Runs the chains of one place on one message. A chain that does not apply leaves the message as it was: in a strict chain
// that is a finding, else it is counted.
import { type ExpressionView, exprViewOf } from '@echoplane/rules';
import { applySteps, type CompiledChain, type CompiledTransforms } from './compile.ts';
import type { TransformContext } from './context.ts';
import type { ChainPoint } from './document.ts';
import { applyLearned } from './learned.ts';
import { Draft, type Message } from './message.ts';
import { pairOfMessage } from './message-pair.ts';
import { type Change, Run } from './run.ts';
import { Miss, sameValue } from './value.ts';

/** A strict chain that did not apply, and why. */
export interface TransformFinding {
  chain: string;
  reason: string;
}

export interface TransformResult {
  /** The very same object when nothing changed. */
  message: Message;
  changes: Change[];
  findings: TransformFinding[];
  /** Ids of chains that ran, and of those (not strict) that found nothing to work on. */
  applied: string[];
  missed: string[];
  /** How long the sender holds up, µs. */
  delayUs: number;
  /** Responder, requests: keys to add to and to leave out of the signature; absent when none. */
  signature?: Draft['signature'];
}

/** The message after the chains at a place. Pure but for what the context's state keeps. */
export function runChains(
  transforms: CompiledTransforms,
  at: ChainPoint,
  message: Message,
  context: TransformContext,
): TransformResult {
  const result: TransformResult = {
    ...{ message, changes: [], findings: [], applied: [], missed: [], delayUs: 0 },
  };
  const chains = transforms.at[at];
  if (chains.length === 0 && context.state.learned.size === 0) return result;
  const draft = new Draft(message);
  let view: ExpressionView | null = null;
  let viewed: Message | null = null;
  for (const chain of chains) {
    if (chain.when !== null) {
      if (view === null || viewed !== draft.message) view = exprViewOf(pairOfMessage(draft.message));
      viewed = draft.message;
      if (!chain.when.test(view)) continue;
    }
    runOne(chain, draft, transforms, context, result);
  }
  if (context.state.learned.size > 0) applyLearned(draft, at, context, result.changes);
  draft.taints.keep(draft.message.request, draft.message.response);
  result.message = draft.message;
  result.delayUs = draft.delayUs;
  if (Object.keys(draft.signature.set).length > 0 || draft.signature.delete.length > 0)
    result.signature = draft.signature;
  return result;
}

/** Fills the variables of a new virtual user. */
export function startVariables(
  transforms: CompiledTransforms,
  context: TransformContext,
): Pick<TransformResult, 'findings' | 'applied' | 'missed'> {
  const result: TransformResult = {
    ...{ message: NO_MESSAGE, changes: [], findings: [], applied: [], missed: [], delayUs: 0 },
  };
  for (const chain of transforms.atStart) runOne(chain, new Draft(NO_MESSAGE), transforms, context, result);
  return result;
}

const NO_MESSAGE: Message = {
  direction: 'IN',
  request: { method: 'GET', target: '/', headers: [], body: { size: 0, encoding: 'identity' } },
};

function runOne(
  chain: CompiledChain,
  draft: Draft,
  { tables }: CompiledTransforms,
  context: TransformContext,
  result: TransformResult,
): void {
  const before = { message: draft.message, delayUs: draft.delayUs, signature: draft.signature };
  const run = new Run({ context, draft, tables }, chain.id, chain.strict);
  try {
    applyChain(chain, draft, run);
    result.applied.push(chain.id);
    result.changes.push(...run.changes);
  } catch (error) {
    // Besides a miss only the stack can run out, by data nested thousands deep.
    if (!(error instanceof Miss || error instanceof RangeError)) throw error;
    Object.assign(draft, before);
    const reason = error instanceof Miss ? error.reason : 'the value is nested too deeply';
    if (chain.strict) result.findings.push({ chain: chain.id, reason });
    else result.missed.push(chain.id);
  }
}

function applyChain({ place, steps, variable }: CompiledChain, draft: Draft, run: Run): void {
  const value = place.read(draft, run);
  if (value === undefined) throw new Miss(`there is no ${place.path}`);
  if (variable !== null) {
    let stored = value;
    applySteps(steps, value, run, (inner) => {
      stored = inner;
      return inner;
    });
    run.context.state.setVariable(variable, { value: stored, secrets: run.taints() });
    return;
  }
  const made = run.window(place.path, value, (inner) => applySteps(steps, inner, run, (last) => last));
  if (!sameValue(value, made)) place.write(draft, made, run);
  run.finish();
}
