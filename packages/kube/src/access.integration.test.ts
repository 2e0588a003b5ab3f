import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findAccess, inClusterAccess } from './access.ts';
import { kubeconfigAccess } from './kubeconfig-access.ts';

let folder: string;
const put = async (name: string, text: string) => {
  // As Kubernetes does it: the new file takes the place of the old at once.
  await writeFile(join(folder, `${name}.new`), text);
  await rename(join(folder, `${name}.new`), join(folder, name));
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'echoplane-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('inClusterAccess() shows the token that is in the file now, and the last one when the file is away', async () => {
  await put('token', 'first\n');
  await put('ca.crt', 'roots');
  const access = inClusterAccess(
    { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' },
    folder,
    0,
  );
  expect(access.server).toBe('https://[fd00::1]:6443');
  expect(await access.credentials()).toEqual({
    headers: { authorization: 'Bearer first' },
    tls: { ca: 'roots' },
  });
  await put('token', 'other\n');
  expect((await access.credentials()).headers.authorization).toBe('Bearer other');
  await rm(join(folder, 'token'));
  expect((await access.credentials()).headers.authorization).toBe('Bearer other');
});

test('inClusterAccess() looks at the files no more than once in its time', async () => {
  await put('token', 'first\n');
  await put('ca.crt', 'roots');
  const access = inClusterAccess({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, folder, 3_600_000);
  await access.credentials();
  await put('token', 'other\n');
  expect((await access.credentials()).headers.authorization).toBe('Bearer first');
});

test('outside a cluster, and without a service account, it says what to do', async () => {
  await expect(findAccess({})).rejects.toThrow('name a kubeconfig file');
  const access = inClusterAccess({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, folder);
  await expect(access.credentials()).rejects.toThrow('automountServiceAccountToken');
});

test('kubeconfigAccess() takes the named context with its credentials, and names those there are', async () => {
  const file = join(folder, 'config');
  const config = {
    clusters: [
      { name: 'c', cluster: { server: 'https://10.0.0.1:6443/base/', 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'u', user: { token: 'secret' } }],
    contexts: [{ name: 'one', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'one',
  };
  await writeFile(file, JSON.stringify(config));
  const access = await findAccess({}, { kubeconfig: file });
  expect(access.server).toBe('https://10.0.0.1:6443/base');
  const { headers, tls } = await access.credentials();
  expect({ headers, tls }).toEqual({
    headers: { Authorization: 'Bearer secret' },
    tls: { rejectUnauthorized: false },
  });
  await expect(kubeconfigAccess(file, 'two')).rejects.toThrow('its contexts: one');
  await expect(kubeconfigAccess(join(folder, 'none'))).rejects.toMatchObject({ code: 'bad_kubeconfig' });
});
