// What the load tools run against: nginx with one worker on the core that is not theirs, which counts its requests itself,
// and the files of a recording of its answers.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../test/ports.ts';
import { accepting, LOAD_CORE, start } from '../sidecar/processes.ts';

/** 300 bytes, of the type that most APIs answer with. */
export const BODY = JSON.stringify({ id: 1, text: 'x'.repeat(281) });
export const PATH = '/300b.json';
/** As long, with another id in each answer. */
export const CHANGING_PATH = '/changing.json';

export interface Upstream {
  port: number;
  /** Requests served so far; those that ask for it are not counted. */
  served(): Promise<number>;
}

/** What a measurement of the generator is made with. */
export interface Bench {
  upstream: Upstream;
  folder: string;
  /** The bundled program. */
  generator: string;
  isQuick: boolean;
}

/** Starts nginx; it ends with us. */
export async function startUpstream(folder: string): Promise<Upstream> {
  const port = await freePort();
  const statusPort = await freePort();
  await mkdir(join(folder, 'www'), { recursive: true });
  await writeFile(join(folder, 'www', PATH), BODY);
  const file = join(folder, 'nginx.conf');
  await writeFile(file, configuration(folder, port, statusPort));
  start(LOAD_CORE, ['nginx', '-e', join(folder, 'nginx.log'), '-c', file]);
  await accepting(port);
  let asked = 0;
  return {
    port,
    async served() {
      const text = await (await fetch(`http://127.0.0.1:${statusPort}/`)).text();
      const [, , , requests] = /(\d+) (\d+) (\d+)/.exec(text) ?? [];
      return Number(requests) - ++asked;
    },
  };
}

function configuration(folder: string, port: number, statusPort: number): string {
  const asRoot = process.getuid?.() === 0 ? 'user root;' : '';
  return `${asRoot}
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log crit;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  access_log off;
  tcp_nodelay on;
  types { application/json json; }
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  open_file_cache max=10;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  scgi_temp_path ${folder}/scgi;
  uwsgi_temp_path ${folder}/uwsgi;
  server { listen 127.0.0.1:${port} reuseport; root ${folder}/www;
    location = ${CHANGING_PATH} { return 200 '{"id":"$request_id","text":"${'x'.repeat(250)}"}'; }
  }
  server { listen 127.0.0.1:${statusPort}; location / { stub_status; } }
}
`;
}
