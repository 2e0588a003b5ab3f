// A test config before anything is run with it: its shape, every expression, every leaf pattern and every goal, each problem with the field and
// the column. Pure; control plane, operator and command line all ask here.
import { compileExpression, FilterError } from '@echoplane/rules';
import { type Assertion, leafPatternProblem, TestConfig } from '@echoplane/traffic';
import { parseGoal } from './goal-language.ts';

export interface TestConfigProblem {
  /** `assertions[2].expression`; empty for the whole. */
  path: string;
  /** What is wrong, with its column in an expression, and what to do. */
  message: string;
}

/** The test config, or everything that is wrong with it. */
export function checkTestConfig(value: unknown): { config: TestConfig } | { problems: TestConfigProblem[] } {
  const parsed = TestConfig.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => ({ path: dotted(path), message }));
    return { problems };
  }
  const problems = [expressionProblems, patternProblems, hostProblems].flatMap((check) => check(parsed.data));
  return problems.length === 0 ? { config: parsed.data } : { problems };
}

/** Problems in one sentence, for whoever has room for one. */
export function problemSentence(problems: readonly TestConfigProblem[]): string {
  return problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
}

function expressionProblems({ assertions = [], goals, responder }: TestConfig): TestConfigProblem[] {
  return [
    ...assertions.flatMap((one, at) => [
      ...problemOf(`assertions[${at}].when`, one.when, compileExpression),
      ...(one.type === 'expect'
        ? problemOf(`assertions[${at}].expression`, one.expression, compileExpression)
        : []),
    ]),
    ...(goals?.rules ?? []).flatMap((rule, at) => problemOf(`goals.rules[${at}]`, rule, parseGoal)),
    ...(responder?.chaos ?? []).flatMap(({ when }, at) =>
      problemOf(`responder.chaos[${at}].when`, when, compileExpression),
    ),
    ...(responder?.generalize ?? []).flatMap(({ when }, at) =>
      problemOf(`responder.generalize[${at}].when`, when, compileExpression),
    ),
  ];
}

/** A pattern that no leaf fits would be no mistake of the schema, and do nothing: configs that were kept before stay readable. */
function patternProblems({ assertions = [], responder }: TestConfig): TestConfigProblem[] {
  const listed = assertions.flatMap((one, at) =>
    Object.entries(patternsOf(one)).flatMap(([field, patterns = []]) =>
      patterns.map((pattern, n) => ({ path: `assertions[${at}].${field}[${n}]`, pattern })),
    ),
  );
  const generalized = (responder?.generalize ?? []).map(({ path: pattern }, at) => ({
    path: `responder.generalize[${at}].path`,
    pattern,
  }));
  return [...listed, ...generalized].flatMap(({ path, pattern }) => {
    const problem = leafPatternProblem(pattern);
    return problem === null ? [] : [{ path, message: `${JSON.stringify(pattern)} fits no leaf: ${problem}` }];
  });
}

function patternsOf(assertion: Assertion): Record<string, readonly string[] | undefined> {
  if (assertion.type === 'schema') return { ignore: assertion.ignore };
  if (assertion.type !== 'body') return {};
  const { ignore, only, unordered } = assertion;
  return { ignore, only, unordered };
}

/** Without a host that may be asked, every miss would stay one. */
function hostProblems({ responder }: TestConfig): TestConfigProblem[] {
  const { missPolicy = 'fail', realHosts = [] } = responder ?? {};
  if (missPolicy === 'fail' || realHosts.length > 0) return [];
  const message = `missPolicy is ${missPolicy} and no host may be asked; name them, such as ["pay.example:443"], or set missPolicy to fail`;
  return [{ path: 'responder.realHosts', message }];
}

function problemOf(
  path: string,
  source: string | undefined,
  compile: (source: string) => unknown,
): TestConfigProblem[] {
  if (source === undefined) return [];
  try {
    compile(source);
    return [];
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return [{ path, message: error.message }];
  }
}

function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  );
}
