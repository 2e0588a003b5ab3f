// The peers, from their registries into a folder of the user's that stays: npm for mockttp and WireMock,
// Maven for MockServer. Who cannot be had is left out with the reason.
import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INSTALL_MS = 600_000;
const FOLDER = join(homedir(), '.cache', 'echoplane-bench');

const MOCKTTP = '4.6.5';
const WIREMOCK = '3.13.2';
const MOCKSERVER = '5.15.0';

/** Folder or file of each peer, or why it cannot be had. */
export interface Installed {
  path: string | null;
  because?: string;
}

export const installMockttp = () =>
  installed(join(FOLDER, `mockttp-${MOCKTTP}`), 'node_modules/mockttp/package.json', (folder) =>
    npm(folder, `mockttp@${MOCKTTP}`),
  ).then(({ path, ...rest }) => ({ ...rest, path: path && join(FOLDER, `mockttp-${MOCKTTP}`) }));

export const installWiremock = () =>
  installed(
    join(FOLDER, `wiremock-${WIREMOCK}`),
    `node_modules/wiremock/build/wiremock-standalone-${WIREMOCK}.jar`,
    (folder) => npm(folder, `wiremock@${WIREMOCK}`),
  );

export const installMockserver = () =>
  installed(
    join(FOLDER, `mockserver-${MOCKSERVER}`),
    `mockserver-netty-no-dependencies-${MOCKSERVER}.jar`,
    (folder) =>
      run(
        'mvn',
        [
          '-q',
          'dependency:copy',
          `-Dartifact=org.mock-server:mockserver-netty-no-dependencies:${MOCKSERVER}`,
          `-DoutputDirectory=${folder}`,
        ],
        { cwd: folder, timeout: INSTALL_MS },
      ),
  );

function npm(folder: string, what: string): Promise<unknown> {
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', what];
  return run('npm', args, { cwd: folder, timeout: INSTALL_MS });
}

async function installed(
  folder: string,
  file: string,
  install: (folder: string) => Promise<unknown>,
): Promise<Installed> {
  const path = join(folder, file);
  try {
    if (await exists(path)) return { path };
    await mkdir(folder, { recursive: true });
    await install(folder);
    return (await exists(path)) ? { path } : { path: null, because: `it is installed without ${file}` };
  } catch (error) {
    return { path: null, because: `not obtainable: ${(error as Error).message.split('\n')[0]}` };
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
