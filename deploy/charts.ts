// Writes what of the charts is made of the code: values.schema.json of each, the CRDs in charts/echoplane, and the rendered
// manifests in deploy/manifests for those who do not use helm. `node deploy/charts.ts [HELM]`; a test holds what is checked
// in against it.
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { INSTALL_NAMESPACE } from '@echoplane/resources';
import { VALUES_SCHEMAS } from './chart-values.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');
/** Kubernetes for which manifests are rendered. */
const KUBE_VERSION = '1.30.0';

/** Values of the rendered manifests: who applies them edits what is in capitals. */
const PLAIN_VALUES = [
  ...['clusterName=CLUSTER_NAME', 'cloud.url=https://CLOUD_HOST', 'existingSecret=echoplane-cloud'],
  ...['image.repository=REGISTRY/echoplane', 'uninstall.cleanUp=false'],
];

/** Path below the repository and contents of every generated file that needs no helm. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [chart, schema] of Object.entries(VALUES_SCHEMAS))
    files.set(`charts/${chart}/values.schema.json`, `${JSON.stringify(schema, null, 2)}\n`);
  const crds = join(ROOT, 'crds');
  for (const name of (await readdir(crds)).filter((file) => file.endsWith('.yaml')).sort())
    files.set(`charts/echoplane/files/crds/${name}`, await readFile(join(crds, name), 'utf8'));
  return files;
}

/** The manifests of charts/echoplane as plain YAML, by their path. */
export async function renderedManifests(helm: string): Promise<Map<string, string>> {
  const set = PLAIN_VALUES.flatMap((value) => ['--set', value]);
  const { stdout } = await run(
    helm,
    [
      ...['template', 'echoplane', join(ROOT, 'charts/echoplane'), '--namespace', INSTALL_NAMESPACE],
      ...['--kube-version', KUBE_VERSION, '--no-hooks', ...set],
    ],
    { maxBuffer: 16 << 20 },
  );
  const head =
    '# charts/echoplane, rendered by deploy/charts.ts. Replace CLUSTER_NAME, CLOUD_HOST and REGISTRY, then:\n' +
    `#   kubectl create namespace ${INSTALL_NAMESPACE}\n` +
    `#   kubectl -n ${INSTALL_NAMESPACE} create secret generic echoplane-cloud --from-literal=apiKey=ep_…\n` +
    '#   kubectl apply --server-side -f deploy/manifests/echoplane.yaml\n';
  return new Map([['deploy/manifests/echoplane.yaml', head + stdout]]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const write = async (files: Map<string, string>) => {
    for (const [path, text] of files) {
      await mkdir(dirname(join(ROOT, path)), { recursive: true });
      await writeFile(join(ROOT, path), text);
      console.log(path);
    }
  };
  await write(await generatedFiles());
  await write(await renderedManifests(process.argv[2] ?? 'helm'));
}
