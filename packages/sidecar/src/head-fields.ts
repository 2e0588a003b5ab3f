// Reads single fields of a raw head block where it lies: HTTP/1 heads and decoded HTTP/2 header blocks alike (`name: value`
// lines). One pass, no objects, no copies. It must not know what a field means.
const LINE_FEED = 0x0a;
const COLON = 0x3a;
const UPPER = 0x20;

/** The name of a field as it is searched: lower case ASCII. */
export type FieldName = Uint8Array;

/** A name in its searchable form. */
export function fieldName(name: string): FieldName {
  return Buffer.from(name.toLowerCase(), 'latin1');
}

/**
 * The values of fields by the place of their names in `names`, as views of the head without surrounding blanks; the first
 * of a repeated field, undefined for one that is absent.
 */
export function readFields(head: Buffer, names: readonly FieldName[]): (Buffer | undefined)[] {
  const values: (Buffer | undefined)[] = new Array(names.length);
  for (let start = 0; start < head.length; ) {
    const feed = head.indexOf(LINE_FEED, start);
    const end = feed < 0 ? head.length : feed;
    for (let i = 0; i < names.length; i++) {
      if (values[i] === undefined && isNamed(head, start, end, names[i]!))
        values[i] = trim(head, start + names[i]!.length + 1, end);
    }
    start = end + 1;
  }
  return values;
}

function isNamed(head: Buffer, start: number, end: number, name: FieldName): boolean {
  if (end - start <= name.length || head[start + name.length] !== COLON) return false;
  for (let i = 0; i < name.length; i++) {
    const byte = head[start + i]!;
    if ((byte >= 0x41 && byte <= 0x5a ? byte | UPPER : byte) !== name[i]) return false;
  }
  return true;
}

function trim(head: Buffer, from: number, to: number): Buffer {
  let start = from;
  let end = to;
  while (start < end && head[start]! <= 0x20) start++;
  while (end > start && head[end - 1]! <= 0x20) end--;
  return head.subarray(start, end);
}
