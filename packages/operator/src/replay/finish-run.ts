// The end of a run: the responders' answers counted and delivered, the forwarder flushed, the control plane told, and its
// report read. Each can be asked again.
import { ApiError } from '@echoplane/api';
import { type Obj, RESOURCES } from '@echoplane/kube';
import { COMPONENT_LABEL, PORTS, REPLAY_LABEL } from '@echoplane/resources';
import { OperatingError } from '@echoplane/runtime';
import type { GeneratorRun, Report } from '@echoplane/traffic';
import { z } from 'zod';
import type { Told } from './act.ts';
import { allOf } from './gather.ts';
import type { ReplayContext } from './replay-context.ts';
import type { TrafficReplay } from './replay-object.ts';

const DRAIN_MS = 70_000;
const Drained = z.object({ delivered: z.int().nonnegative(), undelivered: z.int().nonnegative() });

export async function finishRun(
  context: ReplayContext,
  { metadata, status }: TrafficReplay,
  run: GeneratorRun,
  signal: AbortSignal,
): Promise<void> {
  const { cloud, forwarder } = context;
  const { delivered, doubts } = await drainResponders(context, metadata.uid, signal);
  if (!(await forwarder.flush(signal)))
    throw new OperatingError(
      'flush_late',
      'The forwarder has not shipped everything yet; it is asked again.',
    );
  const body = { run: { ...run, voidReasons: [...run.voidReasons, ...doubts] }, mockResults: delivered };
  await cloud.call('finishReplay', { params: { id: status.replay! }, body }, signal).catch((err) => {
    // It was told before, and the answer was lost.
    if (!(err instanceof ApiError && err.status === 409)) throw err;
  });
}

/** Makes each responder deliver what it recorded. One that cannot be asked is a doubt, never a reason not to end. */
async function drainResponders(
  { client, config, log }: ReplayContext,
  uid: string,
  signal: AbortSignal,
): Promise<{ delivered: number; doubts: string[] }> {
  const labelSelector = `${REPLAY_LABEL}=${uid},${COMPONENT_LABEL}=responder`;
  const pods = await allOf(client.list(RESOURCES.pods, { namespace: config.namespace, labelSelector }));
  let delivered = 0;
  const doubts: string[] = [];
  for (const pod of pods.filter(({ status }) => status?.phase === 'Running')) {
    try {
      const answer = await drain(pod, signal);
      delivered += answer.delivered;
      if (answer.undelivered > 0)
        doubts.push(`responder ${pod.metadata.name} could not deliver ${answer.undelivered} answers`);
    } catch (err) {
      log.warn(
        { event: 'responder-silent', pod: pod.metadata.name, err },
        'a responder could not be asked for its count',
      );
      doubts.push(`responder ${pod.metadata.name} could not be asked what it answered`);
    }
  }
  return { delivered, doubts };
}

async function drain(pod: Obj, signal: AbortSignal): Promise<z.infer<typeof Drained>> {
  const ip: string | undefined = pod.status?.podIP;
  if (!ip) throw new Error('it has no address');
  const ports = (pod.spec?.containers ?? []).flatMap((one: { ports?: unknown[] }) => one.ports ?? []);
  const named = ports.find(({ name }: { name?: string }) => name === 'admin') as
    | { containerPort: number }
    | undefined;
  const url = `http://${ip.includes(':') ? `[${ip}]` : ip}:${named?.containerPort ?? PORTS.admin}/drain`;
  const answer = await fetch(url, {
    method: 'POST',
    signal: AbortSignal.any([signal, AbortSignal.timeout(DRAIN_MS)]),
  });
  if (!answer.ok) throw new Error(`it answered ${answer.status}`);
  return Drained.parse(await answer.json());
}

export async function statusOfReport(
  { cloud, install }: ReplayContext,
  { status }: TrafficReplay,
  signal: AbortSignal,
): Promise<Told> {
  const id = status.replay!;
  const { report } = await cloud.call('report', { params: { id } }, signal);
  const { p95Us } = report.replayed;
  return {
    ...{ verdict: report.verdict, message: wordsOf(report) },
    report: {
      ...{ id, url: `${install.cloudUrl.replace(/\/$/, '')}/reports/${id}` },
      ...(report.successRate === null
        ? {}
        : { successRate: report.successRate, success: percent(report.successRate) }),
      ...(p95Us === null ? {} : { p95Ms: p95Us / 1_000 }),
      ...(report.matchRate === null ? {} : { matchRate: report.matchRate }),
    },
  };
}

/** What came of it, for who reads no report: the goals it missed, then the most likely reasons. */
export function wordsOf({ verdict, goals, reasons, successRate }: Report): string {
  const missed = goals
    .filter(({ met }) => !met)
    .map(({ name, actual, wanted }) => `${name} is ${actual}, wanted ${wanted}`);
  const rate = successRate === null ? '' : `: ${percent(successRate)} of assertions hold`;
  const what = missed.length > 0 ? `missed goals: ${missed.join('; ')}` : `${verdict}${rate}`;
  const why = verdict === 'passed' ? [] : reasons.map((one) => one.replace(/\.$/, ''));
  return `${[what, ...why].join('. ')}.`;
}

/** Rounded down: 99.96 % is not 100 %. */
function percent(share: number): string {
  return `${Math.floor(share * 1_000 + 1e-9) / 10} %`;
}
