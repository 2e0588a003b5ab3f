// The artifact endpoint (port 9444): pods of a replay, known by their service-account token, fetch its files and ask when it
// starts. Any replica answers; what it must tell others (a generator is ready) it writes on the pod. No other caller gets
// anything, and no pod gets another replay's files.
import { Readable } from 'node:stream';
import { type Obj, RESOURCES } from '@echoplane/kube';
import { ARTIFACTS } from '@echoplane/traffic';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { OperatorContext } from '../context.ts';
import { openArtifact } from './artifact-source.ts';
import { READY_ANNOTATION } from './generator-results.ts';
import { type PodIdentity, podIdentities } from './pod-identity.ts';
import { readTrafficReplay, type TrafficReplay } from './replay-object.ts';
import type { Role } from './replay-pods.ts';

export type ArtifactContext = Pick<OperatorContext, 'client' | 'cloud' | 'forwarder' | 'clock' | 'log'> & {
  config: Pick<OperatorContext['config'], 'namespace'>;
  caches: Pick<OperatorContext['caches'], 'trafficReplays'>;
};

/** Who may have which file; what is not here does not leave. */
const ALLOWED: Readonly<Record<string, readonly Role[]>> = {
  [ARTIFACTS.tests]: ['generator'],
  [ARTIFACTS.tokens]: ['generator'],
  'vault.jsonl': ['generator'],
  [ARTIFACTS.mocks]: ['responder'],
  [ARTIFACTS.transforms]: ['responder', 'generator'],
  'rules.json': ['responder', 'generator'],
};
/** More at once are told to come again: each holds a connection to the store. */
const MAX_STREAMS = 32;
const RETRY_AFTER_S = 2;

interface Refusal {
  status: number;
  code: string;
  detail: string;
}

/** The routes of the endpoint, for an HTTPS server of fastify. */
export function artifactRoutes(context: ArtifactContext): FastifyPluginAsync {
  const identify = podIdentities(context);
  let streams = 0;

  async function callerOf(
    request: FastifyRequest,
    uid: string,
  ): Promise<{ pod: PodIdentity; replay: TrafficReplay } | Refusal> {
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const pod = token === undefined ? null : await identify(token);
    if (!pod)
      return refusal(401, 'unauthenticated', 'Show the service-account token of a pod of the replay.');
    if (pod.replay !== uid) return refusal(403, 'forbidden', 'The pod is not of this replay.');
    const object = find(context.caches.trafficReplays.all(), uid);
    if (!object) return refusal(404, 'not_found', 'There is no such replay (yet).');
    return { pod, replay: readTrafficReplay(object) };
  }

  return async (app) => {
    app.get<{ Params: { uid: string; name: string } }>(
      '/replays/:uid/artifacts/:name',
      async (request, reply) => {
        const { uid, name } = request.params;
        const caller = await callerOf(request, uid);
        if ('status' in caller) return refuse(reply, caller);
        const { pod, replay } = caller;
        if (!Object.hasOwn(ALLOWED, name) || !ALLOWED[name]!.includes(pod.role))
          return refuse(reply, refusal(403, 'forbidden', `A ${pod.role} gets no ${name}.`));
        const { snapshot } = replay.status;
        if (snapshot === undefined)
          return refuse(reply, refusal(404, 'not_found', 'The snapshot is not known yet.'));
        if (streams >= MAX_STREAMS) {
          reply.header('retry-after', RETRY_AFTER_S);
          return refuse(reply, refusal(503, 'unavailable', 'Too many files are being fetched; come again.'));
        }
        streams++;
        const gone = new AbortController();
        let isCounted = true;
        const release = () => {
          if (isCounted) streams--;
          isCounted = false;
          gone.abort();
        };
        reply.raw.once('close', release);
        const artifact = await openArtifact(context, snapshot, name, gone.signal);
        if (!artifact) return refuse(reply, refusal(404, 'not_found', `There is no ${name}.`));
        if (artifact.sizeBytes !== null) reply.header('content-length', artifact.sizeBytes);
        reply.type('application/octet-stream');
        return reply.send(Readable.fromWeb(artifact.bytes as never));
      },
    );

    app.get<{ Params: { uid: string } }>('/replays/:uid/start', async (request, reply) => {
      const caller = await callerOf(request, request.params.uid);
      if ('status' in caller) return refuse(reply, caller);
      const { pod, replay } = caller;
      if (pod.role !== 'generator')
        return refuse(reply, refusal(403, 'forbidden', 'Only generators have a start.'));
      const { startAt } = replay.status;
      if (startAt !== undefined) return reply.send({ startAt });
      await sayReady(context, pod);
      return reply.code(204).send();
    });

    app.setErrorHandler(async (err, _, reply) => {
      context.log.warn({ event: 'artifact-failed', err }, 'an artifact could not be handed out');
      return refuse(reply, refusal(503, 'unavailable', 'Whoever has it does not answer; come again.'));
    });
  };
}

const refusal = (status: number, code: string, detail: string): Refusal => ({ status, code, detail });

function refuse(reply: FastifyReply, { status, code, detail }: Refusal): FastifyReply {
  return reply.code(status).type('application/problem+json').send(JSON.stringify({ status, code, detail }));
}

function find(replays: Iterable<Obj>, uid: string): Obj | null {
  for (const object of replays) if (object.metadata.uid === uid) return object;
  return null;
}

/** A generator that asks has all it needs; the reconciler, in whichever replica, reads it from the pod. */
async function sayReady({ client, config }: ArtifactContext, pod: PodIdentity): Promise<void> {
  if (pod.saidReady) return;
  const patch = { metadata: { annotations: { [READY_ANNOTATION]: 'true' } } };
  await client.patch(RESOURCES.pods, { namespace: config.namespace, name: pod.name }, patch, {
    type: 'merge',
  });
  pod.saidReady = true;
}
