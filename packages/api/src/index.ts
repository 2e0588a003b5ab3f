// The control plane's HTTP contract.
export * from './client.ts';
export * from './problem.ts';
export * from './routes.ts';
export * from './schemas.ts';
