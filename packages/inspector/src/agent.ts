// The inspector's end of the agent stream: registers, listens, checks every word, journals a command before it is done, and
// says how it ended until that was taken. What an earlier life left undone is done first.
//
//   register ─▶ stream ─▶ command ─▶ genuine? known? ─▶ journalled ─▶ done ─▶ journalled ─▶ told
import {
  AgentRegistered,
  CLOCK_TOLERANCE_US,
  ClusterCommandBody,
  type CommandOutcome,
  checkWords,
  Envelope,
} from '@echoplane/api';
import { KubeError } from '@echoplane/kube';
import { FACE_PATHS } from '@echoplane/resources';
import { backoffMs, type Clock, type Logger, OperatingError, verifyEnvelope } from '@echoplane/runtime';
import { readEvents } from './event-reader.ts';
import { type FaceLink, FaceRefused } from './face-link.ts';
import type { Entry, InspectorState, TakenOn } from './state.ts';

const RETRY = { firstMs: 1_000, maxMs: 30_000 };
/** Larger results are not journalled but made again: only what reads has large ones. */
const MAX_KEPT_CHARS = 1_000;

export interface InspectorAgentOptions {
  state: InspectorState;
  link: FaceLink;
  clock: Clock;
  log: Logger;
  registration: { name: string; cluster: string; version: string };
  /** Does a command and gives its result. */
  run(command: Pick<TakenOn, 'id' | 'body'>, signal: AbortSignal): Promise<unknown>;
}

export class InspectorAgent {
  readonly #options: InspectorAgentOptions;
  #trouble: string | null = 'not connected yet';
  #tenant = '';
  readonly counts = { done: 0, failed: 0 };
  /** Words that were not acted upon, by reason. */
  readonly refused = new Map<string, number>();

  constructor(options: InspectorAgentOptions) {
    this.#options = options;
  }

