// The images: what is in them is complete and runs, and two builds are the same bytes.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { commandOf, NODE_PATH, PROGRAM_FOLDER, PROGRAMS } from '@echoplane/resources';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEMO_PROGRAMS } from '../deploy/bundle.ts';
import { linkageOf } from '../deploy/elf.ts';
import { buildImage, imageFiles, writeImageFiles } from '../deploy/image.ts';
import { type Entry, makeLayer } from '../deploy/layer.ts';
import { fullName } from '../deploy/oci-image.ts';

const run = promisify(execFile);
let folder: string;
let files: Awaited<ReturnType<typeof imageFiles>>;
let entries: Entry[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'echoplane-image-'));
  files = await imageFiles({});
  entries = [...files.base, ...files.programs];
  await writeImageFiles(entries, join(folder, 'root'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A program of the image, with nothing else in sight. */
function inImage(...command: string[]) {
  return run('unshare', ['--map-root-user', 'chroot', join(folder, 'root'), ...command], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    timeout: 240_000,
  });
}

test('a second build has the same bytes, in layers whose names are their digests', async () => {
  const out = await buildImage({ name: 'local/echoplane:test', out: join(folder, 'image.tar') });
  const text = async (name: string) => JSON.parse((await run('tar', ['-xOf', out, name])).stdout);
  const [{ digest, annotations }] = (await text('index.json')).manifests;
  expect(annotations['io.containerd.image.name']).toBe('docker.io/local/echoplane:test');
  const { layers } = await text(`blobs/sha256/${digest.slice('sha256:'.length)}`);
  expect(layers.map((layer: { digest: string }) => layer.digest)).toEqual([
    makeLayer(files.base).digest,
    makeLayer(files.programs).digest,
  ]);
});

test('the image holds every library that anything in it is linked to', () => {
  const libraries = new Set(entries.map(({ path }) => basename(path)));
  const missing = entries.flatMap(({ path, content }) => {
    const linkage = Buffer.isBuffer(content) ? linkageOf(content) : null;
    return (linkage?.needed ?? []).filter((name) => !libraries.has(name)).map((name) => `${path}: ${name}`);
  });
  expect(missing).toEqual([]);
});

test.each(PROGRAMS.filter((name) => name !== 'cli' && name !== 'cloud'))(
  '%s starts in the image and says what it is not told',
  async (name) => {
    const failure = await inImage(...commandOf(name)).catch((err) => err);
    expect(failure.stderr).toContain(' is missing');
    expect(failure.code).toBe(64);
  },
);

test('cloud and the command line start in the image', async () => {
  const cloud = await inImage(...commandOf('cloud', 'init')).catch((err) => err);
  expect(cloud.stderr).toContain('ECHOPLANE_OWNER_DATABASE_URL is missing');
  expect((await inImage(...commandOf('cli', '--help'))).stdout).toContain('echoplane');
});

test.each(['sidecar/main.js', 'cloud/main.js'])('native modules load from %s', async (from) => {
  const script = `const need = require('node:module').createRequire('${PROGRAM_FOLDER}/${from}');
    console.log(need('koffi').load(null).func('int getpid()')() > 0);
    need('@node-rs/argon2').hash('x').then((hash) => console.log(hash.slice(0, 9)));`;
  const { stdout } = await inImage(NODE_PATH, '-e', script);
  expect(stdout).toBe('true\n$argon2id\n');
});

test('names are resolved in the image, by the files of its own', async () => {
  const script = `require('node:dns').lookup('localhost', (err, address) => console.log(err?.code ?? 'ok'));
    console.log(require('node:os').userInfo().username)`;
  await inImage(NODE_PATH, '-e', script).then(({ stdout }) => expect(stdout).toContain('root\n'));
});

test('nft runs in the image', async () => {
  expect((await inImage('/usr/sbin/nft', '--version')).stdout).toContain('nftables');
});

test('the demo image holds its four programs and no program of the product', async () => {
  const { programs } = await imageFiles({ demo: true });
  const mains = programs.filter(({ path }) => path.endsWith('/main.js')).map(({ path }) => path);
  const expected = ['demo', ...DEMO_PROGRAMS.map((name) => `demo-${name}`)];
  expect(mains.sort()).toEqual(expected.map((name) => `${PROGRAM_FOLDER}/${name}/main.js`).sort());
});

test.each([
  ['echoplane', 'docker.io/library/echoplane:latest'],
  ['local/echoplane:test', 'docker.io/local/echoplane:test'],
  ['localhost:5000/echoplane', 'localhost:5000/echoplane:latest'],
  ['registry.example.com/a/b:1', 'registry.example.com/a/b:1'],
])('the image %s is known to a container runtime as %s', (name, full) => {
  expect(fullName(name)).toBe(full);
});

test('a layer has the same bytes in whatever order its files come, and is a tar of them', async () => {
  const files: Entry[] = [
    { path: '/b/c', content: 'text', mode: 0o755 },
    { path: '/a', link: 'b' },
    { path: `/${'long/'.repeat(30)}name`, content: '' },
  ];
  expect(makeLayer(files).digest).toBe(makeLayer(files.toReversed()).digest);
});
