// What can be wrong with an installation in a cluster.
export { type CheckContext, runChecks } from './check.ts';
export { judgeLag } from './component-checks.ts';
export { watchedNamespaces } from './namespaces.ts';
