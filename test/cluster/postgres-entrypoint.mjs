// What the official image's entrypoint promises: POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB and PGDATA make a database
// when there is none yet; as root it gives the folder to uid 999 and becomes that; a TERM ends Postgres at once (fast).
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';

const BIN = '/opt/postgres/bin';
const POSTGRES_ID = 999;
const { POSTGRES_PASSWORD, POSTGRES_USER = 'postgres', POSTGRES_DB = POSTGRES_USER } = process.env;
const data = process.env.PGDATA ?? '/var/lib/postgresql/data';

mkdirSync(data, { recursive: true, mode: 0o700 });
if (process.getuid() === 0) {
  chownSync(data, POSTGRES_ID, POSTGRES_ID);
  process.setgroups([POSTGRES_ID]);
  process.setgid(POSTGRES_ID);
  process.setuid(POSTGRES_ID);
}
if (!existsSync(`${data}/PG_VERSION`)) makeDatabase();

const given = process.argv.slice(2);
const args = given[0] === 'postgres' ? given.slice(1) : given;
const sockets = ['-c', 'unix_socket_directories=/tmp', '-c', 'listen_addresses=*'];
const server = spawn(`${BIN}/postgres`, ['-D', data, ...sockets, ...args], { stdio: 'inherit' });
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.kill('SIGINT'));
server.on('exit', (code) => process.exit(code ?? 1));

function makeDatabase() {
  if (!POSTGRES_PASSWORD) {
    console.error('POSTGRES_PASSWORD must be set to make a database.');
    process.exit(1);
  }
  const passwordFile = '/tmp/password';
  writeFileSync(passwordFile, POSTGRES_PASSWORD, { mode: 0o600 });
  const auth = ['--auth-host=scram-sha-256', '--auth-local=trust', `--pwfile=${passwordFile}`];
  const kind = ['-D', data, '-U', POSTGRES_USER, '-E', 'UTF8', '--locale=C', '-N'];
  execFileSync(`${BIN}/initdb`, [...kind, ...auth], { stdio: 'inherit' });
  rmSync(passwordFile);
  appendFileSync(`${data}/pg_hba.conf`, 'host all all all scram-sha-256\n');
  if (POSTGRES_DB === 'postgres') return;
  const input = `CREATE DATABASE "${POSTGRES_DB.replaceAll('"', '""')}"\n`;
  execFileSync(`${BIN}/postgres`, ['--single', '-D', data, 'postgres'], {
    input,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
}
