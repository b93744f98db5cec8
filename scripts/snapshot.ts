// Puts the heap that the build made into the executable that made it: the same ELF file, with the heap as the content of the
// segment at SNAPSHOT_ADDRESS instead of the room that the linker left there. It is the last one in the file.

/** Far above code and data, below 2 GiB as the code model wants it, and the same in the file that writes the heap. */
export const SNAPSHOT_ADDRESS = "0x10000000";

// Offsets in an ELF64 header and in a program header (elf(5)).
const E_PHOFF = 32;
const E_SHOFF = 40;
const E_PHENTSIZE = 54;
const E_PHNUM = 56;
const E_SHNUM = 60;
const E_SHSTRNDX = 62;
const P_OFFSET = 8;
const P_VADDR = 16;
const P_FILESZ = 32;

export function withSnapshot(executable: Buffer, heap: Buffer): Buffer {
  const first = Number(executable.readBigUInt64LE(E_PHOFF));
  const size = executable.readUInt16LE(E_PHENTSIZE);
  const headers = Array.from({ length: executable.readUInt16LE(E_PHNUM) }, (_, index) => first + index * size);
  const header = headers.find((at) => executable.readBigUInt64LE(at + P_VADDR) === BigInt(SNAPSHOT_ADDRESS));
  if (header === undefined) throw new Error(`no segment at ${SNAPSHOT_ADDRESS}`);
  const result = Buffer.concat([executable.subarray(0, Number(executable.readBigUInt64LE(header + P_OFFSET))), heap]);
  const last = Math.max(...headers.map((at) => Number(result.readBigUInt64LE(at + P_OFFSET))));
  if (last > result.length - heap.length) throw new Error("the snapshot is not the last segment of the file");
  // P_MEMSZ stays: the rest of the room is where the tool's own objects go.
  result.writeBigUInt64LE(BigInt(heap.length), header + P_FILESZ);
  // The section table was behind the segments; nobody needs it to run.
  result.writeBigUInt64LE(0n, E_SHOFF);
  result.writeUInt16LE(0, E_SHNUM);
  result.writeUInt16LE(0, E_SHSTRNDX);
  return result;
}
