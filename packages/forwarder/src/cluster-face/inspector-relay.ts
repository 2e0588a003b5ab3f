// The inspector's way to the control plane: it has no key and no way out of its own, so what it says is passed on under
// the forwarder's, and the stream that is opened for it is passed to it untouched; it judges the signatures itself. It
// speaks for itself alone: not as the forwarder. Logs it read are redacted here, because the key is here.
import { AgentRegistration, type ApiClient, ApiError, CommandOutcome, CommandProgress } from '@echoplane/api';
import { FACE_PATHS } from '@echoplane/resources';
import type { Clock } from '@echoplane/runtime';
import { z } from 'zod';
import { TookTooLong, within } from '../agent/deadline.ts';
import { type AgentEvent, followEvents } from '../agent/event-stream.ts';
import type { FaceRoute } from './cluster-face.ts';
import { FaceProblem, type FaceRequest, readJson, sendJson } from './face-request.ts';
import type { ObservationRedactor } from './observation-redactor.ts';

export interface InspectorRelayOptions {
  client: ApiClient;
  clock: Clock;
  /** Id of the forwarder's own agent. */
  self: string;
  redactor: Pick<ObservationRedactor, 'redactLog'>;
}

const CALL_MS = 20_000;
const MAX_WORD_BYTES = 64 << 10;
const MAX_LOG_CHARS = 512 << 10;
/** Results hold lists of workloads and lines of logs. */
const MAX_OUTCOME_BYTES = 4 << 20;
/** One inspector, and the one before it that has not noticed yet. */
const MAX_STREAMS = 4;

const command = { command: z.uuid() };
const Registration = AgentRegistration.extend({ kind: z.literal('inspector') });
const Progress = CommandProgress.extend(command);
const Outcome = CommandOutcome.extend(command);
const Query = z.object({ agent: z.uuid() });

/** Routes for the inspector, and its part of the events. */
export function inspectorRelay(options: InspectorRelayOptions): {
  routes: FaceRoute[];
  events: FaceRoute['handle'];
} {
  const { client } = options;
  const post = (path: string, handle: FaceRoute['handle']): FaceRoute => ({
    ...{ method: 'POST', path, roles: ['inspector'], handle },
  });
  const routes = [
    post(FACE_PATHS.register, async ({ request, response, signal }) => {
      const body = await readJson(request, Registration, MAX_WORD_BYTES);
      refuseSelf(body.agent, options);
      sendJson(
        response,
        await relayed(options, signal, (limited) => client.call('registerAgent', { body }, limited)),
      );
    }),
    post(FACE_PATHS.progress, async ({ request, response, signal }) => {
      const { command: id, ...body } = await readJson(request, Progress, MAX_WORD_BYTES);
      const input = { params: { id }, body };
      await relayed(options, signal, (limited) => client.call('commandProgress', input, limited));
      response.writeHead(204).end();
    }),
    post(FACE_PATHS.outcome, async ({ request, response, signal }) => {
      const { command: id, ...said } = await readJson(request, Outcome, MAX_OUTCOME_BYTES);
      const input = { params: { id }, body: redacted(said, options.redactor) };
      await relayed(options, signal, (limited) => client.call('commandOutcome', input, limited));
      response.writeHead(204).end();
    }),
  ];
  let streams = 0;
  return {
    routes,
    async events(asked) {
      if (streams >= MAX_STREAMS)
        throw new FaceProblem('too_many_attempts', 'Inspectors have as many streams as they may.', 10);
      streams++;
      await relayEvents(asked, options).finally(() => streams--);
    },
  };
}

const Log = z.looseObject({ text: z.string() });

/** The outcome as it may leave: results with a text are logs, all others hold names of Kubernetes objects. */
function redacted(outcome: CommandOutcome, redactor: InspectorRelayOptions['redactor']): CommandOutcome {
  const log = Log.safeParse(outcome.result);
  if (!log.success) return outcome;
  const text = redactor.redactLog(log.data.text);
  if (text === null)
    return { state: 'failed', message: 'The log cannot be redacted, so it stays in the cluster.' };
  // Tokens may be longer than what they stand for.
  const isCut = text.length > MAX_LOG_CHARS;
  const result = { ...log.data, text: text.slice(0, MAX_LOG_CHARS), ...(isCut ? { truncated: true } : {}) };
  return { ...outcome, result };
}

/** Opens the agent stream of the inspector and passes on what comes, until either end is gone. */
async function relayEvents(
  { url, response, signal }: FaceRequest,
  options: InspectorRelayOptions,
): Promise<void> {
  const query = Query.safeParse(Object.fromEntries(url.searchParams));
  if (!query.success) throw new FaceProblem('invalid_request', 'Say whose stream it is: ?agent=ID.');
  const { agent } = query.data;
  refuseSelf(agent, options);
  const opened = () => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();
  };
  const take = async ({ kind, data }: AgentEvent) => {
    if (!response.write(`event: ${kind}\ndata: ${data}\n\n`)) await drained(response, signal);
  };
  try {
    await followEvents({ client: options.client, clock: options.clock, agent, opened, take }, signal);
  } catch (err) {
    if (!response.headersSent) throw asProblem(err);
  }
  response.end();
}

function drained(response: FaceRequest['response'], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function refuseSelf(agent: string, { self }: InspectorRelayOptions): void {
  if (agent === self)
    throw new FaceProblem('forbidden', 'This is the id of the forwarder; an inspector has its own.');
}

async function relayed<T>(
  { clock }: InspectorRelayOptions,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await within({ clock, ms: CALL_MS, what: 'a word of the inspector' }, signal, call);
  } catch (err) {
    throw asProblem(err);
  }
}

/** The control plane's own refusal goes through; everything else is that it does not answer. */
function asProblem(err: unknown): FaceProblem {
  if (err instanceof ApiError && err.problem && err.status < 500) {
    const { code, detail } = err.problem;
    return new FaceProblem(code as FaceProblem['code'], detail);
  }
  const why = err instanceof TookTooLong || err instanceof ApiError ? `: ${err.message}` : '';
  return new FaceProblem('unavailable', `The control plane does not answer the forwarder${why}.`, 5);
}
