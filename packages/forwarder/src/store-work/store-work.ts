// Commands that work on the store where the control plane does not read it, and erasures, which need the redaction key.
// Light ones are done here; heavy ones, of which the dispatcher runs one at a time, in a process of their own
// (store-worker.ts). It must not know how commands arrive or how outcomes leave.
import type { CommandBody, ErasureDocument } from '@echoplane/api';
import { readPair, removeErased, type StoreConfig, ValueEraser } from '@echoplane/archive';
import { type Environment, type ObjectStore, OperatingError } from '@echoplane/runtime';
import { type FramePosition, type RRPair, snapshotPrefix } from '@echoplane/traffic';
import type { CommandContext, CommandHandlers } from '../agent/command-handlers.ts';
import { valuesToErase } from './erasure-values.ts';
import type { StoreTaskBody } from './store-worker.ts';
import { runStoreTask } from './store-worker-process.ts';

export interface StoreWorkOptions {
  tenant: string;
  /** Settings of the store, for the process that works on it. */
  config: StoreConfig;
  /** Variables of the process that works on it. */
  environment: Environment;
  /** The same store here; null when this forwarder has none of its own. */
  store: ObjectStore | null;
  /** A pair that is still in the spool, or in the ring; null when it is in neither. */
  localPair(id: string, position: FramePosition): Promise<RRPair | null>;
  /** Takes the values, each in every form (`ValueEraser`), out of ring and spool; resolves when the disk no longer has them. */
  eraseLocal(values: readonly string[], signal: AbortSignal): Promise<{ pairs: number }>;
  redactionKey: Uint8Array;
}

type Body<K extends CommandBody['kind']> = Extract<CommandBody, { kind: K }>;
type StoreCommands = 'fetch-pair' | 'make-snapshot' | 'edit-snapshot' | 'make-report' | 'search' | 'erase';
type Outcome<K extends StoreCommands> = ReturnType<CommandHandlers[K]>;

/** A handler for each command that works on the store. */
export function storeHandlers(options: StoreWorkOptions): Pick<CommandHandlers, StoreCommands> {
  const apart = (body: StoreTaskBody, call: CommandContext): Promise<unknown> =>
    runStoreTask(
      { id: call.id, tenant: options.tenant, store: storeConfig(options.config), body },
      { ...call, environment: options.environment },
    );
  return {
    'fetch-pair': async (body) => ({ pair: await fetchPair(options, body) }),
    'make-snapshot': (body, call) => apart(body, call) as Outcome<'make-snapshot'>,
    'edit-snapshot': async (body, call) => {
      checkPrefix(body.from, snapshotPrefix(options.tenant, body.snapshot));
      return apart(body, call) as Outcome<'edit-snapshot'>;
    },
    'make-report': async (body, call) => {
      checkPrefix(body.prefix, `${options.tenant}/`);
      return apart(body, call) as Outcome<'make-report'>;
    },
    search: (body, call) => apart(body, call) as Outcome<'search'>,
    erase: (body, call) => erase(options, body, call, apart),
  };
}

/** The control plane names the folder of a snapshot; one of another tenant is none of its business here. */
function checkPrefix(prefix: string, within: string): void {
  if (prefix.startsWith(within) && prefix.endsWith('/')) return;
  const sentence = `The snapshot's folder ${prefix} is not of the organisation this forwarder serves; make the snapshot anew.`;
  throw new OperatingError('foreign_prefix', sentence);
}

/** Of all settings, those the other process needs: it is told no keys. */
function storeConfig(config: StoreConfig): StoreConfig {
  const { storeDir, s3Bucket, s3Prefix, s3Region, s3Endpoint, s3PathStyle, s3KmsKeyId } = config;
  return { storeDir, s3Bucket, s3Prefix, s3Region, s3Endpoint, s3PathStyle, s3KmsKeyId };
}

async function fetchPair({ store, localPair }: StoreWorkOptions, body: Body<'fetch-pair'>): Promise<RRPair> {
  const { id, key, position } = body;
  const local = await localPair(id, position);
  if (local) return local;
  if (key !== null && store) return readPair(store, key, { ...position, id });
  throw new OperatingError(
    'pair_gone',
    'Headers and bodies of this RRPair are neither in the spool nor in the ring of the forwarder any more, and its segment is not in the store.',
  );
}

/** First this disk, then the store: what is shipped in between was clean already. */
async function erase(
  { tenant, store, eraseLocal, redactionKey }: StoreWorkOptions,
  { erasure, sealed, remove, after, documents }: Body<'erase'>,
  call: CommandContext,
  apart: (body: StoreTaskBody, call: CommandContext) => Promise<unknown>,
): Promise<Awaited<Outcome<'erase'>>> {
  if (!store) {
    throw new OperatingError(
      'no_store',
      'This forwarder has no credentials for the store, so it cannot erase there; give it the folder or the bucket.',
    );
  }
  await removeErased(store, tenant, remove);
  const values = valuesToErase(call.unseal(sealed).toString('utf8'), redactionKey);
  const local = after === '' ? await eraseLocal(values, call.signal) : { pairs: 0 };
  const task = { kind: 'erase', erasure, after, values } as const;
  const erased = (await apart(task, call)) as Omit<Awaited<Outcome<'erase'>>, 'documents'>;
  return {
    ...{ ...erased, pairs: erased.pairs + local.pairs },
    documents: cleanDocuments(new ValueEraser(values), documents),
  };
}

/** Those that held the value, without it. */
function cleanDocuments(eraser: ValueEraser, documents: readonly ErasureDocument[]): ErasureDocument[] {
  return documents
    .map((document) => ({ ...document, value: eraser.json(document.value) }))
    .filter(({ value }, i) => value !== documents[i]!.value);
}
