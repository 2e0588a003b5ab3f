// What looks on beside the flow and may neither delay nor change it: the export to a collector of the customer's, with
// rules of its own or those of the store, and the independent guard.
import { readFile } from 'node:fs/promises';
import { compileExpression, exprViewOf, parseRules, Redactor, RuleSet } from '@echoplane/rules';
import { OperatingError, type Sample } from '@echoplane/runtime';
import type { FlowHooks } from './flow.ts';
import { Guard } from './guard/guard.ts';
import { type ExportRules, OtlpExport } from './otlp/otlp-export.ts';
import type { PlaneOptions } from './plane.ts';
import type { RulesSource } from './rules-source.ts';
import type { StatusParts } from './status.ts';

export interface Lookers {
  hooks: Pick<FlowHooks, 'raw' | 'shipped' | 'written'>;
  status: StatusParts;
  samples(): Sample[];
  /** Findings of the guard. */
  alarms(): number;
  stop(): Promise<void>;
}

/** Starts both. Throws OperatingError when the export's rules or headers are not what they should be. */
export async function startLookers(
  options: PlaneOptions,
  rules: RulesSource,
  key: Uint8Array,
): Promise<Lookers> {
  const { config, clock, log } = options;
  const guard = new Guard({ share: config.guardShare, clock, log });
  guard.expect(rules.current.document.redaction);
  rules.onChange(({ document }) => guard.expect(document.redaction));
  const otlp = await openExport(options, key);
  const halt = new AbortController();
  const running = Promise.all([guard.run(halt.signal), otlp?.run(halt.signal)]);
  return {
    hooks: {
      raw: otlp?.wantsUnredacted ? (pair) => otlp.offer(pair) : undefined,
      shipped: otlp && !otlp.wantsUnredacted ? (pair) => otlp.offer(pair) : undefined,
      written: (ndjson, place) => guard.offer(ndjson, place),
    },
    status: { guard: () => guard.status(), ...(otlp ? { otlp: () => otlp.status() } : {}) },
    samples: () => [...guard.samples(), ...(otlp?.samples() ?? [])],
    alarms: () => guard.alarms,
    async stop() {
      halt.abort();
      await running;
    },
  };
}

async function openExport({ config, clock, log }: PlaneOptions, key: Uint8Array): Promise<OtlpExport | null> {
  const { otlpUrl: url, otlpHeaders: headers, otlpSignals: signals, otlpRulesFile } = config;
  if (url === undefined) return null;
  const rules = otlpRulesFile === undefined ? null : await exportRules(otlpRulesFile, key);
  return new OtlpExport({ url, headers, signals, rules, clock, log });
}

/** Rules of the export's own; they are read once. */
async function exportRules(file: string, key: Uint8Array): Promise<ExportRules> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    const sentence = `${file} cannot be read; ECHOPLANE_OTLP_RULES_FILE wants a rules document.`;
    throw new OperatingError('otlp_rules_missing', sentence, { cause });
  });
  const { version, filter, redaction } = parseRules(text);
  const ruleSet = RuleSet.compile(filter);
  const compile = (expression: string) => {
    const compiled = compileExpression(expression);
    return (pair: Parameters<typeof exprViewOf>[0]) => compiled.test(exprViewOf(pair));
  };
  const redactor = new Redactor({ rules: redaction, version, key, compile });
  return {
    version,
    keeps: (pair) => ruleSet.decide(pair).fate === 'keep',
    redact: (pair) => redactor.pair(pair),
  };
}