  /** Why nothing can be asked; null when it can. */
  get trouble(): string | null {
    return this.#trouble;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await this.#register(signal);
        await this.#finishOld(signal);
        await this.#listen(signal, () => {
          attempt = 1;
          this.#trouble = null;
        });
        this.#trouble = 'the stream ended';
      } catch (err) {
        if (signal.aborted) return;
        if (err instanceof OperatingError && err.code === 'other_inspector') throw err;
        this.#trouble = (err as Error).message;
        log.warn({ err }, 'no commands can arrive; trying again');
      }
      await clock.sleep(backoffMs(attempt, RETRY, Math.random()), signal);
    }
  }

  async #register(signal: AbortSignal): Promise<void> {
    const { state, link, registration } = this.#options;
    const { agent, sealingKey } = state;
    const said = { agent, kind: 'inspector', ...registration, storeAccess: 'delegated', sealingKey };
    const { tenant, signingKey } = AgentRegistered.parse(await link.post(FACE_PATHS.register, said, signal));
    const { pin } = state;
    if (!pin) await state.setPin({ key: signingKey, tenant: tenant.id });
    else if (pin.key.publicKey !== signingKey.publicKey || pin.tenant !== tenant.id) {
      const sentence =
        'The control plane has another key or organisation than at the first registration; if that is meant so, delete the ConfigMap echoplane-inspector and restart the inspector.';
      throw new OperatingError('other_control_plane', sentence);
    }
    this.#tenant = tenant.id;
  }

  /** What was journalled and not told, or not even done. */
  async #finishOld(signal: AbortSignal): Promise<void> {
    const { state, clock } = this.#options;
    for (const entry of state.journal) {
      const { id, body, outcome, told, expiresAt } = entry;
      if (told) continue;
      if (outcome) await this.#tell(id, outcome, signal);
      else if (body && expiresAt + CLOCK_TOLERANCE_US > clock.nowUs())
        await this.#do({ id, body, expiresAt }, signal);
      else await this.#conclude(id, failure(TOO_LATE), signal);
    }
  }

  async #listen(signal: AbortSignal, opened: () => void): Promise<void> {
    const { state, link, clock } = this.#options;
    const open = (connection: AbortSignal) =>
      link.stream(`${FACE_PATHS.events}?agent=${state.agent}`, connection);
    await readEvents({ open, opened, clock, take: (data) => this.#take(data, signal) }, signal);
  }

  async #take(data: string, signal: AbortSignal): Promise<void> {
    const { state, clock, log } = this.#options;
    const words = this.#open(data);
    if ('refused' in words) {
      this.refused.set(words.refused, (this.refused.get(words.refused) ?? 0) + 1);
      return log.warn({ reason: words.refused }, 'words of the control plane were refused');
    }
    const { id, expiresAt } = words;
    const known = state.entry(id);
    if (known?.outcome) return this.#tell(id, known.outcome, signal);
    const body = ClusterCommandBody.safeParse(words.body);
    if (!body.success) return this.#tell(id, failure(UNKNOWN_COMMAND), signal);
    const taken = { id, expiresAt, body: body.data };
    try {
      if (!known) await state.begin(taken, clock.nowUs());
    } catch (err) {
      if (!(err instanceof OperatingError) || err.code !== 'journal_full') throw err;
      return this.#tell(id, failure(err.message), signal);
    }
    await this.#do(taken, signal);
  }

  #open(data: string): { id: string; expiresAt: number; body: unknown } | { refused: string } {
    const { state, clock } = this.#options;
    const envelope = Envelope.safeParse(safeJson(data));
    if (!envelope.success || !state.pin) return { refused: 'malformed' };
    const verified = verifyEnvelope(state.pin.key, envelope.data);
    if ('refused' in verified) return verified;
    const checked = checkWords(verified.words, { tenant: this.#tenant, agent: state.agent }, clock.nowUs());
    if ('refused' in checked) return checked;
    const { command, expiresAt } = checked.words;
    return command ? { id: command.id, expiresAt, body: command.body } : { refused: 'malformed' };
  }

  async #do(taken: TakenOn, signal: AbortSignal): Promise<void> {
    const { link, log, run } = this.#options;
    const { id, body } = taken;
    const named = { command: id, kind: body.kind, target: targetOf(body) };
    log.info(named, 'a command is done');
    // Acknowledged: it is not sent again meanwhile.
    const begun = { command: id, share: 0, message: 'begun' };
    await link.post(FACE_PATHS.progress, begun, signal).catch(() => {});
    const outcome = await run(taken, signal).then(
      (result): CommandOutcome => ({ state: 'succeeded', message: null, result }),
      (err) => {
        // The next life does it.
        if (signal.aborted) throw err;
        log.warn({ err, ...named }, 'a command failed');
        return failure(sentenceOf(err));
      },
    );
    this.counts[outcome.state === 'succeeded' ? 'done' : 'failed']++;
    await this.#conclude(id, outcome, signal);
  }

  async #conclude(id: Entry['id'], outcome: CommandOutcome, signal: AbortSignal): Promise<void> {
    const { state } = this.#options;
    const isLarge = JSON.stringify(outcome.result ?? null).length > MAX_KEPT_CHARS;
    if (!isLarge) await state.finish(id, outcome);
    await this.#tell(id, outcome, signal);
    if (isLarge) await state.forget(id);
  }

  /** What cannot be told now is told after the next registration, so a failure ends the stream. */
  async #tell(id: string, outcome: CommandOutcome, signal: AbortSignal): Promise<void> {
    const { state, link, log } = this.#options;
    const tell = (said: CommandOutcome) => link.post(FACE_PATHS.outcome, { command: id, ...said }, signal);
    try {
      await tell(outcome);
    } catch (err) {
      if (!(err instanceof FaceRefused) || !err.isFinal) throw err;
      log.warn({ err, command: id }, 'the outcome of a command was refused');
      if (outcome.state === 'succeeded')
        await tell(failure(`It was done, but its result was refused: ${err.message}`)).catch(() => {});
    }
    state.markTold(id);
  }
}

const TOO_LATE =
  'The inspector was away until this had expired, and does not know whether it was done; look, and ask again.';
const UNKNOWN_COMMAND = 'This inspector does not know such a command; upgrade it.';

const failure = (message: string): CommandOutcome => ({ state: 'failed', message: message.slice(0, 2_000) });

/** What a command is about, in short. */
function targetOf({ kind: _, ...body }: ClusterCommandBody): string {
  const {
    namespace = '',
    kind = '',
    name = '',
    pod = '',
    container = '',
  } = {
    ...body,
    ...('workload' in body ? body.workload : {}),
  } as Record<string, string>;
  return [namespace, kind, name, pod, container].filter((part) => part !== '').join('/');
}

/** Sentences of ours and of the API server are for whoever asked; others stay in the log. */
function sentenceOf(err: unknown): string {
  if (err instanceof KubeError || err instanceof OperatingError) return err.message;
  return 'It failed; the log of the inspector says why.';
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
