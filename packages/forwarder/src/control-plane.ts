// What the forwarder asks of the control plane, with the difference that matters: an answer that will not change by
// asking again, against everything else. One attempt each; who calls decides how often.
import { type ApiClient, ApiError, createClient, type ProblemCode } from '@echoplane/api';
import { OperatingError, type Secret } from '@echoplane/runtime';
import { z } from 'zod';
import { readIfPresent, replaceFile, type SpoolFiles } from './spool/spool-files.ts';

export const CALL_TIMEOUT_MS = 30_000;
const TENANT_FILE = 'tenant.json';
/** What the control plane says of a body that it will never take; anything else a key, time or an administrator can lift. */
const FINAL: readonly string[] = ['invalid_request', 'payload_too_large'] satisfies ProblemCode[];

/** A client that presents the agent's key. */
export function agentClient(cloudUrl: string, key: Secret): ApiClient {
  const headers = () => ({ authorization: `Bearer ${key.reveal()}` });
  // What is sent holds recorded paths and counts: it goes to this address and to no other.
  const direct: typeof fetch = (url, init) => fetch(url, { ...init, redirect: 'error' });
  return createClient({ baseUrl: cloudUrl.replace(/\/+$/, ''), fetch: direct, headers });
}

/**
 * Whether the control plane itself said no for good: the same request will be refused again. An answer that is no problem
 * of its contract comes from something between, such as an ingress, and settles nothing.
 */
export function isFinalRefusal(err: unknown): err is ApiError {
  return err instanceof ApiError && err.problem !== null && FINAL.includes(err.problem.code);
}

const Remembered = z.object({ id: z.uuid(), name: z.string() });
export type Tenant = z.infer<typeof Remembered>;

/** The tenant this spool belongs to by its file, or null. */
export async function rememberedTenant(files: SpoolFiles): Promise<Tenant | null> {
  const text = await readIfPresent(files, TENANT_FILE);
  return text === null ? null : Remembered.parse(JSON.parse(text));
}

/**
 * The tenant the key serves, remembered in the spool folder. Throws OperatingError when the key is refused or serves
 * another tenant than the spool's, and what `fetch` throws when the control plane is away.
 */
export async function askTenant(client: ApiClient, files: SpoolFiles, signal: AbortSignal): Promise<Tenant> {
  const { tenant } = await client.call('agent', {}, signal).catch((cause) => {
    if (!(cause instanceof ApiError) || (cause.status !== 401 && cause.status !== 403)) throw cause;
    const sentence =
      'The control plane refused ECHOPLANE_AGENT_KEY; make a key with the role agent and use that.';
    throw new OperatingError('agent_key_refused', sentence, { cause });
  });
  const known = await rememberedTenant(files);
  if (known && known.id !== tenant.id) {
    const sentence = `The spool folder ${files.dir} holds traffic of another tenant (${known.name}, ${known.id}) than ECHOPLANE_AGENT_KEY serves (${tenant.name}, ${tenant.id}); use another spool folder.`;
    throw new OperatingError('spool_of_another_tenant', sentence);
  }
  await replaceFile(files, TENANT_FILE, JSON.stringify(tenant));
  return tenant;
}

/** Whether the control plane itself knows no such route: it is older than this forwarder. */
export function isUnknownRoute(err: unknown): boolean {
  return err instanceof ApiError && err.problem?.code === 'not_found';
}
