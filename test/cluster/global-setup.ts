// Before the cluster's tests: every program of theirs is there, built or fetched if need be, so that no test's own deadline
// holds a build of minutes.
import { existsSync } from 'node:fs';
import { clientPrograms, coreDns, etcd, kubeServer, SERVERS } from './binaries.ts';
import { CNI_PLUGINS } from './node-servers.ts';

export default async function setup(): Promise<void> {
  if (!existsSync(CNI_PLUGINS))
    throw new Error(`There is no ${CNI_PLUGINS}: install the Debian package containernetworking-plugins.`);
  etcd();
  await clientPrograms();
  for (const name of SERVERS) await kubeServer(name);
  await coreDns();
}
