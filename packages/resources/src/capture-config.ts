// CaptureConfig (namespaced) and ClusterCaptureConfig (cluster-wide): capture chosen by selector, settings and rules kept
// in git instead of annotations. A workload's own annotations win over a CaptureConfig, that over a ClusterCaptureConfig.
import { RulesDocument } from '@echoplane/rules';
import { z } from 'zod';

export const LabelSelector = z.object({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z
    .array(
      z.object({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).optional(),
      }),
    )
    .optional(),
});

export const CaptureConfigSpec = z.object({
  selector: LabelSelector.optional().describe(
    'workloads by their labels, {} for all; without a selector the settings are defaults and capture nothing',
  ),
  settings: z
    .record(z.string(), z.string().max(8_192))
    .default({})
    .describe('settings by the names of the annotations, without the prefix: {"tls-out": "true"}')
    .meta({ maxProperties: 64 }),
});
export type CaptureConfigSpec = z.infer<typeof CaptureConfigSpec>;

export const ClusterCaptureConfigSpec = CaptureConfigSpec.extend({
  namespaceSelector: LabelSelector.optional().describe(
    'namespaces by their labels; without it all but system ones',
  ),
  rules: RulesDocument.optional().describe(
    'filter and redaction rules of the forwarder, instead of those of the control plane: docs/filters.md',
  ),
});
export type ClusterCaptureConfigSpec = z.infer<typeof ClusterCaptureConfigSpec>;
