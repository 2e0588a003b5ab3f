// RRPairs to artifacts, results to a report.
export * from './analyze.ts';
export { ANALYZER_VERSION, type ArtifactSink, analyzeStream, type StreamAnalysis } from './analyze-stream.ts';
export type { ClientTime } from './client-times.ts';
export * from './edits.ts';
export { recordedAnswer } from './recorded-answers.ts';
export { buildReport, type ReportInput, toldAt } from './report/build-report.ts';
export * from './report/check-test-config.ts';
export * from './report/compare-reports.ts';
export type { TimedEndpoint } from './report/endpoint-tally.ts';
export * from './report/exit-code.ts';
export { type Goal, METRICS, parseGoal } from './report/goal-language.ts';
export * from './report/junit.ts';
export * from './report/markdown.ts';
export { ReportBuilder, type ReportOptions } from './report/report-builder.ts';
export { ShownCredentials } from './shown-credentials.ts';
export { median } from './statistics.ts';
export { requestParts } from './targets.ts';
export * from './workspace.ts';
