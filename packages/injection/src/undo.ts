// Applies the patches of `undoPatch` to an object that may have been edited since: what a test names is looked for by its name,
// what is no longer there is passed over, and a holder that others use too stays.
import { INVERSE_ANNOTATION } from '@echoplane/resources';
import { z } from 'zod';
import type { PatchOperation, PatchTest } from './contract.ts';
import { isEqual, isFields, isKeyField, pointerPart, undoPatch } from './json-patch.ts';

const Undo = z.array(
  z.object({
    op: z.enum(['add', 'remove', 'replace', 'test']),
    path: z.string(),
    value: z.unknown().optional(),
  }),
);
const INVERSE_PATH = `/metadata/annotations/${pointerPart(INVERSE_ANNOTATION)}`;

type Annotated = { metadata?: { annotations?: Record<string, string> | undefined } | undefined };

/** Writes into `after` how to become `before` again. */
export function rememberUndo<T extends Annotated>(after: T, before: T): void {
  const annotations = { ...after.metadata?.annotations };
  after.metadata = { ...after.metadata, annotations };
  const undo = [{ op: 'remove', path: INVERSE_PATH }, ...undoPatch(after, before)];
  annotations[INVERSE_ANNOTATION] = JSON.stringify(undo);
}

/** The object as it was, with all edits since; null when it says nothing of how to become that. */
export function undone<T extends Annotated>(object: T): T | null {
  const text = object.metadata?.annotations?.[INVERSE_ANNOTATION];
  if (text === undefined) return null;
  const undo = readUndo(text);
  if (!undo) return null;
  const result = structuredClone(object);
  applyUndo(result, undo);
  return result;
}

function readUndo(text: string): (PatchOperation | PatchTest)[] | null {
  try {
    return Undo.parse(JSON.parse(text)) as (PatchOperation | PatchTest)[];
  } catch {
    return null;
  }
}

/** Changes `object`. */
function applyUndo(object: unknown, undo: readonly (PatchOperation | PatchTest)[]): void {
  let tests: PatchTest[] = [];
  for (const operation of undo) {
    if (operation.op === 'test') {
      tests.push(operation);
      continue;
    }
    const path = located(object, operation.path, tests);
    if (path) applyOne(object, path, operation);
    tests = [];
  }
}

/** Where the path leads in the object as it is now; null when a test does not hold. */
function located(object: unknown, path: string, tests: readonly PatchTest[]): string[] | null {
  /** Index in the patch → index now, by the path of the element in the patch. */
  const moved = new Map<string, string>();
  const now = (pointer: string): string[] => {
    let known = '';
    return partsOf(pointer).map((part) => {
      known += `/${part}`;
      return moved.get(known) ?? part;
    });
  };
  for (const { path: tested, value } of tests) {
    const parts = partsOf(tested);
    const field = isKeyField(parts.at(-1)!) && /^\d+$/.test(parts.at(-2) ?? '') ? parts.pop()! : null;
    const isElement = /^\d+$/.test(parts.at(-1) ?? '');
    const pointer = parts.map((part) => `/${part}`).join('');
    if (!isElement) {
      if (!isEqual(valueAt(object, now(tested)), value)) return null;
      continue;
    }
    const list = valueAt(object, now(pointer).slice(0, -1));
    if (!Array.isArray(list)) return null;
    const index = list.findIndex((element) =>
      field === null ? isEqual(element, value) : isFields(element) && isEqual(element[field], value),
    );
    if (index < 0) return null;
    moved.set(pointer, String(index));
  }
  return now(path);
}

function partsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function valueAt(object: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, part) => {
    if (Array.isArray(value)) return value[Number(part)];
    return isFields(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }, object);
}

function applyOne(object: unknown, path: readonly string[], operation: PatchOperation): void {
  const holder = valueAt(object, path.slice(0, -1));
  const last = path.at(-1)!;
  if (Array.isArray(holder)) {
    const index = Math.min(Number(last), holder.length);
    if (operation.op === 'add') holder.splice(index, 0, operation.value);
    else if (operation.op === 'remove') holder.splice(index, 1);
    else holder[index] = operation.value;
  } else if (isFields(holder)) {
    const fields = holder as Record<string, unknown>;
    if (operation.op === 'remove') delete fields[last];
    else fields[last] = operation.value;
  }
}
