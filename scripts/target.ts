// What the build makes its files for: this machine, or another architecture by Debian's cross compiler and QEMU.
import { installPackages } from "./packages.ts";

export interface Target {
  /** Follows "build" and "dist" in the names of directories. */
  readonly place: string;
  /** Variables of make. */
  readonly make: readonly string[];
  /** Arguments of get-libraries.sh. */
  readonly libraries: readonly string[];
  /** What runs the target's programs here. */
  readonly emulator: readonly string[];
}

const HERE: Target = { place: "", make: [], libraries: [], emulator: [] };
/** Debian's name: the processor's, in names of tools. tsrun-init (native/init/sys.h) and the shim (spawn.c) have machine code for these and for x86-64. */
const CPUS: Readonly<Record<string, string>> = { arm64: "aarch64" };

/** `arch`: undefined for this machine. Installs the tools that are missing. */
export function targetOf(arch: string | undefined): Target {
  if (arch === undefined) return HERE;
  const cpu = CPUS[arch];
  if (cpu === undefined) throw new Error(`--arch: one of ${Object.keys(CPUS).join(", ")}`);
  const tools = `${cpu}-linux-gnu-`;
  const packages = {
    [`gcc-${cpu}-linux-gnu`]: `/usr/bin/${tools}gcc`,
    [`libc6-dev-${arch}-cross`]: `/usr/${cpu}-linux-gnu/include/stdio.h`,
    "qemu-user": `/usr/bin/qemu-${cpu}`,
  };
  if (!installPackages(packages)) throw new Error(`these Debian packages are needed: ${Object.keys(packages).join(" ")}`);
  return { place: `/${arch}`, make: [`CC=${tools}gcc`, `AR=${tools}ar`], libraries: [arch, cpu], emulator: [`qemu-${cpu}`] };
}
