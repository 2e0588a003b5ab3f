// The throughput scenarios as data: what is asked for, and who answers.
import type { Scenario } from './measure.ts';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: '300b',
    title: 'GET 300 B, 64 keep-alive connections',
    load: { tool: 'wrk', way: 'http', path: '/300b' },
    peers: ['nginx', 'ours', 'go'],
    bystanders: ['direct', 'haproxy', 'node-http-proxy'],
  },
  {
    name: 'post-2kb',
    title: 'POST 2 KB, 64 keep-alive connections',
    load: { tool: 'wrk', way: 'http', path: '/post', isPost: true },
    peers: ['nginx', 'ours'],
    bystanders: ['direct', 'haproxy', 'go', 'node-http-proxy'],
  },
  {
    name: '10kb',
    title: 'GET 10 KB, 64 keep-alive connections',
    load: { tool: 'wrk', way: 'http', path: '/10kb' },
    peers: ['nginx', 'ours'],
    bystanders: ['direct', 'haproxy', 'go', 'node-http-proxy'],
  },
  {
    name: '1mb',
    title: 'GET 1 MB, 64 keep-alive connections; ours with a body limit of 64 KiB',
    load: { tool: 'wrk', way: 'http', path: '/1mb' },
    peers: ['nginx', 'ours'],
    bystanders: ['direct', 'haproxy', 'node-http-proxy'],
    leastBytesPerPair: { ours: 60 << 10 },
  },
  {
    // At saturation whoever reads the stream cannot keep up on the core of the load, and bodies are shed.
    name: '1mb-whole',
    title: 'GET 1 MB, 64 keep-alive connections, 300 requests per second; ours and go capture whole bodies',
    load: { tool: 'client', way: 'http', path: '/1mb', rate: 300 },
    peers: ['nginx', 'ours-whole', 'go'],
    bystanders: [],
    leastBytesPerPair: { 'ours-whole': 1_000_000 },
  },
  {
    name: 'tls-in',
    title: 'GET 300 B, TLS towards the client, 64 keep-alive connections',
    load: { tool: 'wrk', way: 'tls', path: '/300b' },
    peers: ['nginx', 'ours-tls'],
    bystanders: ['direct', 'haproxy', 'go-tls'],
  },
  {
    name: 'interception',
    title: 'GET 300 B, TLS on both legs, 64 keep-alive connections; ours through CONNECT',
    load: { tool: 'client', way: 'intercept', path: '/300b' },
    peers: ['nginx', 'ours-intercept'],
    bystanders: ['direct'],
  },
  {
    name: 'new-connection',
    title: 'GET 300 B, a new connection for each request, 64 at a time',
    load: { tool: 'wrk', way: 'http', path: '/300b', isClosing: true },
    peers: ['go', 'ours'],
    bystanders: ['direct', 'nginx', 'haproxy', 'node-http-proxy'],
  },
  {
    name: 'new-tls-connection',
    title: 'GET 300 B, a new TLS connection for each request, 64 at a time',
    load: { tool: 'wrk', way: 'tls', path: '/300b', isClosing: true },
    peers: ['go-tls', 'ours-tls'],
    bystanders: ['direct', 'nginx', 'haproxy'],
  },
  {
    name: 'http2',
    title:
      'GET 300 B over HTTP/2 (h2c, prior knowledge), 64 connections of 4 streams; nginx speaks HTTP/1.1 upstream',
    load: { tool: 'h2load', way: 'h2c', path: '/300b' },
    peers: ['nginx', 'ours-h2c'],
    bystanders: ['direct', 'haproxy'],
  },
];
