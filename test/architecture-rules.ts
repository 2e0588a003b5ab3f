// How the arrows run, as data: pure ← kits ← programs. `violations` holds sources against it and names each offence with
// the file and what it imports. docs/architecture.md says the same in prose.
import { type ParserOptions, parseSync, Visitor } from 'oxc-parser';

export type Kind = 'pure' | 'kit' | 'program';

/** Every package, what kind it is, and which of ours it may import. */
export const PACKAGES: Record<string, { kind: Kind; mayImport: string[] }> = {
  traffic: { kind: 'pure', mayImport: [] },
  wire: { kind: 'pure', mayImport: ['traffic'] },
  replay: { kind: 'pure', mayImport: ['traffic'] },
  transforms: { kind: 'pure', mayImport: ['traffic', 'rules', 'replay'] },
  analyzer: { kind: 'pure', mayImport: ['traffic', 'rules', 'replay', 'transforms'] },
  api: { kind: 'pure', mayImport: ['traffic'] },
  rules: { kind: 'pure', mayImport: ['traffic', 'replay'] },
  resources: { kind: 'pure', mayImport: ['traffic', 'rules'] },
  injection: { kind: 'pure', mayImport: ['resources'] },
  runtime: { kind: 'kit', mayImport: ['traffic', 'wire'] },
  kube: { kind: 'kit', mayImport: ['runtime'] },
  diagnosis: { kind: 'kit', mayImport: ['api', 'resources', 'kube'] },
  archive: { kind: 'kit', mayImport: ['traffic', 'analyzer', 'rules', 'replay', 'transforms', 'runtime'] },
  sidecar: { kind: 'program', mayImport: ['traffic', 'wire', 'runtime'] },
  forwarder: {
    kind: 'program',
    mayImport: [
      ...['traffic', 'wire', 'rules', 'analyzer', 'api', 'resources'],
      ...['runtime', 'archive', 'kube'],
    ],
  },
  generator: { kind: 'program', mayImport: ['traffic', 'wire', 'rules', 'replay', 'transforms', 'runtime'] },
  responder: { kind: 'program', mayImport: ['traffic', 'wire', 'rules', 'replay', 'transforms', 'runtime'] },
  operator: {
    kind: 'program',
    mayImport: ['traffic', 'analyzer', 'rules', 'api', 'resources', 'injection', 'runtime', 'kube'],
  },
  inspector: { kind: 'program', mayImport: ['api', 'resources', 'runtime', 'kube', 'diagnosis'] },
  collector: { kind: 'program', mayImport: ['api', 'resources', 'runtime', 'kube'] },
  cloud: {
    kind: 'program',
    mayImport: ['traffic', 'analyzer', 'rules', 'replay', 'transforms', 'api', 'runtime', 'archive'],
  },
  dashboard: { kind: 'program', mayImport: ['traffic', 'replay', 'api'] },
  cli: {
    kind: 'program',
    mayImport: [
      ...['traffic', 'wire', 'rules', 'replay', 'transforms', 'analyzer'],
      ...['api', 'resources', 'injection', 'runtime', 'kube', 'diagnosis'],
    ],
  },
  demo: { kind: 'program', mayImport: [] },
};

/** Libraries that only some packages may hold. */
const ONLY_IN: Record<string, string[]> = {
  fastify: ['cloud', 'operator', 'demo'],
  pg: ['cloud', 'demo', 'responder'],
  pino: ['runtime'],
  '@peculiar/x509': ['runtime'],
  protobufjs: ['wire'],
  react: ['dashboard'],
  commander: ['cli'],
  koffi: ['sidecar'],
  '@kubernetes/client-node': ['kube'],
  yaml: ['cli', 'resources'],
  '@marcbachmann/cel-js': ['rules'],
  re2js: ['rules'],
  '@aws-sdk/client-s3': ['archive'],
  '@aws-sdk/client-firehose': ['forwarder'],
};

/** Built-ins of Node that compute and nothing else: all that a pure package may use. */
const PURE_BUILTINS = new Set(['node:zlib', 'node:crypto', 'node:buffer']);
/** Names that reach out of a pure package: clock, randomness, timers, the process. */
const IMPURE_NAMES =
  /\b(?:Date\.now|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|process\.\w+|console\.\w+|randomBytes|randomUUID|new Date\(\))/;
const BANNED_FILE_WORDS = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'shared',
  'misc',
  'manager',
]);
const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;

export interface Source {
  /** `packages/NAME/src/…` */
  path: string;
  text: string;
}

/** Every offence, one sentence each; none is what we want. `dependencies`: what each package.json declares. */
export function violations(
  sources: readonly Source[],
  dependencies: Readonly<Record<string, readonly string[]>>,
): string[] {
  const graph = new Map<string, string[]>();
  const found: string[] = [];
  for (const source of sources) {
    const [, owner = ''] = source.path.split('/');
    const { all, values } = importsOf(source);
    graph.set(
      source.path,
      values.flatMap((specifier) => resolveLocal(source.path, specifier)),
    );
    for (const specifier of all)
      found.push(...importOffences(source.path, owner, specifier, dependencies[owner] ?? []));
    found.push(...fileOffences(source, owner));
  }
  return [...found, ...cycles(graph)];
}

