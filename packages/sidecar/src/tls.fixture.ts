// What the TLS tests stand on: authorities, certificates for the names the tests use, files, and OpenSSL's own client and
// server as the other ends.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, type KeyPairPem, loadAuthority } from '@echoplane/runtime';
import { atEnd, type Finished, startTestSidecar, type TestSidecar, until } from './sidecar.fixture.ts';

/** The CA of the sidecar, that of the services, and one nobody knows. */
export const ours = await createAuthority({ commonName: 'Echoplane', days: 30 });
export const theirs = await createAuthority({ commonName: 'Payments', days: 30 });
export const strange = await createAuthority({ commonName: 'Stranger', days: 30 });
export const theirAuthority = await loadAuthority(theirs.certPem, theirs.keyPem);
export const strangeAuthority = await loadAuthority(strange.certPem, strange.keyPem);

export type WriteFile = (name: string, text: string) => Promise<string>;

/** A folder of its own; the function writes a file there and gives its path. */
export async function tlsFolder(): Promise<WriteFile> {
  const folder = await mkdtemp(join(tmpdir(), 'sidecar-tls-'));
  atEnd(() => rm(folder, { recursive: true }));
  return async (name, text) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
}

/** Both files of a key pair: `name`.crt and `name`.key. */
export async function pairFiles(
  file: WriteFile,
  name: string,
  { certPem, keyPem }: KeyPairPem,
): Promise<{ cert: string; key: string }> {
  return { cert: await file(`${name}.crt`, certPem), key: await file(`${name}.key`, keyPem) };
}

export interface InterceptionStage {
  sidecar: TestSidecar;
  proxy: string;
  file: WriteFile;
  /** Path of our CA, of theirs, and of both. */
  files: { ours: string; theirs: string; both: string };
}

/** A sidecar in forward mode that opens TLS with our CA and trusts theirs; `env` without its prefix. */
export async function startInterception(env: Record<string, string> = {}): Promise<InterceptionStage> {
  const file = await tlsFolder();
  const files = {
    ours: await file('ours.pem', ours.certPem),
    theirs: await file('theirs.pem', theirs.certPem),
    both: await file('both.pem', ours.certPem + theirs.certPem),
  };
  const sidecar = await startTestSidecar({
    MODE: 'forward',
    TLS_OUT: 'true',
    CA_CERT_FILE: files.ours,
    CA_KEY_FILE: await file('key.pem', ours.keyPem),
    UPSTREAM_CA_FILES: files.theirs,
    ...env,
  });
  return { sidecar, proxy: `http://127.0.0.1:${sidecar.ports.out}`, file, files };
}

/** `openssl s_client`: sends `input` once it is connected, ends when `answer` has come or the other side ends. */
export async function opensslClient(
  port: number,
  args: readonly string[],
  input = '',
  answer: RegExp | null = null,
): Promise<Finished> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args]);
  atEnd(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  let code: number | null | undefined;
  child.stdin.on('error', () => {});
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.on('close', (ended) => {
    code = ended;
  });
  if (input) child.stdin.write(input);
  await until(() => code !== undefined || (answer?.test(stdout) ?? false), `openssl: ${answer}`);
  child.stdin.end();
  await until(() => code !== undefined, 'the end of openssl');
  return { code: code ?? null, stdout, stderr };
}

/** `openssl s_server -www` on a free port. */
export async function opensslServer(args: readonly string[]): Promise<number> {
  const child = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', '-www', ...args]);
  atEnd(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  await until(() => /ACCEPT 127.0.0.1:\d+/.test(said) || child.exitCode !== null, 'openssl s_server');
  const port = /ACCEPT 127.0.0.1:(\d+)/.exec(said)?.[1];
  if (!port) throw new Error(said);
  return Number(port);
}
