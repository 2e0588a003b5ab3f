// Configuration files of nginx (upstream, and as a peer) and haproxy: ports and paths in, text out.
// What is said here of buffering is what the result states.

/** The listeners of a server, one for each way it is spoken to. */
export interface Ports {
  http: number;
  /** HTTP/1.1 over TLS. */
  tls: number;
  /** HTTP/2 without TLS, by prior knowledge. */
  h2c: number;
}

/** The peer has one more: TLS to the client and TLS to the upstream. */
export interface ProxyPorts extends Ports {
  intercept: number;
}

interface Files {
  folder: string;
  cert: string;
  key: string;
}

/**
 * How the nginx peer buffers: up to 512 KiB of a response in memory, nothing on disk. It is what serves it best: with its
 * own default of 8 buffers of 4 KiB, or without buffering, 1 MB takes it three to five times the CPU.
 */
export const NGINX_BUFFERING =
  'proxy_buffering on, proxy_buffer_size 8k, proxy_buffers 16 32k, proxy_max_temp_file_size 0, proxy_request_buffering on';

function nginx(name: string, { folder, cert, key }: Files, http: string): string {
  const asRoot = process.getuid?.() === 0 ? 'user root;' : '';
  return `${asRoot}
worker_processes 1;
daemon off;
pid ${folder}/${name}.pid;
error_log ${folder}/${name}.log crit;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  access_log off;
  tcp_nodelay on;
  default_type text/plain;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  client_body_buffer_size 16k;
  client_body_temp_path ${folder}/${name}-body;
  proxy_temp_path ${folder}/${name}-proxy;
  fastcgi_temp_path ${folder}/${name}-fastcgi;
  scgi_temp_path ${folder}/${name}-scgi;
  uwsgi_temp_path ${folder}/${name}-uwsgi;
  ssl_certificate ${cert};
  ssl_certificate_key ${key};
  ssl_session_cache shared:sessions:10m;
  ${http}
}
`;
}

/**
 * Static files, and /post, which answers 200 once the request is read: the body is taken off the connection before the
 * next request on it is looked at.
 */
export function upstreamNginx(ports: Ports, files: Files): string {
  return nginx(
    'upstream',
    files,
    `sendfile on;
  open_file_cache max=100;
  server {
    listen 127.0.0.1:${ports.http} backlog=4096;
    listen 127.0.0.1:${ports.tls} ssl backlog=4096;
    listen 127.0.0.1:${ports.h2c} http2 backlog=4096;
    root ${files.folder}/files;
    location = /post { return 200 "taken\\n"; }
  }`,
  );
}

/** The reverse proxy that captures nothing: one worker, 128 kept upstream connections, nothing logged. */
export function proxyNginx(ports: ProxyPorts, upstream: Ports, files: Files): string {
  const location = (url: string) =>
    `location / { proxy_pass ${url}; proxy_http_version 1.1; proxy_set_header Connection ""; }`;
  return nginx(
    'proxy',
    files,
    `${NGINX_BUFFERING.split(', ').join(';\n  ')};
  upstream plain { server 127.0.0.1:${upstream.http}; keepalive 128; keepalive_requests 1000000000; }
  upstream secured { server 127.0.0.1:${upstream.tls}; keepalive 128; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${ports.http} backlog=4096; ${location('http://plain')} }
  server { listen 127.0.0.1:${ports.tls} ssl backlog=4096; ${location('http://plain')} }
  server { listen 127.0.0.1:${ports.h2c} http2 backlog=4096; ${location('http://plain')} }
  server { listen 127.0.0.1:${ports.intercept} ssl backlog=4096; ${location('https://secured')} }`,
  );
}

/** haproxy as a layer 7 proxy on one thread; `bundle` holds certificate and key. */
export function proxyHaproxy(ports: Ports, upstream: Ports, bundle: string): string {
  return `global
  nbthread 1
  maxconn 8192
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  http-reuse always
  option http-keep-alive
  timeout connect 5s
  timeout client 300s
  timeout server 300s
frontend http
  bind 127.0.0.1:${ports.http} backlog 4096
  default_backend http
frontend tls
  bind 127.0.0.1:${ports.tls} backlog 4096 ssl crt ${bundle} alpn http/1.1
  default_backend http
frontend h2c
  bind 127.0.0.1:${ports.h2c} backlog 4096 proto h2
  default_backend h2c
backend http
  server upstream 127.0.0.1:${upstream.http}
backend h2c
  server upstream 127.0.0.1:${upstream.h2c} proto h2
`;
}
