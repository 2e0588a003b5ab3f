// Where an installation works: the whole cluster, or the namespaces it was given.
import { type KubeClient, RESOURCES } from '@echoplane/kube';
import { INSTALL_CONFIG_MAP } from '@echoplane/resources';

/** The namespaces to look into; one undefined entry is the whole cluster. `install`: namespace of the installation. */
export async function watchedNamespaces(
  client: KubeClient,
  install: string,
): Promise<(string | undefined)[]> {
  const found = await client.get(RESOURCES.configMaps, { namespace: install, name: INSTALL_CONFIG_MAP });
  const namespaces = namespacesIn(found?.data?.['install.json']);
  return namespaces.length > 0 ? namespaces : [undefined];
}

/** A file that cannot be read says nothing here: what is wrong with it the operator says. */
function namespacesIn(text: unknown): string[] {
  try {
    const { namespaces } = JSON.parse(String(text));
    return Array.isArray(namespaces) ? namespaces.map(String) : [];
  } catch {
    return [];
  }
}
