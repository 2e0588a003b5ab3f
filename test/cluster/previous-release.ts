// The release before this one, from git history: its charts and an image built by its own code. Upgrades begin with it. It
// knows nothing of clusters.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
/** What a release is made of. */
const SOURCES = ['charts', 'packages', 'crds', 'deploy'];
/** A checkpoint is kept work that nobody has installed; it need not even build. */
const CHECKPOINT = /^checkpoint\b/;
const MAX_COMMITS = 200;

export interface PreviousRelease {
  /** Where it comes from, for the log of the test. */
  origin: string;
  /** Tag of its image. */
  tag: string;
  /** Folder of its chart by that name. */
  chart(name: string): string;
  /** Builds its image by its own code and gives the path of the tar. */
  buildImage(name: string, out: string): Promise<string>;
  remove(): Promise<void>;
}

/**
 * The newest commit that holds charts/echoplane and differs in charts or packages from what is checked out. Without one
 * (a shallow clone, the first release) what is checked out stands for it, under another version.
 */
export async function previousRelease(): Promise<PreviousRelease> {
  const folder = await mkdtemp(join(tmpdir(), 'echoplane-previous-'));
  const commit = await findCommit();
  if (commit) await unpack(commit.id, folder);
  else await copyOwn(folder);
  await linkModules(folder);
  return {
    origin: commit
      ? `${commit.id.slice(0, 12)} ${commit.subject}`
      : 'what is checked out under another version: history has no release before it',
    tag: 'previous',
    chart: (name) => join(folder, 'charts', name),
    buildImage: (name, out) => buildBy(folder, name, out),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function findCommit(): Promise<{ id: string; subject: string } | null> {
  const git = async (...args: string[]) => (await run('git', args, { cwd: ROOT })).stdout;
  try {
    const format = ['--format=%H %s', `--max-count=${MAX_COMMITS}`];
    const log = (await git('log', ...format, '--', 'charts', 'packages')).trim().split('\n').filter(Boolean);
    for (const line of log) {
      const [id, subject] = [line.slice(0, 40), line.slice(41)];
      if (CHECKPOINT.test(subject)) continue;
      const isRelease = (await git('ls-tree', '-d', id, 'charts/echoplane')) !== '';
      if (!isRelease) return null;
      const isOther = (await git('diff', '--name-only', id, '--', 'charts', 'packages')) !== '';
      if (isOther) return { id, subject };
    }
  } catch (err) {
    console.log(`The history cannot be read: ${(err as Error).message}`);
  }
  return null;
}

async function unpack(commit: string, folder: string): Promise<void> {
  const tar = join(folder, 'sources.tar');
  await run('git', ['archive', '--output', tar, commit], { cwd: ROOT });
  await run('tar', ['-xf', tar, '-C', folder]);
  await rm(tar);
}

/** Another version, and CRDs without a column, so that there is something to bring up to date. */
async function copyOwn(folder: string): Promise<void> {
  for (const name of [...SOURCES, 'package.json', 'tsconfig.json'])
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  const crd = join(folder, 'charts/echoplane/files/crds/trafficreplays.echoplane.dev.yaml');
  await run('sed', ['-i', '/- name: P95/,+3d', crd]);
  for (const name of await readdir(join(folder, 'charts')))
    await run('sed', [
      '-i',
      '-E',
      's/^(version|appVersion): .*/\\1: 0.0.1/',
      join(folder, 'charts', name, 'Chart.yaml'),
    ]);
}

/** The modules that are installed, but its own packages. */
async function linkModules(folder: string): Promise<void> {
  const [installed, modules] = [join(ROOT, 'node_modules'), join(folder, 'node_modules')];
  await mkdir(join(modules, '@echoplane'), { recursive: true });
  for (const name of await readdir(installed))
    if (name !== '@echoplane') await symlink(join(installed, name), join(modules, name));
  for (const name of await readdir(join(folder, 'packages')))
    await symlink(join(folder, 'packages', name), join(modules, '@echoplane', name));
}

/** In a process of its own: modules of two releases have the same names. */
async function buildBy(folder: string, name: string, out: string): Promise<string> {
  const script = join(folder, 'build-image.ts');
  const from = pathToFileURL(join(folder, 'deploy', 'image.ts'));
  await writeFile(
    script,
    `import { buildImage } from '${from}';\nawait buildImage(${JSON.stringify({ name, out })});\n`,
  );
  await run(process.execPath, [script], { cwd: folder, timeout: 600_000 });
  return out;
}
