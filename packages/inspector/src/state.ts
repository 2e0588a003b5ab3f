// What an inspector must know in its next life: who it is, whom it trusts, and which commands it took on. A ConfigMap of the
// install namespace; every change is conditional, so that of two inspectors only one goes on. The private half of the
// sealing key is not kept: nothing is sealed for an inspector.
//
//   taken on (journalled) ─▶ done (outcome journalled) ─▶ told ─▶ forgotten when its envelope can no longer come again
import { randomUUID } from 'node:crypto';
import { CLOCK_TOLERANCE_US, ClusterCommandBody, CommandOutcome, SigningKey } from '@echoplane/api';
import { isConflict, type KubeClient, type Obj, RESOURCES } from '@echoplane/kube';
import { MANAGED_LABEL, MANAGED_VALUE, WORKLOADS } from '@echoplane/resources';
import { newSealingKey, OperatingError } from '@echoplane/runtime';
import { z } from 'zod';

const NAME = WORKLOADS.inspector;
const KEY = 'state.json';
const MAX_ENTRIES = 500;
/** A ConfigMap takes 1 MiB. */
const MAX_STATE_BYTES = 900_000;

const Entry = z.object({
  id: z.string(),
  /** µs; until then the same envelope may come again. */
  expiresAt: z.number(),
  /** Null once it was done. */
  body: ClusterCommandBody.nullable(),
  /** Null while it is being done; what a life left so is finished by the next. */
  outcome: CommandOutcome.nullable(),
  told: z.boolean(),
});
export type Entry = z.infer<typeof Entry>;
const State = z.object({
  agent: z.uuid(),
  sealingKey: z.string(),
  pin: z.object({ key: SigningKey, tenant: z.uuid() }).nullable(),
  journal: z.array(Entry),
});
type State = z.infer<typeof State>;

export class InspectorState {
  readonly #client: KubeClient;
  readonly #namespace: string;
  #object: Obj;
  #state: State;

  private constructor(client: KubeClient, namespace: string, object: Obj, state: State) {
    this.#client = client;
    this.#namespace = namespace;
    this.#object = object;
    this.#state = state;
  }

  /** Reads it, or makes it at the first start. Throws OperatingError when it is damaged. */
  static async open(client: KubeClient, namespace: string): Promise<InspectorState> {
    const read = () => client.get(RESOURCES.configMaps, { namespace, name: NAME });
    const object = (await read()) ?? (await createFirst(client, namespace)) ?? (await read());
    const parsed = State.safeParse(parseJson(object?.data?.[KEY]));
    if (object && parsed.success) return new InspectorState(client, namespace, object, parsed.data);
    const why = parsed.error ? z.prettifyError(parsed.error) : 'it is gone';
    const sentence = `The ConfigMap ${namespace}/${NAME} is damaged: ${why}. Delete it to register anew.`;
    throw new OperatingError('state_damaged', sentence);
  }

  get agent(): string {
    return this.#state.agent;
  }
  get sealingKey(): string {
    return this.#state.sealingKey;
  }
  get pin(): State['pin'] {
    return this.#state.pin;
  }
  get journal(): readonly Entry[] {
    return this.#state.journal;
  }
  entry(id: string): Entry | undefined {
    return this.#state.journal.find((entry) => entry.id === id);
  }

  async setPin(pin: NonNullable<State['pin']>): Promise<void> {
    await this.#write({ ...this.#state, pin });
  }

  /** Journals a command before it is done. Throws OperatingError `journal_full` when it cannot be kept. */
  async begin({ id, expiresAt, body }: TakenOn, nowUs: number): Promise<void> {
    const mayComeAgain = (entry: Entry) => entry.expiresAt + CLOCK_TOLERANCE_US > nowUs;
    const journal = this.#state.journal.filter(
      (entry) => entry.outcome === null || !entry.told || mayComeAgain(entry),
    );
    journal.push({ id, expiresAt, body, outcome: null, told: false });
    const state = { ...this.#state, journal };
    if (journal.length > MAX_ENTRIES || Buffer.byteLength(JSON.stringify(state)) > MAX_STATE_BYTES)
      throw new OperatingError(
        'journal_full',
        'The inspector cannot remember this command beside the others; ask for less at once, or later.',
      );
    await this.#write(state);
  }

  async finish(id: string, outcome: CommandOutcome): Promise<void> {
    const journal = this.#state.journal.map((entry) =>
      entry.id === id ? { ...entry, body: null, outcome } : entry,
    );
    await this.#write({ ...this.#state, journal });
  }

  /** For what only looked: it may be done again. */
  async forget(id: string): Promise<void> {
    await this.#write({ ...this.#state, journal: this.#state.journal.filter((entry) => entry.id !== id) });
  }

  /** Written with the next change: to tell an outcome twice does no harm. */
  markTold(id: string): void {
    const entry = this.entry(id);
    if (entry) entry.told = true;
  }

  async #write(state: State): Promise<void> {
    const object = { ...this.#object, data: { [KEY]: JSON.stringify(state) } };
    try {
      this.#object = await this.#client.replace(RESOURCES.configMaps, object);
    } catch (err) {
      if (!isConflict(err)) throw err;
      const sentence = `Another inspector changed ${this.#namespace}/${NAME}; this one ends and begins anew.`;
      throw new OperatingError('other_inspector', sentence, { cause: err });
    }
    this.#state = state;
  }
}

/** A command as it was taken on. */
export interface TakenOn {
  id: string;
  expiresAt: number;
  body: ClusterCommandBody;
}

/** Null when somebody else made it meanwhile. */
async function createFirst(client: KubeClient, namespace: string): Promise<Obj | null> {
  const state: State = { agent: randomUUID(), sealingKey: newSealingKey().publicKey, pin: null, journal: [] };
  const object: Obj = {
    ...{ apiVersion: 'v1', kind: 'ConfigMap' },
    metadata: { name: NAME, namespace, labels: { [MANAGED_LABEL]: MANAGED_VALUE } },
    data: { [KEY]: JSON.stringify(state) },
  };
  return client.create(RESOURCES.configMaps, object).catch((err) => {
    if (isConflict(err)) return null;
    throw err;
  });
}

function parseJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return null;
  }
}
