// The process kit: what every long-lived program of Echoplane needs, and nothing a library user would.
export * from './backoff.ts';
export { CaptureSender, type CaptureSenderOptions, type PassThroughShare } from './capture-sender.ts';
export type { CaptureTls } from './capture-transport.ts';
export * from './certificates.ts';
export * from './clock.ts';
export * from './config.ts';
export * from './folder.ts';
export * from './health.ts';
export * from './lifecycle.ts';
export * from './line-file.ts';
export * from './listen.ts';
export * from './log.ts';
export * from './object-store.ts';
export * from './program.ts';
export * from './shipping.ts';
export * from './tls-files.ts';
