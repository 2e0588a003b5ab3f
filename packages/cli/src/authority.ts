// Certificate authorities of a home: made once, kept as files that only this user can read.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type Authority, createAuthority, loadAuthority } from '@echoplane/runtime';
import type { Home } from './home.ts';

const CA_DAYS = 3650;

export interface AuthorityFiles {
  certFile: string;
  keyFile: string;
  authority: Authority;
}

/** The authority kept under `name`, made when absent. */
export async function authorityFiles(home: Home, name: string, commonName: string): Promise<AuthorityFiles> {
  const certFile = home.path('tls', `${name}.crt`);
  const keyFile = home.path('tls', `${name}.key`);
  if (!existsSync(certFile) || !existsSync(keyFile)) {
    const made = await createAuthority({ commonName, days: CA_DAYS });
    await mkdir(home.path('tls'), { recursive: true });
    await writeFile(keyFile, made.keyPem, { mode: 0o600 });
    await writeFile(certFile, made.certPem);
  }
  const authority = await loadAuthority(await readFile(certFile, 'utf8'), await readFile(keyFile, 'utf8'));
  return { certFile, keyFile, authority };
}
