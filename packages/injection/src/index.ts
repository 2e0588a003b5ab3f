// Injection as pure functions.
export * from './contract.ts';
export { injectManifest, type ManifestFacts, uninjectManifest } from './inject-manifest.ts';
export { injectPod, uninjectPod } from './inject-pod.ts';
export { jsonPatch } from './json-patch.ts';
export { isSecurityMark, podSecurityOf } from './pod-security.ts';
export { nameOf, templateOf } from './pod-templates.ts';
export { resolveWorkload, workloadSettings } from './resolve-workload.ts';
