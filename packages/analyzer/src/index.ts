// RRPairs to artifacts, results to a report.
export * from './analyze.ts';
export { buildReport, type ReportInput } from './report.ts';
export { slowerFindings, type TimedEndpoint } from './slower.ts';
export { latencyOf, median, medianAbsoluteDeviation } from './statistics.ts';
