// The control plane's HTTP contract.
export * from './agent.ts';
export * from './client.ts';
export * from './cluster-commands.ts';
export * from './observations.ts';
export * from './problem.ts';
export * from './report-routes.ts';
export type { Access, RouteSpec } from './route-spec.ts';
export * from './routes.ts';
export * from './schemas.ts';
export * from './signed-words.ts';
