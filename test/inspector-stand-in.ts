// A data plane as the control plane meets it, for browser tests: a forwarder and an inspector that register, beat and hold
// their streams, and an inspector's answers to commands, over a cluster that is a list of workloads.
import type { ClusterCommandBody } from '@echoplane/api';
import { newId } from '@echoplane/runtime';
import { expect } from 'vitest';
import {
  heartbeatOf,
  openStream,
  registrationOf,
  type StreamReader,
} from '../packages/cloud/src/agent.fixture.ts';
import { clock } from '../packages/cloud/src/control-plane.fixture.ts';

const ANSWER_MS = 25;

export interface StandInWorkload {
  namespace: string;
  kind: string;
  name: string;
  injected: boolean;
  settings: Record<string, string>;
  pods: number;
  injectedPods: number;
}

export interface Door {
  origin: string;
  /** Key with the role agent. */
  key: string;
}

/** Calls the control plane with the agent key. */
export async function callAs<T>(
  { origin, key }: Door,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
  const answer = await fetch(`${origin}${path}`, init);
  const text = await answer.text();
  expect(answer.ok, `${method} ${path}: ${text}`).toBe(true);
  return (text === '' ? null : JSON.parse(text)) as T;
}

/** Registers a data plane and opens its stream, which keeps it connected until it is dropped. */
export async function connectAgent(
  door: Door,
  told: { kind: 'forwarder' | 'inspector'; name: string; cluster: string },
  beat: Record<string, unknown> = {},
): Promise<{ id: string; stream: StreamReader; key: Parameters<StreamReader['signed']>[1] }> {
  const id = newId(clock.nowUs());
  const registration = { ...registrationOf(id, 'delegated', told.kind), ...told };
  const registered = await callAs<{ signingKey: Parameters<StreamReader['signed']>[1] }>(
    ...[door, 'POST', '/v1/agent/register', registration],
  );
  const stream = (await openStream(door.origin, door.key, id)).read();
  if (told.kind === 'forwarder') await callAs(door, 'POST', '/v1/agent/heartbeat', heartbeatOf(id, beat));
  return { id, stream, key: registered.signingKey };
}

/** Answers commands as an inspector does; `refuse` is the sentence of a cluster that will not. */
export class StandInInspector {
  readonly asked: ClusterCommandBody[] = [];
  readonly workloads: StandInWorkload[];
  refuse: string | null = null;
  readonly #answered = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  readonly #stream: StreamReader;

  constructor(door: Door, agent: Awaited<ReturnType<typeof connectAgent>>, workloads: StandInWorkload[]) {
    this.workloads = workloads;
    this.#stream = agent.stream;
    this.#timer = setInterval(() => {
      for (const { command } of agent.stream.signed('command', agent.key)) {
        if (!command || this.#answered.has(command.id)) continue;
        this.#answered.add(command.id);
        const outcome = this.#outcomeOf(command.body as ClusterCommandBody);
        callAs(door, 'POST', `/v1/agent/commands/${command.id}/outcome`, outcome).catch(() => {});
      }
    }, ANSWER_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stream.drop();
  }

  #outcomeOf(body: ClusterCommandBody): object {
    this.asked.push(body);
    if (this.refuse !== null && body.kind !== 'list-workloads')
      return { state: 'failed', message: this.refuse };
    return { state: 'succeeded', message: null, result: this.#resultOf(body) };
  }

  #resultOf(body: ClusterCommandBody): unknown {
    switch (body.kind) {
      case 'list-workloads':
        return { workloads: this.workloads, complete: true };
      case 'inject':
        return this.#change(body.workload.name, { injected: true, settings: body.settings });
      case 'remove':
        return this.#change(body.workload.name, { injected: false, settings: {} });
      case 'logs':
        return { text: `{"level":"info","msg":"log of ${body.pod}"}\n`, truncated: false };
      case 'diagnose':
        return { findings: FINDINGS };
      default:
        return {};
    }
  }

  #change(name: string, fields: Partial<StandInWorkload>): object {
    Object.assign(this.workloads.find((one) => one.name === name)!, fields);
    return {};
  }
}

const FINDINGS = [
  { check: 'server', state: 'ok', message: 'Kubernetes 1.32.2 answers.', remedy: null },
  {
    ...{ check: 'forwarder', state: 'warning', message: '3 segments wait for the object store.' },
    remedy: 'Check the object store and its credentials: kubectl logs -n echoplane echoplane-forwarder-0',
  },
  {
    ...{ check: 'webhooks', state: 'problem', message: 'The webhook pods.echoplane.dev has no CA yet.' },
    remedy: 'Is the operator ready? Run helm upgrade.',
  },
];
