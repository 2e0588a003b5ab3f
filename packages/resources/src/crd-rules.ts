// What the API server itself refuses of our objects, in CEL, and the columns kubectl shows.
import { SETTING_NAMES } from './settings.ts';

export interface Rule {
  /** Path below spec; `[]` for elements. */
  at: readonly string[];
  rule: string;
  message: string;
}

const CHANGEABLE = ['suspend', 'cancel'];
/** All other fields but `testConfig`, which may be anything and so is unknown to CEL: the operator's webhook holds it. */
const FIXED = [
  ...['snapshot', 'mode', 'workloads', 'isolate', 'allowLiveTraffic', 'cleanup', 'timeout'],
  ...['ttlAfterFinished', 'buildTag', 'baseline', 'secretRefs', 'generator', 'responder'],
];
/** `x` unchanged, there or not. */
const same = (field: string) =>
  `(has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field}))`;

export const REPLAY_RULES: readonly Rule[] = [
  {
    at: [],
    rule: FIXED.map(same).join(' && '),
    message: `spec cannot be changed, but for ${CHANGEABLE.join(' and ')}: create another TrafficReplay`,
  },
  {
    at: [],
    rule: "self.mode == 'tests-only' || self.workloads.all(w, !has(w.url))",
    message: 'url is possible with mode tests-only: there is no pod to wire',
  },
  {
    at: [],
    rule: "!(self.isolate && self.mode == 'tests-only')",
    message: 'isolate cuts what is not mocked, and mode tests-only mocks nothing',
  },
  {
    at: ['workloads', '[]'],
    rule: 'has(self.ref) != has(self.url)',
    message: 'exactly one of ref and url is needed',
  },
  {
    at: ['workloads', '[]'],
    rule: "!(has(self.url) && (self.routing == 'hostalias' || has(self.mocks)))",
    message: 'routing hostalias and mocks need ref: with url there is no pod to wire',
  },
  {
    at: ['workloads', '[]'],
    rule: "!(self.routing == 'hostalias' && has(self.mocks) && self.mocks.exists(m, m == '*'))",
    message: 'mocks are named with routing hostalias; * is possible with routing sidecar',
  },
];

export const SETTINGS_RULE: readonly Rule[] = [
  {
    at: ['settings'],
    rule: `self.all(name, name in ${JSON.stringify(SETTING_NAMES)})`,
    message: 'a setting is the name of an annotation without its prefix, such as tls-out',
  },
];

const column = (name: string, type: string, jsonPath: string, description: string) => ({
  ...{ name, type, jsonPath, description },
});
export const REPLAY_COLUMNS = [
  column('Phase', 'string', '.status.phase', 'where the replay is'),
  column('Verdict', 'string', '.status.verdict', 'how it ended'),
  column('Success', 'string', '.status.report.success', 'share of requests whose assertions held'),
  column('P95', 'number', '.status.report.p95Ms', '95th percentile of the latency, ms'),
  column('Age', 'date', '.metadata.creationTimestamp', ''),
].map(({ description, ...rest }) => (description ? { ...rest, description } : rest));
