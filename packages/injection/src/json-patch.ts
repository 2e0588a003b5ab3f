// RFC 6902 patches between two JSON values: the least that turns one into the other. Elements of lists are recognised by
// their name (mountPath, ip, containerPort), else by being equal, so that an inserted element costs one operation.
// `undoPatch` makes patches that survive edits in between; `undo.ts` applies them.
import type { PatchOperation, PatchTest } from './contract.ts';

type Fields = Readonly<Record<string, unknown>>;
/** What elements of lists are recognised by, the first one they have. */
const KEY_FIELDS = ['mountPath', 'name', 'ip', 'containerPort'] as const;
/** Larger tables of two lists are not made; such a list is replaced. */
const MAX_CELLS = 1_000_000;
/** Maps that were added to hold something: others may have put things there since. */
const HOLDERS = new Set(['metadata', 'annotations', 'labels']);

/** The operations that turn `before` into `after`; none when they are equal. */
export function jsonPatch(before: unknown, after: unknown): PatchOperation[] {
  const out: PatchOperation[] = [];
  compare(before, after, '', (operation) => out.push(operation));
  return out;
}

/**
 * The operations that turn `after` back into `before`: a valid RFC 6902 patch whose tests say by which name each element
 * of a list is meant, and that a list or map added to hold something is removed only when empty.
 */
export function undoPatch(after: unknown, before: unknown): (PatchOperation | PatchTest)[] {
  const out: (PatchOperation | PatchTest)[] = [];
  compare(after, before, '', (operation, tests) => out.push(...tests, operation), []);
  return out;
}

/** Equality of JSON values. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  if (!isFields(a) || !isFields(b)) return false;
  const keys = keysOf(a);
  return (
    keys.length === keysOf(b).length && keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]))
  );
}

/** A key as a part of a JSON pointer. */
export function pointerPart(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The field an element of a list is recognised by. */
export function keyField(element: unknown): string | null {
  if (!isFields(element)) return null;
  return KEY_FIELDS.find((field) => ['string', 'number'].includes(typeof element[field])) ?? null;
}

export function isKeyField(field: string): boolean {
  return (KEY_FIELDS as readonly string[]).includes(field);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Emit = (operation: PatchOperation, tests: readonly PatchTest[]) => void;

/** `tests`: those that name the elements on the way here; without it this is no undo. */
function compare(from: unknown, to: unknown, path: string, emit: Emit, tests?: readonly PatchTest[]): void {
  if (isEqual(from, to)) return;
  if (Array.isArray(from) && Array.isArray(to)) compareLists(from, to, path, emit, tests);
  else if (isFields(from) && isFields(to)) compareFields(from, to, path, emit, tests);
  else emit({ op: 'replace', path, value: to }, tests ?? []);
}

function compareFields(
  from: Fields,
  to: Fields,
  path: string,
  emit: Emit,
  tests?: readonly PatchTest[],
): void {
  for (const key of keysOf(from)) {
    const at = `${path}/${pointerPart(key)}`;
    if (Object.hasOwn(to, key) && to[key] !== undefined) compare(from[key], to[key], at, emit, tests);
    else removeField(key, from[key], at, emit, tests);
  }
  for (const key of keysOf(to)) {
    if (!Object.hasOwn(from, key) || from[key] === undefined)
      emit({ op: 'add', path: `${path}/${pointerPart(key)}`, value: to[key] }, tests ?? []);
  }
}

function removeField(
  key: string,
  value: unknown,
  at: string,
  emit: Emit,
  tests?: readonly PatchTest[],
): void {
  const empty = Array.isArray(value) ? [] : {};
  const isHolder = tests !== undefined && (Array.isArray(value) || (HOLDERS.has(key) && isFields(value)));
  if (isHolder) compare(value, empty, at, emit, tests);
  const guard = isHolder ? [{ op: 'test', path: at, value: empty } as const] : [];
  emit({ op: 'remove', path: at }, [...(tests ?? []), ...guard]);
}

function compareLists(
  from: readonly unknown[],
  to: readonly unknown[],
  path: string,
  emit: Emit,
  tests?: readonly PatchTest[],
): void {
  const kept = alignment(from, to);
  if (!kept) {
    emit({ op: 'replace', path, value: to }, tests ?? []);
    return;
  }
  let index = 0;
  let next = 0;
  const named = (element: unknown): readonly PatchTest[] | undefined =>
    tests && [...tests, ...nameTest(element, `${path}/${index}`)];
  for (const [position, element] of from.entries()) {
    const match = kept.get(position);
    if (match === undefined) {
      emit({ op: 'remove', path: `${path}/${index}` }, named(element) ?? []);
      continue;
    }
    for (; next < match; next++)
      emit({ op: 'add', path: `${path}/${index++}`, value: to[next] }, tests ?? []);
    compare(element, to[match], `${path}/${index}`, emit, named(element));
    index++;
    next++;
  }
  for (; next < to.length; next++)
    emit({ op: 'add', path: `${path}/${index++}`, value: to[next] }, tests ?? []);
}

function nameTest(element: unknown, path: string): PatchTest[] {
  const field = keyField(element);
  return field === null
    ? [{ op: 'test', path, value: element }]
    : [{ op: 'test', path: `${path}/${field}`, value: (element as Fields)[field] }];
}

/** Which elements of `to` those of `from` become: the longest common subsequence of their identities. */
function alignment(from: readonly unknown[], to: readonly unknown[]): Map<number, number> | null {
  const [a, b] = [from.map(identity), to.map(identity)];
  if ((a.length + 1) * (b.length + 1) > MAX_CELLS) return null;
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    }
  }
  const kept = new Map<number, number>();
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) kept.set(i++, j++);
    else if (longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!) i++;
    else j++;
  }
  return kept;
}

function identity(element: unknown): string {
  const field = keyField(element);
  return field === null ? `=${canonical(element)}` : `${field}:${JSON.stringify((element as Fields)[field])}`;
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isFields(inner)
      ? Object.fromEntries(
          keysOf(inner)
            .sort()
            .map((key) => [key, inner[key]]),
        )
      : inner,
  );
}

function keysOf(fields: Fields): string[] {
  return Object.keys(fields).filter((key) => fields[key] !== undefined);
}
