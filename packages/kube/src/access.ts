// Where the API server is and what we show of ourselves. Credentials are asked for at each request, because whoever
// issues them replaces them: a service-account token lives an hour.
import { readFile, stat } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { join } from 'node:path';
import { type Environment, OperatingError } from '@echoplane/runtime';
import { kubeconfigAccess } from './kubeconfig-access.ts';

/** What a request shows; TLS in the words of node:tls. */
export interface Credentials {
  headers: Record<string, string>;
  tls: {
    ca?: string | Buffer;
    cert?: string | Buffer;
    key?: string | Buffer;
    passphrase?: string;
    servername?: string;
    rejectUnauthorized?: boolean;
  };
  /** A way through a proxy, instead of the client's own connections. */
  agent?: Agent;
}

/** A way to one API server. */
export interface Access {
  /** Its URL; a path in it is put before every path. */
  readonly server: string;
  credentials(): Promise<Credentials>;
}

/** Where Kubernetes mounts a pod's service account. */
const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Looking at both files at every request took a quarter of the operator's processor time at 50 pods a second. */
const LOOK_MS = 1_000;

/**
 * Access as the pod's service account, whose files are looked at once in `lookMs`. Throws OperatingError outside a pod;
 * `environment` is the process's.
 */
export function inClusterAccess(
  environment: Environment,
  directory = SERVICE_ACCOUNT_DIRECTORY,
  lookMs = LOOK_MS,
): Access {
  const host = environment.KUBERNETES_SERVICE_HOST;
  const port = environment.KUBERNETES_SERVICE_PORT || '443';
  if (!host) throw new OperatingError('not_in_a_cluster', NOT_IN_A_CLUSTER);
  const token = watchedFile(join(directory, 'token'), lookMs);
  const ca = watchedFile(join(directory, 'ca.crt'), lookMs);
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async credentials() {
      return { headers: { authorization: `Bearer ${(await token()).trim()}` }, tls: { ca: await ca() } };
    },
  };
}

const NOT_IN_A_CLUSTER =
  'KUBERNETES_SERVICE_HOST is not set, so this is no pod; name a kubeconfig file to reach a cluster from outside.';

/** Access by a kubeconfig file when one is named, else as the pod we are in. */
export async function findAccess(
  environment: Environment,
  { kubeconfig, context }: { kubeconfig?: string | undefined; context?: string | undefined } = {},
): Promise<Access> {
  return kubeconfig === undefined ? inClusterAccess(environment) : kubeconfigAccess(kubeconfig, context);
}

/** Reads a file that others replace: anew when it has changed, and the last text when it cannot be read for a moment. */
function watchedFile(path: string, lookMs: number): () => Promise<string> {
  let known: { mark: string; text: string } | undefined;
  let lookedMs = 0;
  return async () => {
    if (known && performance.now() - lookedMs < lookMs) return known.text;
    try {
      lookedMs = performance.now();
      const { mtimeMs, ino, size } = await stat(path);
      const mark = `${mtimeMs} ${ino} ${size}`;
      if (known?.mark !== mark) known = { mark, text: await readFile(path, 'utf8') };
    } catch (cause) {
      if (known) return known.text;
      const sentence = `The service account cannot be read from ${path}; the pod needs automountServiceAccountToken.`;
      throw new OperatingError('no_service_account', sentence, { cause });
    }
    return known.text;
  };
}
