// Works on what the object store holds, for the control plane's worker and for the data plane alike.
export { artifactStream, readTests, removeObjects } from './artifacts.ts';
export * from './erase.ts';
export * from './make-report.ts';
export * from './make-snapshot.ts';
export * from './pair-reader.ts';
export type { PresignedPut, PutGrant } from './presigned-put.ts';
export { type ReanalyzeWork, readEdits, reanalyze } from './reanalyze.ts';
export * from './search.ts';
export * from './selection.ts';
export * from './store-config.ts';
export * from './value-eraser.ts';
export { type FileWorkspace, fileWorkspace } from './workspace-files.ts';
