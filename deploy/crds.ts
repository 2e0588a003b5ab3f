// Writes the CustomResourceDefinitions to crds/: `node deploy/crds.ts`. A test says when it has to be run.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crds } from '@echoplane/resources';
import { stringify } from 'yaml';

const FOLDER = join(import.meta.dirname, '..', 'crds');

await mkdir(FOLDER, { recursive: true });
for (const crd of crds()) {
  const text = stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false });
  await writeFile(
    join(FOLDER, `${crd.metadata.name}.yaml`),
    `# Made by deploy/crds.ts of the schemas in packages/resources.\n${text}`,
  );
}
