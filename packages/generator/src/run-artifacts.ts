// What a run works from: files that are named stay, the others are fetched when there is an address.
import { type Clock, fetchArtifacts, type Logger, OperatingError, openVault } from '@echoplane/runtime';
import { ARTIFACTS, type Test } from '@echoplane/traffic';
import type { GeneratorConfig } from './config.ts';
import type { Selection } from './test-file.ts';
import { isInSlices, isService } from './test-slice.ts';

/** The vault's file in its folder, as the operator hands it out. */
const VAULT = 'vault.jsonl';
/** The rules document a recording was made under, likewise. */
const RULES = 'rules.json';

export interface ArtifactFiles {
  tests: string;
  tokens: string;
  vaultDir: string | undefined;
  rulesFile: string | undefined;
  /** The first that names a chain counts. */
  transforms: readonly string[];
}

export async function artifactsOf(
  config: GeneratorConfig,
  context: { clock: Clock; log: Logger; signal: AbortSignal },
): Promise<ArtifactFiles> {
  const { testsFile, tokensFile, vaultDir, vaultKeyFile, rulesFile, redactionKeyFile } = config;
  const { transformsFile } = config;
  if (config.artifactsUrl === undefined)
    return { tests: testsFile!, tokens: tokensFile!, vaultDir, rulesFile, transforms: transformsFile };
  const wantsVault = vaultDir === undefined && vaultKeyFile !== undefined;
  const wantsRules = rulesFile === undefined && redactionKeyFile !== undefined;
  const wanted = [
    ...(testsFile === undefined ? [{ name: ARTIFACTS.tests }] : []),
    ...(tokensFile === undefined ? [{ name: ARTIFACTS.tokens }] : []),
    { name: ARTIFACTS.transforms, optional: true },
    ...(wantsVault ? [{ name: VAULT, optional: true }] : []),
    ...(wantsRules ? [{ name: RULES, optional: true }] : []),
  ];
  const fetched = await fetchArtifacts(config, wanted, context);
  const own = fetched.get(ARTIFACTS.transforms);
  return {
    tests: testsFile ?? fetched.get(ARTIFACTS.tests)!,
    tokens: tokensFile ?? fetched.get(ARTIFACTS.tokens)!,
    vaultDir: fetched.has(VAULT) ? config.artifactsFolder : vaultDir,
    rulesFile: rulesFile ?? fetched.get(RULES),
    transforms: own === undefined ? transformsFile : [...transformsFile, own],
  };
}

/** Which tests are this generator's to send. */
export function selectionOf({ tests: slices, service, shard }: GeneratorConfig): Selection {
  const includes = (test: Test) => isInSlices(test, slices) && isOfService(test, service);
  return { includes, shard };
}

/** Values by token; empty without a vault. */
export async function vaultOf(
  { vaultKeyFile }: GeneratorConfig,
  vaultDir: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  return vaultDir === undefined ? new Map() : openVault(vaultDir, vaultKeyFile);
}

function isOfService(test: Test, asked: string | undefined): boolean {
  if (asked === undefined) return true;
  if (test.service !== undefined) return isService(test.service, asked);
  const sentence = `The snapshot does not say which service test ${test.id} was recorded at; make it again, or leave ECHOPLANE_SERVICE out.`;
  throw new OperatingError('snapshot_without_services', sentence);
}