function importOffences(
  path: string,
  owner: string,
  specifier: string,
  declared: readonly string[],
): string[] {
  const rules = PACKAGES[owner];
  if (!rules) return [`${path}: package ${owner} has no rules; add it to PACKAGES`];
  if (specifier.startsWith('.')) return localOffences(path, specifier);
  const isTest = isTestFile(path);
  if (specifier.startsWith('node:')) {
    return rules.kind === 'pure' && !isTest && !PURE_BUILTINS.has(specifier)
      ? [`${path}: a pure package imports ${specifier}`]
      : [];
  }
  const name = specifier.startsWith('@')
    ? specifier.split('/').slice(0, 2).join('/')
    : specifier.split('/')[0]!;
  const offences: string[] = [];
  const ours = /^@echoplane\/([^/]+)/.exec(specifier)?.[1];
  if (ours && !rules.mayImport.includes(ours))
    offences.push(
      `${path}: ${owner} (${rules.kind}) imports ${specifier} (${PACKAGES[ours]?.kind ?? 'unknown'})`,
    );
  const only = ONLY_IN[name];
  if (only && !only.includes(owner)) offences.push(`${path}: ${name} belongs in ${only.join(', ')} only`);
  if (!isTest && !declared.includes(name))
    offences.push(`${path}: ${name} is not in the package.json of ${owner}`);
  return offences;
}

function localOffences(path: string, specifier: string): string[] {
  const outside = resolveLocal(path, specifier).some((target) => packageOf(target) !== packageOf(path));
  const allowed =
    isTestFile(path) && resolveLocal(path, specifier).every((target) => target.startsWith('test/'));
  return outside && !allowed ? [`${path}: reaches into another package by path: ${specifier}`] : [];
}

function fileOffences({ path, text }: Source, owner: string): string[] {
  const offences: string[] = [];
  const lines = text.trimEnd().split('\n');
  const base = path.split('/').at(-1)!.replace(/\..*$/, '');
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(base)) offences.push(`${path}: file names are kebab-case`);
  const word = base.split('-').find((part) => BANNED_FILE_WORDS.has(part));
  if (word) offences.push(`${path}: "${word}" says nothing; name the thing`);
  if (!isTestFile(path) && !/^(#!.*\n)?(\/\/|\/\*)/.test(text))
    offences.push(`${path}: opens without a sentence on what it owns`);
  const header = lines.slice(0, 12).join('\n');
  if (lines.length > MAX_FILE_LINES && !header.includes(`over ${MAX_FILE_LINES} lines because`)) {
    offences.push(`${path}: ${lines.length} lines, over ${MAX_FILE_LINES} without a reason in the header`);
  }
  if (isTestFile(path)) return offences;
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/'[^'\n]*'|`[^`]*`/g, "''");
  const impure = PACKAGES[owner]?.kind === 'pure' ? IMPURE_NAMES.exec(code)?.[0] : undefined;
  if (impure) offences.push(`${path}: a pure package uses ${impure}`);
  if (code.includes('process.env') && base !== 'main')
    offences.push(`${path}: process.env is read in main.ts only`);
  return [...offences, ...longFunctions(path, text)];
}

function longFunctions(path: string, text: string): string[] {
  const offences: string[] = [];
  const check = (node: { start: number; end: number }) => {
    const lines = text.slice(node.start, node.end).split('\n').length;
    const at = text.slice(0, node.start).split('\n').length;
    if (lines > MAX_FUNCTION_LINES)
      offences.push(`${path}:${at}: a function of ${lines} lines, over ${MAX_FUNCTION_LINES}`);
  };
  const visitor = new Visitor({
    FunctionDeclaration: check,
    FunctionExpression: check,
    ArrowFunctionExpression: check,
  });
  visitor.visit(parse(path, text).program);
  return offences;
}

/** What a file imports, and what of it it needs when it runs (types are gone by then). */
function importsOf({ path, text }: Source): { all: string[]; values: string[] } {
  const { module } = parse(path, text);
  const all = new Set<string>();
  const values = new Set<string>();
  for (const { moduleRequest, entries } of module.staticImports) {
    all.add(moduleRequest.value);
    if (entries.length === 0 || entries.some((entry) => !entry.isType)) values.add(moduleRequest.value);
  }
  for (const entry of module.staticExports.flatMap((statement) => statement.entries)) {
    if (!entry.moduleRequest) continue;
    all.add(entry.moduleRequest.value);
    if (!entry.isType) values.add(entry.moduleRequest.value);
  }
  return { all: [...all], values: [...values] };
}

function parse(path: string, text: string) {
  const options: ParserOptions = { lang: path.endsWith('.tsx') ? 'tsx' : 'ts', sourceType: 'module' };
  const result = parseSync(path, text, options);
  if (result.errors.length > 0) throw new Error(`${path} cannot be parsed: ${result.errors[0]!.message}`);
  return result;
}

function resolveLocal(from: string, specifier: string): string[] {
  if (!specifier.startsWith('.')) return [];
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return [parts.join('/')];
}

function packageOf(path: string): string {
  return path.split('/').slice(0, 2).join('/');
}

function isTestFile(path: string): boolean {
  return /\.test\.tsx?$|\.fixture\.ts$|-stage\.ts$|test-/.test(path);
}

/** Import cycles inside packages, each named once by its files. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found = new Map<string, string>();
  const done = new Set<string>();
  const walk = (file: string, trail: string[]) => {
    const seen = trail.indexOf(file);
    if (seen >= 0) {
      const ring = trail.slice(seen);
      found.set([...ring].sort().join(), `import cycle: ${[...ring, file].join(' → ')}`);
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) walk(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  return [...found.values()];
}
