// Kubernetes' label selectors, as the API server understands them.
import type { z } from 'zod';
import type { LabelSelector } from './capture-config.ts';

/** Whether a selector matches; an empty one matches everything. */
export function selectorMatches(
  selector: z.infer<typeof LabelSelector>,
  labels: Readonly<Record<string, string>>,
): boolean {
  const exact = Object.entries(selector.matchLabels ?? {});
  return (
    exact.every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const isIn = value !== undefined && values.includes(value);
      return operator === 'In' ? isIn : !isIn;
    })
  );
}
