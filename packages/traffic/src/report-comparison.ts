// What changed between two reports of the same tests. A public contract: fields are only added.
import { z } from 'zod';
import { Finding, LeafCounts, Verdict } from './report.ts';

const Side = z.object({
  replay: z.uuid(),
  verdict: Verdict,
  successRate: z.number().nullable(),
  passed: z.int(),
  failed: z.int(),
  leaves: LeafCounts.optional(),
});

/** How the latency of an endpoint moved from one replay to the other. */
export const LatencyMove = z.object({
  method: z.string(),
  endpoint: z.string(),
  service: z.string().optional(),
  /** Medians, µs. */
  beforeUs: z.int(),
  afterUs: z.int(),
  /** 1 − the probability that chance did it; null when there are too few samples to say. */
  confidence: z.number().nullable(),
  /** Whether it is beyond noise. */
  isCalled: z.boolean(),
});
export type LatencyMove = z.infer<typeof LatencyMove>;

/** A leaf that differs from the recording in both, but not in the same way. */
export const LeafMove = z.object({
  method: z.string(),
  endpoint: z.string(),
  path: z.string(),
  expected: z.string().nullable(),
  before: z.string().nullable(),
  after: z.string().nullable(),
});
export type LeafMove = z.infer<typeof LeafMove>;

export const ReportComparison = z.object({
  before: Side,
  after: Side,
  /** What changed, in a few sentences. */
  sentences: z.array(z.string()),
  findings: z.object({
    /** Only in the later one. */
    new: z.array(Finding),
    /** Only in the earlier one. */
    gone: z.array(Finding),
    /** In both, as the later one has them, with how often the earlier one had them; `isMore`: more often than chance explains. */
    same: z.array(z.object({ finding: Finding, before: z.int(), isMore: z.boolean().optional() })),
  }),
  leaves: z.array(LeafMove),
  latency: z.array(LatencyMove),
  /** Endpoints that only one of them has. */
  endpoints: z.object({ new: z.array(z.string()), gone: z.array(z.string()) }),
});
export type ReportComparison = z.infer<typeof ReportComparison>;
