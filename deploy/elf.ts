// Which libraries a program or library is linked to, read from the ELF file itself: `ldd` would run the program's own
// loader, which a machine of another architecture cannot. 64 bit, little endian (amd64, arm64). Pure: bytes in, names out.

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

interface Segment {
  type: number;
  offset: number;
  address: number;
  size: number;
}

export interface Linkage {
  /** File names, such as `libc.so.6`. */
  needed: string[];
  /** Path of the dynamic loader; null for a library. */
  loader: string | null;
}

/** Linkage of an ELF file; null when the bytes are not one. */
export function linkageOf(file: Buffer): Linkage | null {
  if (file.length < 64 || file.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return null;
  const segments = segmentsOf(file);
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  const interp = segments.find((segment) => segment.type === PT_INTERP);
  return {
    needed: dynamic ? neededOf(file, segments, dynamic) : [],
    loader: interp ? textAt(file, interp.offset) : null,
  };
}

function segmentsOf(file: Buffer): Segment[] {
  const start = Number(file.readBigUInt64LE(32));
  const size = file.readUInt16LE(54);
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const at = start + index * size;
    return {
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 8)),
      address: Number(file.readBigUInt64LE(at + 16)),
      size: Number(file.readBigUInt64LE(at + 32)),
    };
  });
}

function neededOf(file: Buffer, segments: readonly Segment[], dynamic: Segment): string[] {
  const entries: { tag: number; value: number }[] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16)
    entries.push({ tag: Number(file.readBigInt64LE(at)), value: Number(file.readBigUInt64LE(at + 8)) });
  const address = entries.find((entry) => entry.tag === DT_STRTAB)?.value ?? 0;
  const home = segments.find(
    (segment) =>
      segment.type === PT_LOAD && address >= segment.address && address < segment.address + segment.size,
  );
  if (!home) return [];
  const names = address - home.address + home.offset;
  return entries.filter((entry) => entry.tag === DT_NEEDED).map((entry) => textAt(file, names + entry.value));
}

function textAt(file: Buffer, at: number): string {
  return file.toString('latin1', at, file.indexOf(0, at));
}
