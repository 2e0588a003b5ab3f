// Our Kubernetes kinds and names.
export * from './capture-config.ts';
export { type Crd, crds } from './crd.ts';
export * from './forwarder-face.ts';
export * from './image.ts';
export * from './install-config.ts';
export * from './kubernetes.ts';
export * from './names.ts';
export * from './parse-duration.ts';
export * from './parse-objects.ts';
export * from './settings.ts';
export * from './settings-parse.ts';
export * from './settings-selector.ts';
export * from './traffic-replay.ts';
export * from './workload-of-pod.ts';
