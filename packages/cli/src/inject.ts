// `echoplane inject` and `echoplane uninject`: manifests in, the same manifests out with our sidecar or without it, without
// a cluster. What is not changed keeps its comments, order and style.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import {
  injectManifest,
  jsonPatch,
  type ManifestFacts,
  type Note,
  type PatchOperation,
  uninjectManifest,
} from '@echoplane/injection';
import { INSTALL_NAMESPACE, type KubeObject, PORTS } from '@echoplane/resources';
import { OperatingError } from '@echoplane/runtime';
import { type Document, isMap, isSeq, parseAllDocuments } from 'yaml';

const MAX_BYTES = 64 << 20;

export interface InjectOptions {
  image: string;
  cluster: string;
  installNamespace?: string;
  /** `host:port` */
  forwarder?: string;
  podSecurity?: ManifestFacts['podSecurity'];
  imagePullPolicy?: ManifestFacts['imagePullPolicy'];
}
export interface Rewritten {
  text: string;
  /** What people should be told, one sentence each. */
  notes: string[];
  changed: number;
}

/** Reads a file, or stdin for `-`. */
export async function readManifest(path: string, stdin: NodeJS.ReadableStream): Promise<string> {
  try {
    const content = path === '-' ? await text(stdin) : await readFile(path, 'utf8');
    if (content.length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    return content;
  } catch (cause) {
    const name = path === '-' ? 'stdin' : path;
    throw new OperatingError('manifest_unreadable', `${name} cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

/** Injects every workload of a manifest. */
export function injectText(manifest: string, options: InjectOptions): Rewritten {
  const facts: ManifestFacts = {
    image: options.image,
    imagePullPolicy: options.imagePullPolicy ?? 'IfNotPresent',
    cluster: options.cluster,
    installNamespace: options.installNamespace ?? INSTALL_NAMESPACE,
    namespace: '',
    podSecurity: options.podSecurity ?? 'privileged',
    nativeSidecars: true,
    namespaceLabels: {},
    captureConfigs: [],
    clusterConfigs: [],
    ...(options.forwarder && { forwarder: addressOf(options.forwarder) }),
  };
  return rewrite(manifest, (object) => {
    const { object: after, notes, refused } = injectManifest(object, facts);
    return { after, notes: sentences(object, notes, refused) };
  });
}

/** Takes the injection of every workload of a manifest back. */
export function uninjectText(manifest: string): Rewritten {
  return rewrite(manifest, (object) => ({ after: uninjectManifest(object), notes: [] }));
}

type Change = (object: KubeObject) => { after: KubeObject; notes: string[] };

function rewrite(manifest: string, change: Change): Rewritten {
  const documents = parseAllDocuments(manifest);
  const list = Array.isArray(documents) ? documents : [];
  const [problem] = list.flatMap(({ errors }) => errors);
  if (problem)
    throw new OperatingError('manifest_invalid', `The manifest is not valid YAML: ${problem.message}`);
  const notes: string[] = [];
  const changed = new Set<Document>();
  for (const document of list) {
    for (const { object, path } of objectsOf(document.toJS())) {
      const outcome = change(object);
      const patch = jsonPatch(object, outcome.after);
      for (const operation of patch) applyTo(document, path, operation);
      if (patch.length > 0) changed.add(document);
      notes.push(...outcome.notes);
    }
  }
  const parts = list.map((document, index) => {
    // As it was written, to the blank.
    if (!changed.has(document)) return manifest.slice(index === 0 ? 0 : document.range[0], document.range[2]);
    const text = document.toString({ lineWidth: 0 });
    return index === 0 || text.startsWith('---') ? text : `---\n${text}`;
  });
  return { text: changed.size === 0 ? manifest : parts.join(''), notes, changed: changed.size };
}

/** The objects of a document: itself, or the items of a List. */
function objectsOf(value: unknown): { object: KubeObject; path: string[] }[] {
  if (isObject(value) && value.kind === 'List' && Array.isArray(value.items))
    return value.items.flatMap((item: unknown, index) =>
      isObject(item) ? [{ object: item, path: ['items', String(index)] }] : [],
    );
  return isObject(value) ? [{ object: value, path: [] }] : [];
}

function isObject(value: unknown): value is KubeObject & { items?: unknown } {
  const object = value as Partial<KubeObject> | null;
  return (
    typeof object === 'object' &&
    typeof object?.apiVersion === 'string' &&
    typeof object.kind === 'string' &&
    (object.kind === 'List' || (typeof object.metadata === 'object' && object.metadata !== null))
  );
}

function applyTo(document: Document, base: readonly string[], { op, path, value }: PatchOperation): void {
  const parts = path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const full = [...base, ...parts];
  const holder = document.getIn(full.slice(0, -1), true) ?? document.contents;
  const last = full.at(-1)!;
  if (isSeq(holder)) {
    const index = Number(last);
    if (op === 'add') holder.items.splice(index, 0, document.createNode(value));
    else if (op === 'remove') holder.items.splice(index, 1);
    else holder.items[index] = document.createNode(value);
  } else if (isMap(holder)) {
    if (op === 'remove') holder.delete(last);
    else holder.set(last, document.createNode(value));
  }
}

function sentences({ kind, metadata }: KubeObject, notes: readonly Note[], refused: string | null): string[] {
  const name = `${kind} ${metadata.name ?? metadata.generateName ?? ''}`;
  const said = notes.map(({ message }) => `${name}: ${message}`);
  if (refused === null || said.length > 0) return said;
  return /hands off|not asked for/.test(refused) ? [`${name}: not injected, ${refused}.`] : [];
}

function addressOf(address: string): { host: string; port: number } {
  const [, host = '', port = String(PORTS.forwarder)] =
    /^([^\s:]+|\[[\da-f:]+\])(?::(\d{1,5}))?$/i.exec(address) ?? [];
  if (host === '' || Number(port) < 1 || Number(port) > 65_535)
    throw new OperatingError(
      'forwarder_invalid',
      `${address} is not the address of a forwarder, such as forwarder.example.com:4150.`,
    );
  return { host, port: Number(port) };
}
