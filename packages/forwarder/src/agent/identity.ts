// Who this data plane is to the control plane, kept in the spool folder: the agent's id and sealing key, made once, and
// the signing key of the control plane as it was at the first registration. The private key never leaves the folder.
import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { SigningKey } from '@echoplane/api';
import { checkSigningKey, newSealingKey, OperatingError, publicKeyOf } from '@echoplane/runtime';
import { z } from 'zod';
import { readIfPresent, replaceFile, type SpoolFiles } from '../spool/spool-files.ts';

const AGENT_FILE = 'agent.json';
const PIN_FILE = 'signing-key.json';

const Kept = z.object({
  v: z.literal(1),
  agent: z.uuid(),
  sealingKey: z.string().transform((pem) => createPrivateKey(pem)),
});
const Pinned = z.object({
  v: z.literal(1),
  key: SigningKey.transform((key) => {
    checkSigningKey(key);
    return key;
  }),
  /** When the newest rules that were taken were signed (µs): older ones are a replay. */
  rulesSignedAt: z.int(),
});
export type Pin = Omit<z.infer<typeof Pinned>, 'v'>;

export interface Identity {
  /** Id of the agent. */
  readonly agent: string;
  /** Opens what was sealed for this agent. */
  readonly privateKey: KeyObject;
  /** Its public half, SPKI DER in base64. */
  readonly sealingKey: string;
}

/** The identity in the spool folder; made at the first start. Throws OperatingError when the file is damaged. */
export async function openIdentity(files: SpoolFiles): Promise<Identity> {
  const kept = await read(files, AGENT_FILE, Kept);
  if (kept) {
    const { agent, sealingKey: privateKey } = kept;
    return { agent, privateKey, sealingKey: publicKeyOf(privateKey) };
  }
  const { privateKey, publicKey } = newSealingKey();
  const agent = randomUUID();
  const sealingKey = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  await replaceFile(files, AGENT_FILE, JSON.stringify({ v: 1, agent, sealingKey }));
  return { agent, privateKey, sealingKey: publicKey };
}

/** What was pinned, or null before the first registration. */
export async function readPin(files: SpoolFiles): Promise<Pin | null> {
  return read(files, PIN_FILE, Pinned);
}

export async function writePin(files: SpoolFiles, { key, rulesSignedAt }: Pin): Promise<void> {
  await replaceFile(files, PIN_FILE, JSON.stringify({ v: 1, key, rulesSignedAt }));
}

/** What to do when the control plane signs with another key than the pinned one. */
export function repinSentence(files: SpoolFiles): string {
  return `The control plane signs with another key than the one pinned at the first registration, so its commands and rules are refused. If it was given a new key on purpose, remove ${join(files.dir, PIN_FILE)} and restart the forwarder.`;
}

async function read<T>(files: SpoolFiles, name: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readIfPresent(files, name);
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const sentence = `${join(files.dir, name)} cannot be read; remove it to have it made anew at the next start.`;
    throw new OperatingError('agent_identity_damaged', sentence, { cause });
  }
}
