// A real MariaDB in the stage's folder, gone with it. As root it runs as the user of its package.
import { execFile } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../ports.ts';
import { type ProgramStage, until } from '../program-stage.ts';

const run = promisify(execFile);

/** Starts it and resolves with its port; root has no password. */
export async function startMariaDb(stage: ProgramStage): Promise<number> {
  const data = join(stage.folder, 'mariadb');
  const socket = join(data, 'socket');
  await mkdir(data);
  const user: string[] = [];
  if (process.getuid?.() === 0) {
    user.push('--user=mysql');
    await chmod(stage.folder, 0o755);
    await run('chown', ['mysql', data]);
  }
  const where = ['--no-defaults', `--datadir=${data}`, ...user];
  await run('mariadb-install-db', [...where, '--auth-root-authentication-method=normal', '--skip-test-db']);
  const port = await freePort();
  const args = [`--port=${port}`, '--bind-address=127.0.0.1', `--socket=${socket}`, '--skip-log-bin'];
  const { child } = stage.run('mariadbd', [...where, ...args, '--innodb-buffer-pool-size=16M'], {
    PATH: process.env.PATH ?? '',
  });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`MariaDB ended with code ${child.exitCode} while starting`);
    const ping = ['--no-defaults', '-h127.0.0.1', `-P${port}`, '-uroot', '-e', 'SELECT 1'];
    return run('mariadb', ping).then(
      () => true,
      () => false,
    );
  });
  return port;
}
