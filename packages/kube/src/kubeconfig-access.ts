// Access by a kubeconfig file, for programs outside a cluster. Of the client library only the credentials are taken (it
// knows exec plugins, OIDC, token files and certificates), and it is loaded only here, because it is large: its requests open
// a connection each, and its informer stops at the first reset.
import type { RequestOptions } from 'node:https';
import { OperatingError } from '@echoplane/runtime';
import type { Access, Credentials } from './access.ts';

/** Reads a kubeconfig (without `file`: where kubectl looks) and takes `context`, or its current one. */
export async function kubeconfigAccess(file: string | undefined, context?: string): Promise<Access> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const from = file ?? 'the default kubeconfig';
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (cause) {
    const sentence = `${from} cannot be read as a kubeconfig (${(cause as Error).message}); name one that kubectl can use.`;
    throw new OperatingError('bad_kubeconfig', sentence, { cause });
  }
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  // `loaded-context` is what the library makes up when it finds no file at all.
  if (!cluster || config.currentContext === 'loaded-context') {
    const known = config.contexts.map(({ name }) => name).join(', ') || 'none';
    const sentence = `There is no cluster in context ${config.currentContext || '(none)'} of ${from}; its contexts: ${known}.`;
    throw new OperatingError('no_such_context', sentence);
  }
  return {
    server: cluster.server.replace(/\/+$/, ''),
    async credentials() {
      const options: RequestOptions = {};
      try {
        await config.applyToHTTPSOptions(options);
      } catch (cause) {
        const sentence = `No credentials for context ${config.currentContext} of ${from}: ${(cause as Error).message}`;
        throw new OperatingError('no_credentials', sentence, { cause });
      }
      return credentialsOf(options, cluster.proxyUrl !== undefined);
    },
  };
}

function credentialsOf(options: RequestOptions, proxied: boolean): Credentials {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    if (value !== undefined) headers[name] = String(value);
  if (options.auth) headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  const { ca, cert, key, passphrase, servername, rejectUnauthorized } = options;
  const given = { ca, cert, key, passphrase, servername, rejectUnauthorized };
  const tls = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return proxied && typeof options.agent === 'object'
    ? { headers, tls, agent: options.agent }
    : { headers, tls };
}
